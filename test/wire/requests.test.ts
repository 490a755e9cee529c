import { ExecuteChangeSetCommand, ListChangeSetsCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { FaultRule } from '../../sandbox/index.ts';
import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import { type Stand, stand } from './stand.ts';

/** The result of a run whose request AWS refused, that got no response, or that another caller made first. */

const template = (delay: number): string => `
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: orders, DelaySeconds: ${delay} }
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: t${delay} }
`;
type Values = Partial<DeployStackInputs>;

let at: Stand;
afterEach(async () => {
  await at.close();
});

const DELETE: Values = { command: 'delete', allowDelete: ['Queue'] };
const ERRORS: Record<string, Partial<FaultRule>> = {
  'a missing permission': { status: 403, code: 'AccessDenied', message: 'not you' },
  'an invalid request': { status: 400, code: 'ValidationError', message: 'not so' },
  'a quota': { status: 400, code: 'LimitExceededException', message: 'no more' },
  throttling: { status: 400, code: 'Throttling', message: 'Rate exceeded' },
};
const REQUESTS: readonly [string, string, Values][] = [
  ['ExecuteChangeSet', template(2), {}],
  ['DeleteStack', '', DELETE],
];
const REFUSED = REQUESTS.flatMap(([operation, text, values]) =>
  Object.entries(ERRORS).map(([name, fault]) => ({ operation, text, values, name, fault })),
);
const LOST = REQUESTS.flatMap(([operation, text, values]) =>
  [
    { name: 'a lost response before a refusal', first: { kind: 'reset' as const, after: true } },
    { name: 'a lost connection before a refusal', first: { kind: 'reset' as const } },
  ].map((situation) => ({ operation, text, values, ...situation })),
);
let right = 0;
afterAll(() => {
  process.stdout.write(
    `refused requests: ${right} of ${REFUSED.length + LOST.length + 1} situations passed\n`,
  );
});

test.each(REFUSED)('$name at $operation: nothing was started', async ({ operation, text, values, fault }) => {
  at = await stand();
  await at.run(template(1));
  at.sandbox.addFault({ operation, kind: 'error', times: 1000, ...fault });
  const outcome = await at.run(text, values);
  expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
  expect(outcome.reason).toMatch(
    /CloudFormation rejected the (?:update|deletion) of stack app, so it did not start\.$/,
  );
  expect(outcome.reason).not.toContain('may go on');
  right += 1;
});

/** What can be read decides. If nothing can, the run reports that it does not know. */
test.each(LOST)(
  '$name at $operation does not prove that nothing was started',
  async ({ operation, text, values, first }) => {
    at = await stand();
    await at.run(template(1));
    at.sandbox.addFault({ operation, ...first });
    at.sandbox.addFault({ operation, kind: 'error', times: 1000, ...ERRORS['a missing permission'] });
    const outcome = await at.run(text, values);
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
    expect(outcome.reason).toMatch(/may still be in progress on AWS\. Check the stack\.$/);
    right += 1;
  },
);

test('persistent server errors at a deletion do not prove that nothing was started', async () => {
  at = await stand();
  await at.run(template(1));
  at.sandbox.addFault({ operation: 'DeleteStack', kind: 'status', status: 503, times: 1000 });
  expect((await at.run('', DELETE)).reason).toContain('may still be in progress on AWS');
  right += 1;
});

describe('a minute of server errors before the first change', () => {
  test.each(['DescribeStacks', 'CreateChangeSet', 'DescribeChangeSet', 'ExecuteChangeSet'])(
    'at %s is retried',
    async (operation) => {
      at = await stand();
      at.sandbox.addFault({ operation, kind: 'status', status: 503, times: 11 });
      expect(await at.run(template(1), { timeoutMs: 280_000 })).toMatchObject({
        verdict: 'created',
        ok: true,
      });
    },
  );
});

test("a proxy's error page is reported as such, not as a parser error", async () => {
  at = await stand();
  at.sandbox.addFault({ kind: 'status', operation: 'DescribeStacks', status: 502, times: 99 });
  const outcome = await at.run(template(1), { timeoutMs: 280_000 });
  expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
  expect(outcome.reason).toContain('CloudFormation DescribeStacks returned HTTP 502 (HTML)');
  expect(outcome.error?.fix).toContain('Check the proxy between the runner and AWS');
});

describe('a change set that another run executes first', () => {
  const executeFirst = async (): Promise<void> => {
    at.sandbox.calls.all.length = 0;
    await at.sandbox.calls.arrival({ operation: 'DescribeStackEvents' });
    const { Summaries = [] } = await at.client.send(new ListChangeSetsCommand({ StackName: 'app' }));
    await at.client.send(
      new ExecuteChangeSetCommand({
        ChangeSetName: Summaries[0]?.ChangeSetId,
        ClientRequestToken: 'Console-1',
      }),
    );
  };

  test.each([
    ['has ended', 1],
    ['is in progress', 6000],
  ])('and that %s is awaited until it completes, not until the timeout', async (_name, seconds) => {
    at = await stand({ resources: [{ match: { logicalId: 'Queue' }, on: 'update', seconds }] });
    await at.run(template(1));
    // The marker is read after the other execution began.
    at.sandbox.addFault({ operation: 'DescribeStackEvents', kind: 'delay', delayMs: 1500 });
    const [outcome] = await Promise.all([at.run(template(2)), executeFirst()]);
    expect(outcome).toMatchObject({ verdict: 'updated', ok: true });
    expect(outcome.result).toMatchObject({
      notes: [expect.stringContaining('was already executed by a user of the AWS console')],
    });
  });

  test('and that fails is its failure', async () => {
    at = await stand({
      resources: [{ match: { logicalId: 'Topic' }, on: 'update', fail: { message: 'no room', times: 1 } }],
    });
    await at.run(template(1));
    at.sandbox.addFault({ operation: 'DescribeStackEvents', kind: 'delay', delayMs: 1500 });
    const [outcome] = await Promise.all([at.run(template(2)), executeFirst()]);
    expect(outcome).toMatchObject({ verdict: 'rolled-back', ok: false });
    expect(outcome.reason).toContain('at Topic (AWS::SNS::Topic): no room');
  });
});
