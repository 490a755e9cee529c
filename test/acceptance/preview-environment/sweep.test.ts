import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { PreviewHost } from '../../support/preview.ts';

const workspaceOf = useWorkspaces();
let host: PreviewHost;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf, {
    scenario: {
      github: { pulls: [40, 41, 42, 43].map((number) => ({ number })) },
    },
  });
});
afterAll(() => host.sandbox.close());

const sweep = (inputs: Record<string, string> = {}) =>
  host.run(0, { command: 'sweep', ...inputs }, { event: {}, workspace: workspaceOf({}) });

test('a sweep removes only closed and expired previews', async () => {
  await host.push(40);
  await host.push(44);
  const runs = [await host.run(40), await host.run(41), await host.run(42, { 'time-to-live': '1s' })];
  expect(runs.map(({ outputs }) => outputs['verdict'])).toEqual(['deployed', 'deployed', 'deployed']);
  await host.retag('dev-platform-pr-41-user-service', {
    Repository: 'org/another',
    Expires: '2020-01-01T00:00:00Z',
  });
  host.pull(40).state = 'closed';
  await host.run(43);

  const dry = await sweep({ 'dry-run': 'true' });
  expect(dry.outputs).toMatchObject({ verdict: 'unchanged', stacks: '[]' });
  expect(dry.outputs['reason']).toContain('3 would be removed');
  expect(await host.stacks()).toHaveLength(4);

  const swept = await sweep();
  expect(swept.outputs).toMatchObject({
    verdict: 'swept',
    stacks: '["dev-platform-pr-40-user-service","dev-platform-pr-42-user-service"]',
  });
  expect((await host.stacks()).sort()).toEqual([
    'dev-platform-pr-41-user-service',
    'dev-platform-pr-43-user-service',
  ]);
  expect(swept.summary).toMatch(/dev-platform-pr-40-user-service.*removed.*its pull request is closed/);
  expect(swept.summary).toMatch(/dev-platform-pr-42-user-service.*removed.*it has expired/);
  expect(swept.summary).toMatch(/dev-platform-pr-43-user-service.*kept.*its pull request is open/);
  expect((await host.tags()).filter((tag) => tag.startsWith('pr-40-'))).toEqual([]);
  expect(host.deployments(40)).toEqual(['inactive']);
  expect(host.deployments(42)).toEqual(['inactive']);
  expect(host.comments(40).join()).toContain('its pull request is closed');
  expect(host.comments(42).join()).toContain('it has expired');

  const again = await sweep();
  expect(again.outputs['verdict']).toBe('unchanged');
});

test('a pull request that GitHub does not return is not treated as closed', async () => {
  expect((await host.tags()).filter((tag) => tag.startsWith('pr-44-'))).toHaveLength(1);
  await host.retag('dev-platform-pr-43-user-service', { PullRequest: '4711' });
  const run = await sweep();
  expect(run.outputs['verdict']).toBe('unchanged');
  expect(run.summary).toMatch(/pr-43-user-service.*kept.*pull request 4711 was not found/);
});

test('a failed removal makes the sweep red, but the others are removed', async () => {
  await host.run(40, {}, { headSha: host.headOf(40) });
  host.pull(40).state = 'open';
  await host.run(40);
  await host.push(40);
  host.pull(40).state = 'closed';
  host.sandbox.addFault({
    operation: 'BatchDeleteImage',
    kind: 'error',
    code: 'AccessDeniedException',
    status: 400,
    times: 20,
  });
  const run = await sweep();
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toMatchObject({ verdict: 'failed', stacks: '["dev-platform-pr-40-user-service"]' });
  expect(run.outputs['reason']).toContain('Failed to remove the image tags: AccessDenied');
});
