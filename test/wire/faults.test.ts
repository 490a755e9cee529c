import { DescribeStacksCommand, ListChangeSetsCommand } from '@aws-sdk/client-cloudformation';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { FaultRule } from '../../sandbox/index.ts';
import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { type Stand, stand } from './stand.ts';

/**
 * The fault matrix of deploy-stack's commands: each fault at each of their calls. The bundle is tested with one fault
 * per call (test/acceptance/deploy-stack/faults.test.ts); in this process, all of them are cheap.
 */

const template = (tag: string): string => `
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: { CidrBlock: 10.0.0.0/16, Tags: [{ Key: Name, Value: ${tag} }] }
`;

type Values = Partial<DeployStackInputs>;

interface Command {
  name: string;
  /** The operations that it calls without faults. */
  calls: string[];
  /** Prepares the stack, and returns the run under test. */
  prepare: (at: Stand) => Promise<() => Promise<Outcome>>;
  /** Without faults, or with a temporary one. */
  verdict: string;
  /** The stack's status before and after it. */
  before: string;
  after: string;
  /** It creates a plan, which remains. */
  leavesPlan?: true;
  /** It executes a plan, which remains if it fails. */
  givenPlan?: true;
}

const planOf = async (at: Stand, text: string): Promise<Values> => {
  const { outputs } = await at.run(text, { command: 'plan' });
  return { command: 'apply', plan: outputs['plan'] ?? '', fingerprint: outputs['fingerprint'] ?? '' };
};
const afterDeployment = (text: string, values: Values) => async (at: Stand) => {
  await at.run(template('a'));
  return () => at.run(text, values);
};
const onNothing = (values: Values) => (at: Stand) => Promise.resolve(() => at.run(template('a'), values));

const PLANNING = ['DescribeStacks', 'CreateChangeSet', 'DescribeChangeSet', 'GetTemplate'];
const EXECUTING = ['ExecuteChangeSet', 'DescribeStackEvents'];
const CREATED = 'CREATE_COMPLETE';

const COMMANDS: Command[] = [
  {
    name: 'a deployment of a new stack',
    calls: [...PLANNING, ...EXECUTING],
    prepare: onNothing({}),
    verdict: 'created',
    before: 'none',
    after: CREATED,
  },
  {
    name: 'a deployment of a change',
    calls: [...PLANNING, ...EXECUTING],
    prepare: afterDeployment(template('b'), {}),
    verdict: 'updated',
    before: CREATED,
    after: 'UPDATE_COMPLETE',
  },
  {
    name: 'a plan of a new stack',
    calls: PLANNING,
    prepare: onNothing({ command: 'plan' }),
    verdict: 'planned',
    before: 'none',
    after: 'REVIEW_IN_PROGRESS',
    leavesPlan: true,
  },
  {
    name: 'a plan of a change',
    calls: PLANNING,
    prepare: afterDeployment(template('b'), { command: 'plan' }),
    verdict: 'planned',
    before: CREATED,
    after: CREATED,
    leavesPlan: true,
  },
  {
    name: 'the execution of a plan',
    calls: ['DescribeStacks', 'DescribeChangeSet', 'GetTemplate', ...EXECUTING],
    prepare: async (at) => {
      await at.run(template('a'));
      const approved = await planOf(at, template('b'));
      return () => at.run('', approved);
    },
    verdict: 'updated',
    before: CREATED,
    after: 'UPDATE_COMPLETE',
    givenPlan: true,
  },
  {
    name: 'a deletion',
    calls: ['DescribeStacks', 'DescribeStackEvents', 'GetTemplate', 'ListStackResources', 'DeleteStack'],
    prepare: afterDeployment('', { command: 'delete', allowDelete: ['all'] }),
    verdict: 'deleted',
    before: CREATED,
    after: 'none',
  },
];

type Fault = Pick<FaultRule, 'kind'> & Partial<FaultRule>;

const CHANGES = new Set(['CreateChangeSet', 'ExecuteChangeSet', 'DeleteStack']);
/** Each is temporary and does not fail the run. */
const PASSING: Record<string, Fault> = {
  'three throttlings': { kind: 'throttle', times: 3 },
  'an error of AWS': { kind: 'error' },
  'a 500': { kind: 'status', status: 500 },
  'a reset': { kind: 'reset' },
  'a late response': { kind: 'delay', delayMs: 300 },
  'a malformed response': { kind: 'malformed' },
};
const LOST: Fault = { kind: 'reset', after: true };
const DENIAL: Fault = { kind: 'error', status: 403, code: 'AccessDenied', message: 'not you', times: 1000 };

let at: Stand;
afterEach(async () => {
  await at.close();
});

async function stackStatus(): Promise<string> {
  const found = await at.client.send(new DescribeStacksCommand({ StackName: 'app' })).catch(() => undefined);
  return found?.Stacks?.[0]?.StackStatus ?? 'none';
}

async function plans(): Promise<number> {
  const found = await at.client.send(new ListChangeSetsCommand({ StackName: 'app' })).catch(() => undefined);
  return (found?.Summaries ?? []).filter((summary) => summary.ExecutionStatus === 'AVAILABLE').length;
}

describe.each(COMMANDS)('$name', (command) => {
  const { calls, verdict, before, after, leavesPlan = false, givenPlan = false } = command;

  test('makes the calls of this table', async () => {
    at = await stand();
    const run = await command.prepare(at);
    at.sandbox.calls.all.length = 0;
    expect((await run()).verdict).toBe(verdict);
    expect([...new Set(at.sandbox.calls.all.map(({ operation }) => operation))].sort()).toEqual(
      calls.toSorted(),
    );
  });

  const passing = calls.flatMap((operation) => [
    ...Object.entries(PASSING).map(([name, fault]) => ({ operation, name, fault })),
    ...(CHANGES.has(operation) ? [{ operation, name: 'a lost response', fault: LOST }] : []),
  ]);

  test.each(passing)('recovers from $name at $operation', async ({ operation, fault }) => {
    at = await stand();
    const run = await command.prepare(at);
    at.sandbox.addFault({ operation, ...fault });
    expect(await run()).toMatchObject({ verdict, ok: true });
    expect(at.sandbox.calls.all.some((call) => call.fault !== undefined)).toBe(true);
    expect({ status: await stackStatus(), plans: await plans() }).toEqual({
      status: after,
      plans: leavesPlan ? 1 : 0,
    });
  });

  test.each(calls)('leaves nothing behind if %s is denied', async (operation) => {
    at = await stand();
    const run = await command.prepare(at);
    at.sandbox.calls.all.length = 0;
    at.sandbox.addFault({ operation, ...DENIAL });
    const outcome = await run();
    if (operation === 'DescribeStacks') {
      // The test cannot read the stack itself, but sees the calls.
      expect(outcome.verdict).toBe('failed');
      expect(at.sandbox.calls.all.filter((call) => CHANGES.has(call.operation))).toEqual([]);
      return;
    }
    if (outcome.ok) {
      expect(await stackStatus()).toBe(after);
      return;
    }
    expect(outcome.verdict).toMatch(/^(failed|blocked)$/);
    expect(outcome.reason).not.toBe('');
    expect([before, after]).toContain(await stackStatus());
    expect(await plans()).toBe(givenPlan ? 1 : 0);
  });
});
