import { expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();

/** Plans the promotion of changed services to prod. Returns the number of calls to AWS. */
async function plan(count: number): Promise<number> {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const services = Array.from(
    { length: count },
    (_, index) => `${letters[Math.floor(index / 26)]}-${letters[index % 26]}`,
  );
  const world = await PromotionWorld.start({ services, environments: ['dev', 'staging', 'prod'] });
  for (const service of services) await world.release(service, 'v2', 'staging');
  const from = world.sandbox.calls.all.length;
  const workspace = workspaceOf({ 'platform.yml': world.manifest() });
  const run = await promoteEnvironment(world, workspace, { to: 'prod', 'dry-run': 'true' });
  expect(run.outputs).toMatchObject({
    verdict: 'planned',
    reason: `${count} of ${count} services would be promoted.`,
  });
  const aws = ['ecs', 'ecr', 'ssm', 'monitoring', 'sts'];
  const calls = world.sandbox.calls.all.slice(from).filter(({ service }) => aws.includes(service));
  return calls.length;
}

test('the calls to plan thirty services in three environments grow linearly', async () => {
  const [ten, thirty] = [await plan(10), await plan(30)];
  // A fixed part, and at most two calls per service.
  expect(thirty - ten).toBeLessThanOrEqual(2 * 20);
  expect(thirty).toBeLessThanOrEqual(3 * ten);
});
