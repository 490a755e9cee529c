import { expect, test } from '@jest/globals';
import { awsError, fail, notFound } from '../aws.ts';
import { run, type Step, StackWorld } from '../stack-world.ts';

const CHILD = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app-Network-1/2';
const EMBEDDED = `Embedded stack ${CHILD} was not successfully created: The following resource(s) failed to create: [Subnet]. `;
const nested = { id: 'Network', type: 'AWS::CloudFormation::Stack', physicalId: CHILD };
const PLAY: Step[] = [
  { at: 0, status: 'CREATE_IN_PROGRESS' },
  { at: 1, ...nested, status: 'CREATE_IN_PROGRESS' },
  { at: 2, stackId: CHILD, id: 'Subnet', status: 'CREATE_FAILED', reason: 'no room' },
  { at: 5, ...nested, status: 'CREATE_FAILED', reason: EMBEDDED },
  {
    at: 6,
    status: 'ROLLBACK_IN_PROGRESS',
    reason: 'The following resource(s) failed to create: [Network]. Rollback requested by user.',
  },
  { at: 8, status: 'ROLLBACK_COMPLETE' },
];

/** A world whose reads of the nested stack's events call `read`. */
function worldWhere(read: (nth: number) => void): StackWorld {
  let reads = 0;
  const world: StackWorld = new StackWorld({
    plays: { ExecuteChangeSet: PLAY },
    handlers: {
      DescribeStackEvents: ({ StackName: id }) => {
        if (id === CHILD) read(++reads);
        return { StackEvents: world.eventsOf(String(id)) };
      },
    },
  });
  return world;
}

test('a nested stack that is not found for half a minute is read later', async () => {
  const world = worldWhere((nth) => {
    if (nth < 20) fail(notFound());
  });
  const outcome = await run(world);
  expect(outcome.reason).toContain('at Network/Subnet (AWS::EC2::VPC): no room');
});

test('one that is never found does not block the run', async () => {
  const world = worldWhere(() => fail(notFound()));
  const outcome = await run(world);
  expect(outcome).toMatchObject({ verdict: 'rolled-back' });
  expect(outcome.reason).toContain('at Network (AWS::CloudFormation::Stack): Embedded stack');
});

test('one that may not be read is one note with the permission', async () => {
  const world = worldWhere(() => fail(awsError('AccessDenied', 'not you', 403)));
  const outcome = await run(world);
  expect(outcome.reason).toContain('failed to create: [Subnet]');
  expect(outcome.result).toMatchObject({
    notes: [
      expect.stringContaining('The events of Network could not be read (cloudformation:DescribeStackEvents)'),
    ],
  });
});
