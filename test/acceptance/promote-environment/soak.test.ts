import { expect, test } from '@jest/globals';
import type { Run, RunOptions } from '../../../sandbox/runner.ts';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld as World, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();
const SERVICE = 'user-service';
const PIPELINE = { repository: 'octo-org/shop', workflow: 'pipeline.yml', ref: 'refs/heads/main' };

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

/** A release by a run of the pipeline, some minutes ago. */
function release(world: World, run: number, minutes: number): Promise<string> {
  const commit = run.toString().repeat(40);
  const source = { ...PIPELINE, commit, runNumber: run, sequence: run, at: minutesAgo(minutes) };
  return world.release(SERVICE, `v${run}`, 'dev', source);
}

function promote(
  world: World,
  soak: string,
  inputs: Record<string, string> = {},
  options: RunOptions = {},
): Promise<Run> {
  const workspace = workspaceOf({ 'platform.yml': world.manifest({ staging: `soak: ${soak}` }) });
  return promoteEnvironment(world, workspace, inputs, options);
}

test('of releases more frequent than the soak, the newest that has soaked is promoted', async () => {
  const world = await World.start();
  const v2 = await release(world, 2, 90);
  const v3 = await release(world, 3, 30);
  const v4 = await release(world, 4, 0);

  const planned = await promote(world, '1h', { 'dry-run': 'true' });
  expect(planned.outputs).toMatchObject({ verdict: 'planned', images: JSON.stringify({ [SERVICE]: v2 }) });
  const first = await promote(world, '1h');
  expect(first.outputs).toMatchObject({ verdict: 'promoted' });
  expect(first.outputs['reason']).toBe('Promoted 1 service to staging: the newest soaked release of dev.');
  expect(first.summary).toMatch(
    new RegExp(`user-service: ${v4.slice(0, 19)} is newer in dev and will have soaked at \\S+Z`),
  );
  expect(await world.runs('staging')).toEqual([v2]);
  const recorded = JSON.parse((await world.parameter('staging', `${SERVICE}/release`)) ?? '') as object;
  expect(recorded).toMatchObject({ ...PIPELINE, runNumber: 2, from: 'dev' });

  // No newer release has soaked: not a success.
  const second = await promote(world, '1h');
  expect([second.exitCode, second.outputs['verdict']]).toEqual([1, 'blocked']);
  expect(second.outputs['reason']).toContain(`${v4.slice(0, 19)} has run for`);

  // Exactly these images.
  const exact = await promote(world, '1h', { images: JSON.stringify({ [SERVICE]: v3 }) });
  expect(exact.outputs['verdict']).toBe('blocked');
  expect(exact.outputs['reason']).toMatch(
    new RegExp(
      `${v3.slice(0, 19)} has run for 3\\d min\\. Nothing was changed\\. Fix: .*Z \\(in [23]\\d min\\)`,
    ),
  );
  const passed = await promote(world, '20m', { images: JSON.stringify({ [SERVICE]: v3 }) });
  expect(passed.outputs['verdict']).toBe('promoted');
  expect(await world.runs('staging')).toEqual([v3]);

  // Never to an older release: v2 has soaked too.
  const back = await promote(world, '1h', { images: JSON.stringify({ [SERVICE]: v2 }) });
  expect([back.exitCode, back.outputs['verdict']]).toEqual([1, 'outdated']);
  expect(await world.runs('staging')).toEqual([v3]);
});

test('up-to limits the promotion to a release and older ones', async () => {
  const world = await World.start();
  const v2 = await release(world, 2, 90);
  await release(world, 3, 70);
  await release(world, 4, 0);
  const run = await promote(world, '1h', { 'up-to': JSON.stringify({ [SERVICE]: v2 }) });
  expect(run.outputs).toMatchObject({ verdict: 'promoted', images: JSON.stringify({ [SERVICE]: v2 }) });
  const unknown = await promote(world, '1h', { 'up-to': `${SERVICE}=sha256:${'0'.repeat(64)}` });
  expect(unknown.outputs).toMatchObject({ verdict: 'blocked' });
  expect(unknown.outputs['reason']).toContain('does not run in dev');
});

