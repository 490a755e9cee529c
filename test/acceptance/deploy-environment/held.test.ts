import { PutParameterCommand } from '@aws-sdk/client-ssm';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import { expectExample } from '../../support/error-example.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

const REPOSITORY = '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api';
/** A stack that shows its image and needs no task. */
const PLAIN_SERVICE = `
Parameters:
  ServiceName: { Type: String }
  Image: { Type: 'AWS::SSM::Parameter::Value<String>' }
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref ServiceName, Tags: [{ Key: image, Value: !Ref Image }] } }
`;

async function write(sandbox: Sandbox, Name: string, Value: string): Promise<void> {
  await ssmOf(sandbox).send(new PutParameterCommand({ Name, Type: 'String', Value, Overwrite: true }));
}

/** dev is the target of promotions, and on hold. */
const promoted = (text: string): string =>
  text.replace('  dev: {', "  build: { account: '222222222222' }\n  dev: { promote-from: build,");

async function hold(sandbox: Sandbox): Promise<void> {
  const Value = JSON.stringify({ reason: 'Orders fail', actor: 'eve', at: '2026-11-27T08:00:00Z', run: '' });
  await ssmOf(sandbox).send(new PutParameterCommand({ Name: '/shop/dev/hold', Type: 'String', Value }));
}

async function heldSandbox(): Promise<Sandbox> {
  const sandbox = await newSandbox();
  await hold(sandbox);
  return sandbox;
}

test('an environment on hold is not planned or deployed, except stacks alone', async () => {
  const sandbox = await heldSandbox();
  const workspace = newWorkspace(SMALL_PLATFORM);
  for (const command of ['plan', 'deploy']) {
    const run = await deployEnvironment(sandbox, { command }, { workspace });
    expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'held']);
    expect(run.outputs['reason']).toBe(
      'dev is on hold (set by eve at 2026-11-27T08:00:00Z): Orders fail. Nothing was changed. Fix: Release the hold with promote-environment and `command: release-hold`, or delete the parameter /shop/dev/hold.',
    );
    expect(run.result['error']).toMatchObject({ code: 'held' });
    expectExample('held', run);
  }
  expect(sandbox.calls.of('CreateChangeSet')).toEqual([]);
  const platform = `${SMALL_PLATFORM['platform.yml']?.split('services:')[0] ?? ''}services: {}\n`;
  const stacks = newWorkspace({ ...SMALL_PLATFORM, 'platform.yml': platform });
  const run = await deployEnvironment(sandbox, {}, { workspace: stacks });
  expect(run.outputs['verdict']).toBe('deployed');
});

test('if images are promoted, stacks are deployed and only a new service is held', async () => {
  const sandbox = await heldSandbox();
  const platform = promoted(SMALL_PLATFORM['platform.yml'] ?? '');
  const workspace = newWorkspace({ ...SMALL_PLATFORM, 'platform.yml': platform });
  const run = await deployEnvironment(sandbox, {}, { workspace });
  expect(run.exitCode).toBe(1);
  expect(run.outputs['reason']).toContain('Orders fail. api was not created. Fix: Release the hold');
  const parts = run.result['parts'] as { name: string; verdict: string }[];
  expect(parts.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['network', 'created'],
    ['queue', 'created'],
    ['api', 'held'],
  ]);
});

test('an approved plan is not applied while the environment is on hold, unless a bypass reason is given', async () => {
  const sandbox = await newSandbox();
  const platform = promoted(SMALL_PLATFORM['platform.yml'] ?? '');
  const workspace = newWorkspace({ ...SMALL_PLATFORM, 'platform.yml': platform, 'api.yml': PLAIN_SERVICE });
  await write(sandbox, '/shop/dev/api/image', `${REPOSITORY}@sha256:${'1'.repeat(64)}`);
  const planned = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
  const { plan = '', fingerprint = '' } = planned.outputs;
  await hold(sandbox);
  const apply = (inputs = {}): Promise<Run> =>
    deployEnvironment(sandbox, { command: 'apply', plan, fingerprint, ...inputs }, { workspace });
  const held = await apply();
  expect([held.exitCode, held.outputs['verdict']]).toEqual([1, 'held']);
  expect(held.outputs['reason']).toContain('Orders fail. Nothing was changed. Fix: Release the hold');
  expect(sandbox.calls.of('ExecuteChangeSet')).toEqual([]);
  const passed = await apply({ 'bypass-reason': 'INC-1' });
  expect([passed.outputs['verdict'], passed.exitCode]).toEqual(['deployed', 0]);
  expect(passed.log).toContain('Orders fail. It is bypassed for this run: INC-1');
});

test('a plan with an image that was rolled back is stale before the first change', async () => {
  const sandbox = await newSandbox();
  const workspace = newWorkspace({
    ...SMALL_PLATFORM,
    'platform.yml': promoted(SMALL_PLATFORM['platform.yml'] ?? ''),
    'api.yml': PLAIN_SERVICE,
  });
  const [good, bad] = ['1', '2'].map((digit) => `${REPOSITORY}@sha256:${digit.repeat(64)}`) as [
    string,
    string,
  ];
  await write(sandbox, '/shop/dev/api/image', good);
  expect((await deployEnvironment(sandbox, {}, { workspace })).outputs['verdict']).toBe('deployed');
  await write(sandbox, '/shop/dev/api/image', bad);
  const changed = newWorkspace({
    ...SMALL_PLATFORM,
    'platform.yml': promoted(SMALL_PLATFORM['platform.yml'] ?? ''),
    'network.yml': (SMALL_PLATFORM['network.yml'] ?? '').replace('TopicName', 'DisplayName: shop, TopicName'),
    'api.yml': PLAIN_SERVICE,
  });
  const planned = await deployEnvironment(sandbox, { command: 'plan' }, { workspace: changed });
  const { plan = '', fingerprint = '' } = planned.outputs;
  expect(Object.keys((JSON.parse(plan) as { stacks: object }).stacks)).toContain('api');
  // What a rollback does.
  await write(sandbox, '/shop/dev/api/image', good);
  const executions = sandbox.calls.of('ExecuteChangeSet').length;
  const stale = await deployEnvironment(
    sandbox,
    { command: 'apply', plan, fingerprint },
    { workspace: changed },
  );
  expect([stale.exitCode, stale.outputs['verdict']]).toEqual([1, 'plan-changed']);
  expect(stale.outputs['reason']).toMatch(
    /api: The value of the parameter \/shop\/dev\/api\/image has changed since the plan was created, from \S+@sha256:2{64} to \S+@sha256:1{64}\. Re-run all jobs/,
  );
  expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(executions);
});
