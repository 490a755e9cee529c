import { expect, test } from '@jest/globals';
import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import { alarmsOf } from '../../../sandbox/cloudwatch/alarms.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';

/** Options of CloudFormation: rollback triggers, and imported resources. */

const start = useSandboxes();
const queue = (delay: number): string =>
  `Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: ${delay} } } }`;
const named = (policy: string): string =>
  `Resources: { Logs: { Type: 'AWS::Logs::LogGroup', ${policy} Properties: { LogGroupName: /orders } } }`;
const workspace = useWorkspaces()({
  '1.yml': queue(1),
  '2.yml': queue(2),
  'kept.yml': named('DeletionPolicy: Retain,'),
  'lost.yml': named(''),
});

const verdictOf = (run: Run): string => run.outputs['verdict'] ?? run.log;
const ALARMS: Scenario = {
  cloudwatch: {
    alarms: [
      { name: 'errors', state: 'OK' },
      { name: 'latency', state: 'OK' },
    ],
  },
};
const watched = { 'rollback-alarms': 'errors', 'monitoring-time': '10m' };

async function updating(inputs: Record<string, string>, during: (sandbox: Sandbox) => void): Promise<Run> {
  const sandbox = await start({ timeScale: 600, scenario: ALARMS });
  expect(verdictOf(await deployStack(sandbox, { template: '1.yml' }, { workspace }))).toBe('created');
  const before = sandbox.calls.of('ExecuteChangeSet').length;
  const running = deployStack(sandbox, { template: '2.yml', ...inputs }, { workspace });
  await sandbox.calls.arrival({ operation: 'ExecuteChangeSet' }, before + 1);
  // The first read of events comes after CloudFormation has started.
  await sandbox.calls.arrival(
    { operation: 'DescribeStackEvents' },
    sandbox.calls.of('DescribeStackEvents').length + 1,
  );
  during(sandbox);
  return await running;
}

const alarms = (sandbox: Sandbox) => alarmsOf(sandbox.world, DEV, 'eu-west-1');

test('an alarm in the monitoring time rolls the update back, and the reason names it', async () => {
  const run = await updating(watched, (sandbox) => {
    alarms(sandbox).setState('errors', 'ALARM', 'too many');
  });
  expect(verdictOf(run)).toBe('rolled-back');
  expect(run.outputs['reason']).toContain(':alarm:errors');
  expect(run.summary).toContain('Rollback alarms');
  expect(run.summary).toContain('10 min after the last change');
});

test('an alarm deleted during the monitoring time fails the update; other alarms do not', async () => {
  const missing = await updating(watched, (sandbox) => {
    alarms(sandbox).delete('errors');
  });
  expect(verdictOf(missing)).toBe('rolled-back');
  const other = await updating(watched, (sandbox) => {
    alarms(sandbox).setState('latency', 'ALARM', 'slow');
  });
  expect(verdictOf(other)).toBe('updated');
});

test('a missing alarm, and a monitoring time longer than the timeout, are refused before the first change', async () => {
  const sandbox = await start({ scenario: ALARMS });
  const unknown = await deployStack(
    sandbox,
    { template: '1.yml', 'rollback-alarms': 'none-such' },
    { workspace },
  );
  expect(unknown.log).toContain(
    'rollback-alarms: expected the name or ARN of an alarm in eu-west-1, got "none-such"',
  );
  const long = await deployStack(
    sandbox,
    { template: '1.yml', 'monitoring-time': '2h', timeout: '1h' },
    { workspace },
  );
  expect(long.log).toContain('monitoring-time');
  expect(sandbox.calls.of('CreateChangeSet')).toHaveLength(0);
});

test('a capability that does not exist is refused before any call to AWS', async () => {
  const sandbox = await start();
  const run = await deployStack(
    sandbox,
    { template: '1.yml', capabilities: 'CAPABILITY_IAM, CAPABILITY_NAMED_AIM' },
    { workspace },
  );
  expect(run.log).toMatch(
    /capabilities: expected one of CAPABILITY_IAM, .*, got "CAPABILITY_NAMED_AIM"\. Did you mean CAPABILITY_NAMED_IAM\?/,
  );
  expect(sandbox.calls.all).toEqual([]);
});

test('imports an existing resource by name, only with a retaining deletion policy', async () => {
  const sandbox = await start();
  const run = (inputs: Record<string, string>): Promise<Run> => deployStack(sandbox, inputs, { workspace });
  const first = { 'stack-name': 'first' };
  expect(verdictOf(await run({ ...first, template: 'kept.yml' }))).toBe('created');
  expect(verdictOf(await run({ ...first, command: 'delete' }))).toBe('deleted');
  expect(verdictOf(await run({ template: 'kept.yml' }))).toBe('failed');
  expect(verdictOf(await run({ template: 'lost.yml', 'import-existing-resources': 'true' }))).toBe('failed');
  const plan = await run({ command: 'plan', template: 'kept.yml', 'import-existing-resources': 'true' });
  expect(plan.summary).toContain('1 to import');
  const { outputs } = plan;
  const approved = {
    command: 'apply',
    plan: outputs['plan'] ?? '',
    fingerprint: outputs['fingerprint'] ?? '',
  };
  const joined = await run(approved);
  expect(verdictOf(joined)).toBe('created');
  expect(joined.outputs['reason']).toContain('1 imported');
});
