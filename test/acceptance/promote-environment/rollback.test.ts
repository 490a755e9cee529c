import { expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';
import type { PromotionWorld as World } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();
const workspace = (world: World): string => workspaceOf({ 'platform.yml': world.manifest() });
const BACK = { command: 'rollback', reason: 'Users cannot log in' };

async function hold(world: World): Promise<object | undefined> {
  const text = await world.parameter('staging', 'hold');
  return text === undefined ? undefined : (JSON.parse(text) as object);
}

test('a second rollback goes further back, never forward to the bad image; a third has no target', async () => {
  const world = await PromotionWorld.start();
  const [service = ''] = world.services;
  const files = workspace(world);
  const [first] = await world.runs('staging');
  const second = await world.release(service, 'v2', 'staging');
  await world.release(service, 'v3', 'staging');
  const ends: unknown[] = [];
  for (let count = 0; count < 3; count++) {
    const { outputs } = await promoteEnvironment(world, files, BACK);
    ends.push([outputs['verdict'], await world.runs('staging')]);
  }
  expect(ends).toEqual([
    ['restored', [second]],
    ['restored', [first]],
    ['blocked', [first]],
  ]);
  const release = JSON.parse((await world.parameter('staging', `${service}/release`)) ?? '{}') as object;
  expect(release).toMatchObject({ rolledBackFrom: expect.stringContaining(second) });
});

test('steps counts releases of the environment and images selects releases, both only good ones', async () => {
  const world = await PromotionWorld.start({ services: ['orders', 'users'] });
  const files = workspace(world);
  const [orders1] = await world.runs('staging', 'orders');
  const [users1] = await world.runs('staging', 'users');
  const run = (number: number) => ({ run: `https://github.example/org/shop/actions/runs/${number}` });
  const orders2 = await world.release('orders', 'v2', 'staging', run(2));
  await world.release('users', 'v2', 'staging', run(3));
  await world.release('orders', 'v3', 'staging', run(4));
  const runsNow = async () => [await world.runs('staging', 'orders'), await world.runs('staging', 'users')];
  const running = await runsNow();
  const back = (inputs: Record<string, string>) => promoteEnvironment(world, files, { ...BACK, ...inputs });

  const tooFar = await back({ steps: '3', services: 'users' });
  expect(tooFar.outputs['verdict']).toBe('blocked');
  expect(tooFar.outputs['reason']).toMatch(
    /^The history of users in staging has only 1 good release before the current one, but steps is 3\. Nothing was changed\. Fix: Name one of these in `images`: sha256:[0-9a-f]{64} \(commit .*\)\.$/,
  );
  const never = await back({ images: `orders=sha256:${'9'.repeat(64)}` });
  expect(never.outputs['verdict']).toBe('blocked');
  expect(never.outputs['reason']).toContain(`Name one of these in \`images\`: ${orders2}`);
  const both = await back({ steps: '2', images: `orders=${orders2}` });
  expect(both.outputs['reason']).toMatch(
    /^steps: expected no value, because images already selects.*, got "2"/,
  );
  expect(await runsNow()).toEqual(running);
  expect(await hold(world)).toBeUndefined();

  // The two latest releases are those of orders and of users.
  const two = await back({ steps: '2' });
  expect(two.outputs).toMatchObject({
    verdict: 'restored',
    reason: 'Rolled orders and users back to an earlier release. staging is on hold.',
  });
  expect(await runsNow()).toEqual([[orders2], [users1]]);
  const named = await back({ images: `orders=${orders1 ?? ''}` });
  expect(named.outputs['verdict']).toBe('restored');
  expect(await runsNow()).toEqual([[orders1], [users1]]);
});

test("after a failed release that was kept, it goes to the ledger's release", async () => {
  const rules = [{ does: 'exit' as const, match: { family: 'staging-shop-users', revision: 2 } }];
  const world = await PromotionWorld.start({ services: ['orders', 'users'], scenario: { ecs: { rules } } });
  const [good] = await world.runs('staging', 'users');
  const [orders] = await world.runs('staging', 'orders');
  await world.release('orders', 'v2', 'staging');
  // A different tool deploys users: it never becomes healthy, and ECS leaves it as it is.
  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: false } };
  await world.deploy('users', 'v2', 'staging', { deploymentConfiguration });
  await world.until('staging', 'users', ({ rolloutState }) => rolloutState === 'FAILED');
  const run = await promoteEnvironment(world, workspace(world), BACK);
  expect(run.outputs).toMatchObject({ verdict: 'restored', promoted: '["users"]' });
  expect(await world.runs('staging', 'users')).toEqual([good]);
  expect(await world.runs('staging', 'orders')).not.toEqual([orders]);
});

