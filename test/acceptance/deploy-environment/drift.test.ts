import { describe, expect, test } from '@jest/globals';
import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';

const start = useSandboxes();
const platform = SMALL_PLATFORM['platform.yml'] ?? '';
const workspace = useWorkspaces()({
  ...SMALL_PLATFORM,
  'platform.yml':
    platform.slice(0, platform.indexOf('  queue:')) + '  network: { template: network.yml }\nservices: {}\n',
});

async function deployed(scenario: Scenario = {}): Promise<Sandbox> {
  const sandbox = await start({ scenario });
  const inputs = { 'stack-name': 'dev-shop-network', template: 'network.yml', 'parameter-files': 'dev.json' };
  const { outputs } = await deployStack(sandbox, inputs, { workspace });
  expect(outputs['verdict']).toBe('created');
  return sandbox;
}

const drift = (sandbox: Sandbox) =>
  deployEnvironment(sandbox, { command: 'drift', issue: 'true' }, { workspace });
const changed = { stack: 'dev-shop-network', logicalId: 'Topic', set: { DisplayName: 'by hand' } };

describe('drift of an environment', () => {
  test('an environment without drift is in sync and has no issue', async () => {
    const sandbox = await deployed();
    const run = await drift(sandbox);
    expect(run.outputs).toMatchObject({ verdict: 'in-sync', issue: '' });
    expect(gitHubState(sandbox.world).issues).toEqual([]);
  });

  test('a manual change opens one issue, which the next run keeps', async () => {
    const sandbox = await deployed({ drift: [changed] });
    const run = await drift(sandbox);
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('drifted');
    const [issue] = gitHubState(sandbox.world).issues;
    expect(issue).toMatchObject({ state: 'open', title: 'Drift: dev of shop differs from its templates' });
    expect(issue?.body).toContain('Topic');
    expect(run.outputs['issue']).toMatch(/\/issues\/\d+$/);
    await drift(sandbox);
    expect(gitHubState(sandbox.world).issues).toHaveLength(1);
  });

  test('a missing stack has drifted', async () => {
    const sandbox = await start();
    const run = await drift(sandbox);
    expect(run.outputs['verdict']).toBe('drifted');
    expect(run.summary).toContain('**missing**');
  });

  test('a failed comparison is a failure and does not change the issue', async () => {
    const sandbox = await deployed({ features: { revertDrift: false } });
    sandbox.addFault({ kind: 'error', operation: 'DetectStackDrift', times: 50 });
    const run = await drift(sandbox);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toBe('Failed to compare dev-shop-network.');
    expect(sandbox.calls.of('issues/create')).toEqual([]);
  });
});
