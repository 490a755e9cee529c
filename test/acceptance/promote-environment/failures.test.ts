import { describe, expect, test } from '@jest/globals';
import type { PromotionWorld as World } from '../../support/promotion.ts';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();
const workspace = (world: World): string => workspaceOf({ 'platform.yml': world.manifest() });
const services = ['orders', 'users'];
const cluster = 'staging-shop';
/** The new revision of one of the services never becomes healthy. */
const broken = {
  match: { cluster, service: 'users', revision: 2 },
  does: 'exit' as const,
  logs: ['no database'],
};

async function bothReleased(world: World): Promise<{ before: string[]; after: string[] }> {
  const before = (await Promise.all(services.map((name) => world.runs('staging', name)))).flat();
  const after: string[] = [];
  for (const name of services) after.push(await world.release(name, 'v2'));
  return { before, after };
}

describe('if one service fails', () => {
  test('all are rolled back, and the ledger is restored', async () => {
    const world = await PromotionWorld.start({ services, scenario: { ecs: { rules: [broken] } } });
    const { before } = await bothReleased(world);
    const ledger = await world.parameter('staging', 'orders/image');
    const run = await promoteEnvironment(world, workspace(world), {});
    expect(run.outputs).toMatchObject({ verdict: 'rolled-back', promoted: '[]', 'has-changes': 'false' });
    expect(run.outputs['reason']).toMatch(/^users: .* All services run what they ran before\.$/);
    expect(run.exitCode).toBe(1);
    const now = (await Promise.all(services.map((name) => world.runs('staging', name)))).flat();
    expect(now).toEqual(before);
    expect(await world.parameter('staging', 'orders/image')).toBe(ledger);
    expect(run.summary).toContain('### Root cause: users');
    expect(await world.parameter('staging', 'lock')).toBeUndefined();
  });

  test('and another cannot be rolled back, the verdict is partial and names it', async () => {
    const first = { match: { cluster, service: 'orders', revision: 1 }, does: 'run' as const, times: 1 };
    const noWayBack = { match: { cluster, service: 'orders', revision: 1 }, does: 'exit' as const };
    const rules = [broken, first, noWayBack];
    const world = await PromotionWorld.start({ services, scenario: { ecs: { rules } } });
    await bothReleased(world);
    const run = await promoteEnvironment(world, workspace(world), {});
    expect(run.outputs).toMatchObject({ verdict: 'partial' });
    expect(run.outputs['reason']).toContain('Failed to roll back orders.');
    expect(run.exitCode).toBe(1);
  });
});

test('tasks started or replaced at the end of a rollout cause no rollback', async () => {
  const meanwhile = [
    { does: 'scale' as const, desiredCount: 3, stage: 'COMPLETED', match: { cluster, service: 'orders' } },
    { does: 'replace' as const, stage: 'COMPLETED', match: { cluster, service: 'users' } },
  ];
  const rules = [
    { does: 'run' as const, match: { cluster, revision: 2 }, times: 2 },
    { does: 'run' as const, match: { cluster, revision: 2 }, bootSeconds: 2000 },
  ];
  const world = await PromotionWorld.start({ services });
  const { after } = await bothReleased(world);
  // From now on, because the services' first rollouts end in the same way.
  world.sandbox.world.scenario.ecs = { meanwhile, rules };
  const run = await promoteEnvironment(world, workspace(world), {});
  expect(run.outputs).toMatchObject({ verdict: 'promoted' });
  const now = (await Promise.all(services.map((name) => world.runs('staging', name)))).flat();
  expect(now).toEqual(after);
});

test('a failed copy changes no service', async () => {
  const world = await PromotionWorld.start();
  const before = await world.runs('staging');
  await world.release('user-service', 'v2');
  world.sandbox.addFault({
    kind: 'error',
    service: 'ecr',
    operation: 'PutImage',
    code: 'AccessDeniedException',
    message: 'no',
    status: 400,
    times: 99,
  });
  const run = await promoteEnvironment(world, workspace(world), {});
  expect(run.outputs).toMatchObject({ verdict: 'failed' });
  expect(run.outputs['reason']).toContain('No service was changed');
  expect(await world.runs('staging')).toEqual(before);
});

test('a cancelled job stops its rollout, releases the lock and reports it', async () => {
  const slow = { match: { cluster, revision: 2 }, does: 'run' as const, pullSeconds: 100_000 };
  const world = await PromotionWorld.start({ scenario: { ecs: { rules: [slow] } } });
  await world.release('user-service', 'v2');
  const run = await promoteEnvironment(
    world,
    workspace(world),
    {},
    {
      onLine: (line, child) => {
        if (line.includes(' started.')) child.kill('SIGINT');
      },
    },
  );
  expect(run.outputs).toMatchObject({ verdict: 'cancelled' });
  expect(run.exitCode).toBe(1);
  expect(await world.parameter('staging', 'lock')).toBeUndefined();
});