test('the run in progress is stopped, and the queued one is held', async () => {
  // Its tasks take a minute of this test.
  const slow = { does: 'run' as const, match: { family: 'staging-shop-user-service', revision: 2 } };
  const rules = [{ ...slow, bootSeconds: 120_000 }];
  const world = await PromotionWorld.start({ scenario: { ecs: { rules } } });
  const [service = ''] = world.services;
  const files = workspace(world);
  const [good] = await world.runs('staging');
  await world.release(service, 'v2');
  const as = (actor: string, run: string) => ({ env: { GITHUB_ACTOR: actor, GITHUB_RUN_ID: run } });
  const wait = { 'lock-timeout': '90s' };
  let queued: Promise<Run> | undefined;
  let back: Promise<Run> | undefined;
  const started = promoteEnvironment(
    world,
    files,
    {},
    {
      ...as('ada', '1'),
      onLine: (line) => {
        if (!line.includes(' started.') || back) return;
        queued = promoteEnvironment(world, files, wait, {
          ...as('bob', '2'),
          onLine: (waiting) => {
            if (waiting.includes('waiting up to'))
              back ??= promoteEnvironment(world, files, { ...BACK, ...wait }, as('eve', '3'));
          },
        });
      },
    },
  );
  const stopped = await started;
  expect(stopped.exitCode).toBe(1);
  expect(stopped.outputs['verdict']).toBe('cancelled');
  expect(stopped.outputs['reason']).toMatch(
    /Cancelled by eve for a rollback \(\S*runs\/3\): Users cannot log in\. .*Requested a rollback/,
  );
  const rolledBack = (await back)!;
  expect(rolledBack.outputs).toMatchObject({
    verdict: 'restored',
    reason: `Rolled ${service} back to the previous release. staging is on hold.`,
  });
  expect(await world.runs('staging')).toEqual([good]);
  expect(await hold(world)).toMatchObject({ actor: 'eve' });
  const held = (await queued)!;
  expect(held.outputs).toMatchObject({ verdict: 'held' });
  expect(held.outputs['reason']).toMatch(/on hold \(set by eve at .*\): Users cannot log in/);
  for (const name of ['lock', 'lock-stop', `${service}/lock`, `${service}/lock-stop`])
    expect(await world.parameter('staging', name)).toBeUndefined();
  expect(await world.parameter('staging', `${service}/image`)).toContain(good);
});

test('a scheduled task keeps its image after a promotion and a rollback, with a note', async () => {
  const world = await PromotionWorld.start();
  const [service = ''] = world.services;
  const report = `  report: { template: report.yml, service: ${service} }`;
  const elsewhere = `  other: { template: report.yml, service: ${service}, environments: [dev] }`;
  const manifest = world.manifest().replace('stacks: {}', `stacks:\n${report}\n${elsewhere}`);
  const files = workspaceOf({ 'platform.yml': manifest });
  await world.release(service, 'v2', 'dev');
  const note =
    `The stack report of staging still runs the previous image of ${service}. ` +
    'Fix: Run deploy-environment with `stacks: report`.';
  for (const [inputs, verdict] of [[{}, 'promoted'] as const, [BACK, 'restored'] as const]) {
    const run = await promoteEnvironment(world, files, inputs);
    expect(run.outputs['verdict']).toBe(verdict);
    expect((run.result as { notes: string[] }).notes).toContain(note);
  }
});
