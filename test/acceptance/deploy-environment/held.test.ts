import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

/** dev is promoted to, and on hold. */
const promoted = (text: string): string =>
  text.replace(
    "  dev: { account: '111111111111', parameters: dev.json }",
    "  build: { account: '222222222222' }\n  dev: { account: '111111111111', parameters: dev.json, promote-from: build }",
  );

async function heldSandbox() {
  const sandbox = await newSandbox();
  const Value = JSON.stringify({ reason: 'Orders fail', actor: 'eve', at: '2026-11-27T08:00:00Z', run: '' });
  await ssmOf(sandbox).send(new PutParameterCommand({ Name: '/shop/dev/hold', Type: 'String', Value }));
  return sandbox;
}

test('an environment on hold is neither planned nor deployed; stacks alone are', async () => {
  const sandbox = await heldSandbox();
  const workspace = newWorkspace(SMALL_PLATFORM);
  for (const command of ['plan', 'deploy']) {
    const run = await deployEnvironment(sandbox, { command }, { workspace });
    expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'held']);
    expect(run.outputs['reason']).toBe(
      'dev is on hold since 2026-11-27T08:00:00Z by eve: Orders fail. Nothing was changed. Fix: Release the hold by promote-environment with command: release-hold, or delete the parameter /shop/dev/hold.',
    );
    expect(run.result['error']).toMatchObject({ code: 'held' });
  }
  expect(sandbox.calls.of('CreateChangeSet')).toEqual([]);
  const platform = `${SMALL_PLATFORM['platform.yml']?.split('services:')[0] ?? ''}services: {}\n`;
  const stacks = newWorkspace({ ...SMALL_PLATFORM, 'platform.yml': platform });
  const run = await deployEnvironment(sandbox, {}, { workspace: stacks });
  expect(run.outputs['verdict']).toBe('deployed');
});

test('where images are promoted, stacks are deployed, and only a new service is held', async () => {
  const sandbox = await heldSandbox();
  const platform = promoted(SMALL_PLATFORM['platform.yml'] ?? '');
  const workspace = newWorkspace({ ...SMALL_PLATFORM, 'platform.yml': platform });
  const run = await deployEnvironment(sandbox, {}, { workspace });
  expect(run.exitCode).toBe(1);
  expect(run.outputs['reason']).toContain('by eve: Orders fail. api was not created. Fix: Release the hold');
  const parts = run.result['parts'] as { name: string; verdict: string }[];
  expect(parts.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['network', 'created'],
    ['queue', 'created'],
    ['api', 'held'],
  ]);
});
