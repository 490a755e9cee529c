import { expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';

/** A stack whose creation failed does not stop the pipeline. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

/** The verdict on each stack. */
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
  const workspace = workspaceOf({
    ...SMALL_PLATFORM,
    'platform.yml': SMALL_PLATFORM['platform.yml']!.replace(/services:[^]*/, 'services: {}\n'),
  });
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
