import { describe, expect, test } from '@jest/globals';
import { diagnose, type Diagnosis } from '../../../../src/cloudformation/diagnosis/diagnosis.ts';
import { type ResourceEvent, Timeline } from '../../../../src/cloudformation/execution/events.ts';
import { fail, awsError, fakeAws, type Handlers, templateOf } from '../aws.ts';

const ROOT = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app/1';
const CHILD = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app-Network-X/1';
const STACK = 'AWS::CloudFormation::Stack';

interface Happening {
  at: number;
  id?: string;
  status: string;
  reason?: string;
  type?: string;
  /** In the nested stack Network. */
  nested?: boolean;
  hook?: { type: string; reason: string };
}

function timelineOf(happenings: readonly Happening[]): Timeline {
  const timeline = new Timeline(ROOT);
  const add = ({ at, id, status, reason, type, nested, hook }: Happening, index: number): void => {
    const stackId = nested ? CHILD : ROOT;
    const event: ResourceEvent = {
      id: String(index),
      stackId,
      logicalId: id ?? 'app',
      physicalId: id === undefined ? stackId : `${id}-1`,
      type: type ?? (id === undefined ? STACK : 'AWS::EC2::VPC'),
      status,
      at,
      ...(reason === undefined ? {} : { reason }),
      ...(hook === undefined ? {} : { hook }),
    };
    timeline.add(event, nested ? ['Network'] : []);
  };
  // In the order of the watch: the root's events first, then those of nested stacks.
  happenings.filter(({ nested }) => !nested).forEach(add);
  happenings.filter(({ nested }) => nested).forEach(add);
  return timeline;
}

async function diagnosed(
  happenings: readonly Happening[],
  options: { handlers?: Handlers; operationId?: string; reason?: string } = {},
): Promise<Diagnosis> {
  const { handlers = {}, ...rest } = options;
  const execution = { status: 'X', timeline: timelineOf(happenings), durationMs: 0, ...rest };
  return await diagnose(fakeAws(handlers).context, execution, { stackName: 'app' });
}

const CANCELLED = 'Resource creation cancelled';