test('a release that was rolled back upstream is never promoted, and neither is anything while upstream is on hold', async () => {
  const world = await World.start();
  const v3 = await release(world, 3, 90);
  const bad = (await world.parameter('dev', `${SERVICE}/image`)) ?? '';
  const v2 = await release(world, 2, 80);
  const good = JSON.parse((await world.parameter('dev', `${SERVICE}/release`)) ?? '') as object;
  await world.put('dev', `${SERVICE}/release`, JSON.stringify({ ...good, rolledBackFrom: bad }));
  for (const inputs of [{}, { 'bypass-reason': 'INC-1' }]) {
    const run = await promote(world, '0s', { ...inputs, images: JSON.stringify({ [SERVICE]: v3 }) });
    expect(run.outputs['verdict']).toBe('blocked');
    expect(run.outputs['reason']).toContain(`${v3.slice(0, 19)} of user-service was rolled back in dev`);
  }
  await world.put('dev', 'hold', 'Orders fail');
  const held = await promote(world, '0s');
  expect(held.outputs['verdict']).toBe('blocked');
  expect(held.outputs['reason']).toContain(
    'dev is on hold: Orders fail. Releases in an environment on hold are not promoted',
  );
  const passed = await promote(world, '0s', { 'bypass-reason': 'INC-1' });
  expect(passed.outputs['verdict']).toBe('promoted');
  expect(await world.runs('staging')).toEqual([v2]);
});

test('a plan shows the end of the soak; a check waits up to soak-wait and can be cancelled', async () => {
  const world = await World.start();
  const releasedAt = Date.now();
  const v2 = await release(world, 2, 0);
  const images = JSON.stringify({ [SERVICE]: v2 });
  const planned = await promote(world, '1h', { 'dry-run': 'true' });
  expect(planned.outputs).toMatchObject({ verdict: 'planned', 'has-changes': 'true', images });
  expect(planned.outputs['reason']).toMatch(
    /^1 of 1 service would be promoted after the soak time ends at \S+Z\.$/,
  );
  expect(planned.summary).toContain('Pending gates');
  expect(planned.summary).toContain('⏳ soak');

  const late = await promote(world, '1h', { command: 'check', images, 'soak-wait': '15m' });
  expect([late.exitCode, late.outputs['verdict']]).toEqual([1, 'blocked']);
  expect(late.outputs['reason']).toMatch(/Fix: Re-run the failed jobs after/);

  const cancelled = await promote(
    world,
    '2m',
    { images, 'soak-wait': '15m' },
    {
      onLine: (line, child) => {
        if (line.includes('Waiting until')) child.kill('SIGTERM');
      },
    },
  );
  expect(cancelled.outputs['verdict']).toBe('cancelled');
  expect(await world.runs('staging')).not.toEqual([v2]);

  const soakMs = Date.now() - releasedAt + 40_000;
  const soak = `${Math.ceil(soakMs / 1000)}s`;
  const waited = await promote(world, soak, { command: 'check', images, 'soak-wait': '5m' });
  expect(waited.log).toContain('Waiting until');
  expect([waited.exitCode, waited.outputs['verdict']]).toEqual([0, 'planned']);
  expect(await world.runs('staging')).not.toEqual([v2]);
  const done = await promote(world, soak, { images });
  expect(done.outputs['verdict']).toBe('promoted');
  expect(await world.runs('staging')).toEqual([v2]);
});

test('waits for an upstream deployment, and a timeout is not a success', async () => {
  const rules = [{ match: { cluster: 'dev-shop', revision: 3 }, does: 'stay-pending' as const }];
  const world = await World.start({ scenario: { ecs: { rules } } });
  const v2 = await release(world, 2, 90);
  await world.deploy(SERVICE, 'v3', 'dev');
  const images = JSON.stringify({ [SERVICE]: v2 });
  const planned = await promote(world, '1h', { 'dry-run': 'true' });
  expect(planned.outputs).toMatchObject({ verdict: 'planned', 'has-changes': 'true', images });
  expect(planned.outputs['reason']).toBe(
    '1 of 1 service would be promoted after the deployment upstream completes.',
  );
  expect(planned.summary).toContain('⏳ steady');
  const late = await promote(world, '1h', { images, 'soak-wait': '5s' });
  expect(late.log).toContain('Waiting until');
  expect([late.exitCode, late.outputs['verdict']]).toEqual([1, 'blocked']);
  expect(late.outputs['reason']).toContain('user-service is not steady in dev: a deployment is in progress');
  expect(await world.runs('staging')).not.toEqual([v2]);
});
