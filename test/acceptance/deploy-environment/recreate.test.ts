import { expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';

/** A stack whose creation failed does not block the pipeline. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const STACKS: Readonly<Record<string, string>> = {
  ...SMALL_PLATFORM,
  'platform.yml': SMALL_PLATFORM['platform.yml']!.replace(/services:[^]*/, 'services: {}\n'),
};

/** The verdict of each stack. */
function verdictsOf(run: Run): Record<string, string> {
  const { parts } = JSON.parse(run.outputs['result'] ?? '{}') as {
    parts: { name: string; verdict: string }[];
  };
  return Object.fromEntries(parts.map(({ name, verdict }) => [name, verdict]));
}

test('a stack in ROLLBACK_COMPLETE is planned and applied as a recreation', async () => {
  const sandbox = await start({
    scenario: {
      resources: [{ match: { logicalId: 'Queue' }, on: 'create', fail: { message: 'no room', times: 1 } }],
    },
  });
  const workspace = workspaceOf(STACKS);
  const run = (inputs: Record<string, string>): Promise<Run> =>
    deployEnvironment(sandbox, inputs, { workspace });
  const failed = await run({});
  expect(verdictsOf(failed)['queue']).toBe('rolled-back');

  const plan = await run({ command: 'plan' });
  expect(plan.outputs['verdict']).toBe('planned');
  expect(verdictsOf(plan)['queue']).toBe('to recreate');
  expect(plan.summary).toContain(
    'Its creation failed (ROLLBACK_COMPLETE). Will be deleted and created again.',
  );
  expect(sandbox.calls.of('DeleteStack')).toHaveLength(0);

  const { plan: approved = '', fingerprint = '' } = plan.outputs;
  const applied = await run({ command: 'apply', plan: approved, fingerprint });
  expect(applied.outputs['verdict']).toBe('deployed');
  expect(verdictsOf(applied)['queue']).toBe('created');
  expect(verdictsOf(applied)['network']).toBe('unchanged');
});

test('a creation whose rollback fails is stuck, and the next deployment creates the stack again', async () => {
  const sandbox = await start({
    scenario: {
      resources: [
        { match: { logicalId: 'Shared' }, on: 'create', fail: { message: 'no room', times: 1 } },
        { match: { logicalId: 'Topic' }, on: 'delete', fail: { message: 'topic is in use', times: 1 } },
      ],
    },
  });
  const workspace = workspaceOf(STACKS);
  const run = await deployEnvironment(sandbox, {}, { workspace });
  expect([run.exitCode, run.outputs['verdict'], verdictsOf(run)['network']]).toEqual([1, 'failed', 'stuck']);
  expect(run.result['error']).toMatchObject({
    code: 'stack-stuck',
    fix: expect.stringMatching(/^Remove what prevents the deletion of that resource, then deploy again/),
  });
  expect(run.outputs['reason']).toContain('The rollback also failed at Topic (topic is in use)');
  expect((await deployEnvironment(sandbox, {}, { workspace })).outputs['verdict']).toBe('deployed');
});

test('an update whose rollback fails is stuck, and says how to continue it', async () => {
  const sandbox = await start({
    scenario: {
      resources: [
        { match: { logicalId: 'Broken' }, on: 'create', fail: { message: 'no room', times: 1 } },
        { match: { logicalId: 'Queue' }, on: 'rollback', fail: { message: 'queue is locked', times: 1 } },
      ],
    },
  });
  const before = workspaceOf(STACKS);
  expect((await deployEnvironment(sandbox, {}, { workspace: before })).outputs['verdict']).toBe('deployed');
  const changed = STACKS['queue.yml']!.replace('QueueName: jobs,', 'QueueName: jobs, DelaySeconds: 5,');
  const workspace = workspaceOf({
    ...STACKS,
    'queue.yml': `${changed}  Broken: { Type: AWS::SNS::Topic, DependsOn: Queue }\n`,
  });
  const run = await deployEnvironment(sandbox, {}, { workspace });
  expect([run.exitCode, run.outputs['verdict'], verdictsOf(run)['queue']]).toEqual([1, 'failed', 'stuck']);
  expect(run.result['error']).toMatchObject({
    code: 'stack-stuck',
    fix: 'Resolve the error of that resource, then run deploy-stack with continue-rollback: true.',
  });
  expect(run.log).toMatch(/^::error title=deploy-environment%3A failed.*docs\/errors\/stack-stuck\.md$/m);

  const next = await deployEnvironment(sandbox, {}, { workspace });
  expect(verdictsOf(next)['queue']).toBe('blocked');
  expect(next.result['error']).toMatchObject({ code: 'stack-blocked' });

  const stack = { 'stack-name': 'dev-shop-queue', template: 'queue.yml', 'continue-rollback': 'true' };
  const continued = await deployStack(sandbox, stack, { workspace });
  expect(continued.outputs['verdict']).toBe('updated');
  expect((await deployEnvironment(sandbox, {}, { workspace })).outputs['verdict']).toBe('unchanged');
});