describe('the root cause', () => {
  test.each<[string, Happening[], { path: string; also: string[] }]>([
    [
      'is the first in time, not the newest event',
      [
        { at: 1, id: 'First', status: 'CREATE_FAILED', reason: 'no such image' },
        { at: 2, id: 'Second', status: 'CREATE_FAILED', reason: 'also bad' },
        { at: 3, id: 'Third', status: 'CREATE_FAILED', reason: CANCELLED },
        {
          at: 4,
          status: 'ROLLBACK_IN_PROGRESS',
          reason: 'The following resource(s) failed to create: [First, Second, Third].',
        },
      ],
      { path: 'First', also: ['Second'] },
    ],
    [
      'is never the cancelled one, even if it is reported first',
      [
        { at: 1, id: 'Cancelled', status: 'CREATE_FAILED', reason: CANCELLED },
        { at: 1, id: 'Cause', status: 'CREATE_FAILED', reason: 'bad' },
        { at: 1, id: 'Late', status: 'UPDATE_FAILED', reason: 'Resource update cancelled' },
      ],
      { path: 'Cause', also: [] },
    ],
    [
      'is inside the nested stack, not its row in the parent',
      [
        {
          at: 5,
          id: 'Network',
          type: STACK,
          status: 'CREATE_FAILED',
          reason: 'Embedded stack arn:x was not successfully created: [Subnet].',
        },
        { at: 6, status: 'ROLLBACK_IN_PROGRESS' },
        { at: 4, id: 'Subnet', status: 'CREATE_FAILED', reason: 'CIDR conflicts', nested: true },
        {
          at: 4,
          status: 'CREATE_FAILED',
          reason: 'The following resource(s) failed to create: [Subnet].',
          nested: true,
        },
      ],
      { path: 'Network/Subnet', also: [] },
    ],
    [
      'is the row of the nested stack if nothing inside it started',
      [{ at: 5, id: 'Network', type: STACK, status: 'CREATE_FAILED', reason: 'S3 error: Access Denied' }],
      { path: 'Network', also: [] },
    ],
    [
      'is what happened before the rollback',
      [
        { at: 1, id: 'Cause', status: 'UPDATE_FAILED', reason: 'bad' },
        { at: 2, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
        { at: 3, id: 'Other', status: 'UPDATE_FAILED', reason: 'cannot go back' },
      ],
      { path: 'Cause', also: [] },
    ],
    [
      'is the stack itself if no resource failed',
      [
        {
          at: 1,
          status: 'UPDATE_ROLLBACK_IN_PROGRESS',
          reason: 'No export named net-VpcId found. Rollback requested by user.',
        },
      ],
      { path: 'app', also: [] },
    ],
  ])('%s', async (_name, happenings, expected) => {
    const { rootCause, alsoFailed } = await diagnosed(happenings);
    expect([...(rootCause?.nesting ?? []), rootCause?.logicalId].join('/')).toBe(expected.path);
    expect(alsoFailed.map(({ logicalId }) => logicalId)).toEqual(expected.also);
  });

  test('there is none if AWS reports none', async () => {
    expect((await diagnosed([])).rootCause).toBeUndefined();
  });

  test('distinguishes what stops a rollback', async () => {
    const { rollbackFailures, rolledBack } = await diagnosed([
      { at: 1, id: 'Cause', status: 'UPDATE_FAILED', reason: 'bad' },
      { at: 2, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
      { at: 3, id: 'Other', status: 'UPDATE_FAILED', reason: 'cannot go back' },
      { at: 3, id: 'Third', status: 'UPDATE_FAILED', reason: 'Resource update cancelled' },
    ]);
    expect(rollbackFailures.map(({ logicalId }) => logicalId)).toEqual(['Other']);
    expect(rolledBack).toBe(true);
  });

  test('a nested failure just before the rollback of the root belongs to the update', async () => {
    const { rootCause } = await diagnosed([
      { at: 5, status: 'ROLLBACK_IN_PROGRESS' },
      { at: 5, id: 'Subnet', status: 'CREATE_FAILED', reason: 'bad', nested: true },
    ]);
    expect(rootCause?.logicalId).toBe('Subnet');
  });

  test("a hook's reason is shown", async () => {
    const { rootCause } = await diagnosed([
      {
        at: 1,
        id: 'Bucket',
        status: 'CREATE_IN_PROGRESS',
        hook: { type: 'My::Guard::Hook', reason: 'buckets must be encrypted' },
      },
      {
        at: 2,
        id: 'Bucket',
        status: 'CREATE_FAILED',
        reason: 'The following hook(s) failed: [My::Guard::Hook]',
      },
    ]);
    expect(rootCause?.reason).toContain('buckets must be encrypted');
    expect(rootCause?.hint).toContain('hook');
  });
});

describe('DescribeEvents', () => {
  const asked = (handlers: Handlers): Promise<Diagnosis> =>
    diagnosed([], { handlers, operationId: 'operation-1', reason: 'stack level' });

  test("adds details missing in the stack's events", async () => {
    const { rootCause } = await asked({
      DescribeEvents: (input) => {
        expect(input).toEqual({ OperationId: 'operation-1', Filters: { FailedEvents: true } });
        return {
          OperationEvents: [
            {
              LogicalResourceId: 'Role',
              ResourceType: 'AWS::IAM::Role',
              HookType: 'A::B::C',
              HookStatusReason: 'no wildcard',
            },
          ],
        };
      },
    });
    expect(rootCause).toMatchObject({ logicalId: 'Role', reason: 'Hook A::B::C: no wildcard' });
  });

  test.each([500, 400, 403])('is optional if it returns %i', async (status) => {
    const { rootCause } = await asked({ DescribeEvents: () => fail(awsError('Whatever', 'x', status)) });
    expect(rootCause).toMatchObject({ logicalId: 'app', reason: 'stack level' });
  });
});

test('the cause is annotated on the line of its logical id; a nested one on that of its stack', async () => {
  const template = templateOf(
    'Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\n  Network:\n    Type: AWS::CloudFormation::Stack\n',
  );
  const aws = fakeAws({});
  const timeline = timelineOf([
    { at: 1, id: 'Vpc', status: 'CREATE_FAILED', reason: 'bad' },
    { at: 2, id: 'Subnet', status: 'CREATE_FAILED', reason: 'worse', nested: true },
  ]);
  const execution = { status: 'X', timeline, durationMs: 0 };
  const diagnosis = await diagnose(aws.context, execution, { stackName: 'app', template });
  expect(diagnosis.rootCause).toMatchObject({ logicalId: 'Vpc', file: 'app.yml', line: 2 });
  expect(diagnosis.alsoFailed[0]).toMatchObject({ logicalId: 'Subnet', line: 4 });
});
