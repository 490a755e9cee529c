import { expect, test } from '@jest/globals';
import { release } from '../../support/in-process.ts';
import { NEXT } from '../../support/service.ts';
import { EcsWorld, IMAGE } from '../sandbox/ecs/ecs-world.ts';

/** The time scale for both sides: for the sandbox, and for the release that polls it. */
const SCALE = 40;

test.each([true, false])(
  'a rollout of five minutes makes at most 200 calls (circuit breaker: %s)',
  async (enable) => {
    const rules = [
      { does: 'run' as const, match: { image: IMAGE }, pullSeconds: 0, bootSeconds: 0 },
      { does: 'run' as const, match: { image: NEXT }, bootSeconds: 240 },
    ];
    const world = await EcsWorld.withService(
      { timeScale: SCALE, scenario: { ecs: { rules } } },
      { deploymentConfiguration: { deploymentCircuitBreaker: { enable, rollback: true } } },
    );
    const { sandbox } = world;
    const before = sandbox.calls.all.length;
    const { result } = await release(world, {}, SCALE);
    const calls = sandbox.calls.all.slice(before);
    expect(result).toMatchObject({ verdict: 'deployed' });
    expect(result.durationMs).toBeGreaterThan(270_000);
    expect(calls.length).toBeLessThanOrEqual(200);
    expect(calls.length).toBeGreaterThan(50);
  },
);
