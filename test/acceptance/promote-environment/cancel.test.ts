import { expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();
const SERVICES = ['carts', 'orders', 'prices', 'users'];

test('a cancelled job stops all rollouts before it is killed, even if AWS throttles it', async () => {
  const rules = SERVICES.map((service) => ({
    does: 'run' as const,
    match: { family: `staging-shop-${service}`, revision: 2 },
    bootSeconds: 200_000,
  }));
  const world = await PromotionWorld.start({ services: SERVICES, scenario: { ecs: { rules } } });
  for (const service of SERVICES) await world.release(service, 'v2');
  const { sandbox } = world;
  let begun = 0;
  const run = await promoteEnvironment(
    world,
    workspaceOf({ 'platform.yml': world.manifest() }),
    {},
    {
      onLine: (line, child) => {
        if (!line.includes(' started.') || ++begun < SERVICES.length) return;
        // All services are read with one call, which is refused from now on, and wait for it.
        sandbox.addFault({ kind: 'throttle', operation: 'DescribeServiceDeployments', times: 60 });
        void sandbox.calls
          .arrival(
            { operation: 'DescribeServiceDeployments' },
            sandbox.calls.of('DescribeServiceDeployments').length + 4,
          )
          .then(() => child.kill('SIGTERM'));
      },
    },
  );
  expect(run.outputs['verdict']).toBe('cancelled');
  expect(sandbox.calls.of('StopServiceDeployment')).toHaveLength(SERVICES.length);
  const ends = run.result['services'] as { end: { reason: string } }[];
  for (const { end } of ends) expect(end.reason).toContain('Requested a rollback');
  expect(await world.parameter('staging', 'lock')).toBeUndefined();
});
