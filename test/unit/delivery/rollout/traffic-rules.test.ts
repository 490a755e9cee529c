import { expect, test } from '@jest/globals';
import { loadBalancingOf } from '../../../../sandbox/elb/load-balancing.ts';
import { DEV } from '../../../support/action.ts';
import { release } from '../../../support/in-process.ts';
import { NEXT } from '../../../support/service.ts';
import { EcsWorld } from '../../sandbox/ecs/ecs-world.ts';

/** What is read from the listener rules before a deployment that shifts traffic. */

const BLUE_GREEN = { deploymentConfiguration: { strategy: 'BLUE_GREEN' as const, bakeTimeInMinutes: 0 } };

/** Sets the weights of a rule, like a stack update or a person. */
function setWeights(world: EcsWorld, rule: string, ...weights: [number, number]): void {
  const groups = loadBalancingOf(world.sandbox.world, DEV, 'eu-west-1')
    .actionsOf(rule)
    .flatMap(({ ForwardConfig }) => ForwardConfig?.TargetGroups ?? []);
  for (const [index, group] of groups.entries()) group.Weight = weights[index]!;
}

test.each(['production', 'test'] as const)(
  'a %s rule that sends requests to a target group without targets stops the deployment',
  async (kind) => {
    const world = await EcsWorld.withService({}, BLUE_GREEN);
    setWeights(world, `${kind}-rule`, 0, 100);
    const { result } = await release(world);
    expect(result).toMatchObject({ verdict: 'failed' });
    expect(result.reason).toContain(
      `The ${kind} listener rule ${kind}-rule sends requests to green (weight 100), which has no healthy target: the healthy targets are in blue.`,
    );
    expect(result.reason).toContain('Nothing was changed.');
    expect(await world.list()).toHaveLength(1);
  },
);

test('a rule that splits requests is a finding too', async () => {
  const world = await EcsWorld.withService({}, BLUE_GREEN);
  setWeights(world, 'production-rule', 50, 50);
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'failed' });
});

test('a service whose tasks are all unhealthy can be deployed', async () => {
  const world = await EcsWorld.withService({}, BLUE_GREEN);
  for (const { targets } of loadBalancingOf(world.sandbox.world, DEV, 'eu-west-1').targetGroups.values()) {
    for (const target of targets.values()) target.health = { State: 'unhealthy' };
  }
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed' });
  expect(result.findings).toEqual([
    expect.objectContaining({
      level: 'warning',
      message: expect.stringContaining('no target group of the service has one'),
    }),
    expect.objectContaining({ level: 'warning' }),
  ]);
});

test('after a rollback the test rule is only a warning', async () => {
  const world = await EcsWorld.withService(
    { scenario: { ecs: { rules: [{ does: 'exit', match: { image: NEXT }, times: 3 }] } } },
    {
      deploymentConfiguration: {
        ...BLUE_GREEN.deploymentConfiguration,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
    },
  );
  await world.deployNext();
  expect(await world.ended()).toMatchObject({ status: 'ROLLBACK_SUCCESSFUL' });
  setWeights(world, 'test-rule', 0, 100);
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed', findings: [{ level: 'warning' }] });
});

test.each(['DescribeRules', 'DescribeTargetHealth'])('a denied %s is a warning', async (operation) => {
  const world = await EcsWorld.withService({}, BLUE_GREEN);
  world.sandbox.addFault({ operation, kind: 'status', status: 403, code: 'AccessDenied', probability: 1 });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed' });
  expect(result.findings).toEqual([
    expect.objectContaining({
      level: 'warning',
      message: expect.stringContaining('Cannot check whether the listener rules lead to healthy targets'),
    }),
  ]);
});

test('a service with a desired count of 0 has no targets to check', async () => {
  const world = await EcsWorld.withService({}, { ...BLUE_GREEN, desiredCount: 0 });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed', findings: [] });
});
