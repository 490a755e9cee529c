import { expect, test } from '@jest/globals';
import type { PromotionWorld as World } from '../../support/promotion.ts';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();
const workspace = (world: World): string => workspaceOf({ 'platform.yml': world.manifest() });

test('a rollback reverts the last release and puts the target on hold', async () => {
  const world = await PromotionWorld.start({ services: ['orders', 'users'] });
  const [before] = await world.runs('staging', 'users');
  await world.release('users', 'v2');
  await promoteEnvironment(world, workspace(world), {});
  const inputs = { command: 'rollback', reason: 'Users cannot log in' };
  const run = await promoteEnvironment(world, workspace(world), inputs);
  expect(run.outputs).toMatchObject({
    verdict: 'restored',
    reason: 'Rolled users back to the previous release. staging is on hold.',
    promoted: '["users"]',
  });
  expect(await world.runs('staging', 'users')).toEqual([before]);
  expect(await world.parameter('staging', 'users/image')).toContain(before);
  const hold = JSON.parse((await world.parameter('staging', 'hold')) ?? '{}') as object;
  expect(hold).toMatchObject({ reason: 'Users cannot log in', actor: 'octocat' });
  const next = await promoteEnvironment(world, workspace(world), {});
  expect(next.outputs['verdict']).toBe('held');
  expect(next.outputs['reason']).toMatch(
    /^staging is on hold \(set by octocat at \S+\): Users cannot log in\. Nothing was changed\. Fix: Release the hold with promote-environment and `command: release-hold`, or delete the parameter \/shop\/staging\/hold\.$/,
  );
  expect(next.result['error']).toMatchObject({ code: 'held' });

  // Releasing the hold does not promote again what was rolled back.
  await promoteEnvironment(world, workspace(world), { command: 'release-hold' });
  const again = await promoteEnvironment(world, workspace(world), {});
  expect(again.outputs['verdict']).toBe('outdated');
  expect(again.outputs['reason']).toMatch(
    /was rolled back from users in staging at \S+\. Nothing was changed\. Fix: Deploy a newer commit/,
  );
  const allowed = await promoteEnvironment(world, workspace(world), { 'allow-older': 'true' });
  expect(allowed.outputs['verdict']).toBe('promoted');
});

test('without an earlier release, there is no rollback target', async () => {
  const world = await PromotionWorld.start();
  const run = await promoteEnvironment(world, workspace(world), { command: 'rollback', reason: 'x' });
  expect(run.outputs).toMatchObject({ verdict: 'blocked' });
  expect(run.outputs['reason']).toContain(
    'The ledger of staging has no good release of user-service before the current one',
  );
  expect(await world.parameter('staging', 'hold')).toBeUndefined();
});

test('a hold is set with its reason, and released', async () => {
  const world = await PromotionWorld.start();
  const files = workspace(world);
  const set = await promoteEnvironment(world, files, { command: 'hold', reason: 'Load test' });
  expect(set.outputs).toMatchObject({ verdict: 'hold-set' });
  expect(set.outputs['reason']).toMatch(/^staging is on hold \(set by octocat at .*\): Load test\.$/);
  const released = await promoteEnvironment(world, files, { command: 'release-hold' });
  expect(released.outputs).toMatchObject({ verdict: 'hold-released' });
  expect(await world.parameter('staging', 'hold')).toBeUndefined();
  const again = await promoteEnvironment(world, files, { command: 'release-hold' });
  expect(again.outputs).toMatchObject({ verdict: 'unchanged' });
});

test('the status shows every service in every environment, and a diagram', async () => {
  const world = await PromotionWorld.start({ services: ['orders', 'users'] });
  const digest = await world.release('users', 'v2');
  await world.put('staging', 'hold', 'Load test');
  const run = await promoteEnvironment(world, workspace(world), { command: 'status', to: '' });
  expect(run.outputs).toMatchObject({
    verdict: 'reported',
    reason: '2 environments: staging differs from upstream.',
  });
  expect(run.summary).toContain('| Service | dev | staging ⏸️ |');
  expect(run.summary).toContain(digest.slice(0, 19));
  expect(run.summary).toContain('**differs from upstream**');
  expect(run.summary).toContain('staging is on hold: Load test');
  expect(run.summary).toContain('```mermaid\nflowchart LR');
});

test('an environment that cannot be read does not affect the others', async () => {
  const world = await PromotionWorld.start();
  const roles = 'staging=arn:aws:iam::333333333333:role/reader';
  const run = await promoteEnvironment(world, workspace(world), { command: 'status', to: '', roles });
  expect(run.outputs).toMatchObject({ verdict: 'failed' });
  expect(run.outputs['reason']).toContain('Failed to read staging.');
  expect(run.summary).toContain('| `user-service` | 🟢');
});
