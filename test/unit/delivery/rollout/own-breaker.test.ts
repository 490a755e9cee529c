import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../../sandbox/index.ts';
import { release } from '../../../support/in-process.ts';
import { NEXT } from '../../../support/service.ts';
import { EcsWorld } from '../../sandbox/ecs/ecs-world.ts';

/** What happens to a service without a circuit breaker whose tasks fail. */

type EcsScenario = NonNullable<Scenario['ecs']>;
const match = { image: NEXT };
const worldOf = (ecs: EcsScenario, more = {}) => EcsWorld.withService({ scenario: { ecs } }, more);
const CAUSE = 'The container app exited with code 1 right after it started';

test.each(['rollback', 'stop', 'keep'] as const)(
  'after three failed tasks, the rollout fails and on-failure: %s applies',
  async (onFailure) => {
    const world = await worldOf({ rules: [{ does: 'exit', match }] });
    const { result, lines } = await release(world, { onFailure });
    expect(result.verdict).toBe(onFailure === 'rollback' ? 'rolled-back' : 'failed');
    expect(result.reason).toMatch(
      /^The container app exited .* \d+ tasks failed in a row and none became healthy\./,
    );
    expect(result.reason).toContain('The service has no circuit breaker');
    expect(lines.join('\n')).toMatch(/Tasks: .*\d+ failed \(threshold 3\)/);
  },
);

test('each distinct cause is shown once, with its first failed task', async () => {
  const world = await worldOf({
    rules: [
      { does: 'exit', match, times: 1 },
      { does: 'cannot-pull', match },
    ],
  });
  const { lines } = await release(world, {}, 10);
  const warnings = lines.filter((line) => line.startsWith('::warning title=Failing tasks of user-service::'));
  expect(warnings.filter((line) => line.includes(CAUSE))).toHaveLength(1);
  expect(warnings.filter((line) => line.includes('The image cannot be pulled'))).toHaveLength(1);
  expect(warnings).toHaveLength(2);
});

test('failures before a healthy task do not count', async () => {
  const world = await worldOf({
    rules: [
      { does: 'exit', match, times: 2 },
      { does: 'run', match },
    ],
  });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed' });
});

test('failed tasks are counted even if service deployments cannot be read', async () => {
  const world = await worldOf({ serviceDeployments: false, rules: [{ does: 'exit', match }] });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'rolled-back' });
  expect(result.reason).toContain('none became healthy');
});

test('a rollback fails after the same number of failed tasks', async () => {
  const world = await worldOf({
    meanwhile: [{ does: 'replace', tasks: 2, stage: 'COMPLETED', match }],
    rules: [
      { does: 'run', match: { revision: 1 }, times: 2 },
      { does: 'run', match, times: 2 },
      { does: 'exit' },
    ],
  });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'failed', rollback: { to: 'user-service:1', state: 'failed' } });
  expect(result.reason).toContain('The rollback to user-service:1 failed. Check the service immediately.');
});
