import { paginateGetParametersByPath } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { pooled } from '../../support/pool.ts';
import { ACCOUNTS, PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import { cancelled, isLocked } from './cancelled.ts';

const workspaceOf = useWorkspaces();
/** A promotion of more services is limited by AWS's rate of RegisterTaskDefinition, one per second. */
const COUNT = 40;

/** A promotion of services whose rollouts do not end. */
async function worldOf(count: number): Promise<{ world: PromotionWorld; workspace: string }> {
  const services = Array.from({ length: count }, (_, index) => `s${String(index + 1).padStart(3, '0')}`);
  const rules = services.map((service) => ({
    does: 'run' as const,
    match: { family: `staging-shop-${service}`, revision: 2 },
    bootSeconds: 1e7,
  }));
  const world = await PromotionWorld.start({ services, scenario: { ecs: { rules } } });
  await pooled(services, 8, (service) => world.release(service, 'v2'));
  return { world, workspace: workspaceOf({ 'platform.yml': world.manifest() }) };
}

async function locksLeft(sandbox: Sandbox): Promise<string[]> {
  const client = ssmOf(sandbox, ACCOUNTS.staging);
  const names: string[] = [];
  for await (const { Parameters = [] } of paginateGetParametersByPath(
    { client },
    { Path: '/shop', Recursive: true },
  ))
    names.push(...Parameters.map(({ Name = '' }) => Name));
  return names.filter((name) => name.endsWith('/lock'));
}

test('a cancelled promotion stops all 40 rollouts without a read each, and releases the locks', async () => {
  const { world, workspace } = await worldOf(COUNT);
  const { sandbox } = world;
  const ended = await cancelled(sandbox, (options) => promoteEnvironment(world, workspace, {}, options), {
    operation: 'UpdateService',
    times: COUNT,
  });
  const { run, after, unstopped } = ended;
  expect({ exitCode: run.exitCode, verdict: run.outputs['verdict'] }).toEqual({
    exitCode: 1,
    verdict: 'cancelled',
  });
  const services = run.result['services'] as { service: string; end: { reason: string } }[];
  expect(services).toHaveLength(COUNT);
  const told = after.filter(
    ({ operation, status }) => operation === 'StopServiceDeployment' && status === 200,
  );
  expect(told).toHaveLength(COUNT);
  // On a busy machine, a response may arrive too late. Then the rollout is listed.
  const listed = new Set(unstopped.map(({ what }) => what));
  for (const { service, end } of services) {
    const isListed = listed.has(`The rollout of ${service}`);
    expect(end.reason).toContain(isListed ? 'could not be stopped' : 'Requested a rollback');
  }
  const reads = after.filter(({ operation }) => operation === 'DescribeServiceDeployments');
  expect(reads.length).toBeLessThan(COUNT);
  expect(await isLocked(sandbox, ACCOUNTS.staging, '/shop/staging/lock')).toBe(false);
  // The locks of the services are released together. On a busy machine, one that is not released is listed.
  for (const lock of await locksLeft(sandbox))
    expect(run.log).toContain(`Failed to release the lock ${lock}`);
  // Rollouts that end at the same time are released in one call. Their number depends on the machine.
  const together = after.filter(({ operation }) => operation === 'DeleteParameters');
  const counts = together.map(({ input }) => (input['Names'] as string[]).length);
  expect(Math.max(...counts)).toBeGreaterThan(1);
  expect(after.filter(({ operation }) => operation === 'DeleteParameter')).toEqual([]);
});
