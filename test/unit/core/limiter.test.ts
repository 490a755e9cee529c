import { describe, expect, test } from '@jest/globals';
import { RateLimiter } from '../../../src/core/concurrency.ts';
import { FakeClock } from './fakes.ts';

function limiterOf(perSecond: number, burst: number): { limiter: RateLimiter; clock: FakeClock } {
  const clock = new FakeClock();
  return { limiter: new RateLimiter({ perSecond, burst, clock }), clock };
}

async function takeMany(limiter: RateLimiter, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await limiter.take();
}

describe('RateLimiter', () => {
  test('a burst goes at once, the rest at the rate', async () => {
    const { limiter, clock } = limiterOf(10, 5);
    await takeMany(limiter, 5);
    expect(clock.sleeps).toEqual([]);
    await takeMany(limiter, 3);
    expect(clock.sleeps).toEqual([100, 100, 100]);
  });

  test('the bucket fills while nobody takes, and not beyond its size', async () => {
    const { limiter, clock } = limiterOf(10, 5);
    await takeMany(limiter, 5);
    clock.advance(60_000);
    await takeMany(limiter, 5);
    expect(clock.sleeps).toEqual([]);
    await limiter.take();
    expect(clock.sleeps).toEqual([100]);
  });

  test('first come, first served', async () => {
    const waits: number[] = [];
    const clock = {
      now: () => 0,
      sleep: (ms: number) => {
        waits.push(ms);
        return Promise.resolve();
      },
    };
    const limiter = new RateLimiter({ perSecond: 2, burst: 1, clock });
    await Promise.all([limiter.take(), limiter.take(), limiter.take()]);
    expect(waits).toEqual([500, 1000]);
  });

  test('slow halves the rate, once for calls that were throttled together', async () => {
    const { limiter, clock } = limiterOf(10, 1);
    await limiter.take();
    limiter.slow();
    limiter.slow();
    await takeMany(limiter, 2);
    expect(clock.sleeps[0]).toBe(100);
    expect(clock.sleeps[1]).toBeGreaterThan(190);
    expect(clock.sleeps[1]).toBeLessThanOrEqual(200);
  });

  test('it recovers within a minute', async () => {
    const { limiter, clock } = limiterOf(10, 1);
    limiter.slow();
    clock.advance(60_000);
    await takeMany(limiter, 3);
    expect(clock.sleeps).toEqual([100, 100]);
  });

  test('it never stops altogether', async () => {
    const { limiter, clock } = limiterOf(16, 1);
    for (let index = 0; index < 50; index++) {
      limiter.slow();
      clock.advance(1000);
    }
    limiter.slow();
    await takeMany(limiter, 2);
    expect(clock.sleeps[0]).toBeLessThanOrEqual(1000);
  });

  test('an abort ends the wait with its reason', async () => {
    const { limiter } = limiterOf(1, 1);
    const reason = new Error('enough');
    await expect(limiter.take(AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
