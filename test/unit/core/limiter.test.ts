import { describe, expect, test } from '@jest/globals';
import { stopSignal } from '../../../src/core/cancellation.ts';
import { RateLimiter } from '../../../src/core/concurrency.ts';
import { FakeClock } from './fakes.ts';

function limiterOf(perSecond: number, burst: number): { limiter: RateLimiter; clock: FakeClock } {
  const clock = new FakeClock();
  return { limiter: new RateLimiter({ perSecond, burst, clock }), clock };
}

async function takeMany(limiter: RateLimiter, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await limiter.take();
}

/** One call a second; time passes when the test says so. */
function steppedLimiter() {
  const sleepers = new Set<{ until: number; wake: () => void }>();
  let now = 0;
  const clock = {
    now: () => now,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
      }),
    step: (ms: number) => {
      now += ms;
      for (const sleeper of sleepers) if (sleeper.until <= now) sleeper.wake();
    },
    sleeping: () => sleepers.size,
  };
  return { limiter: new RateLimiter({ perSecond: 1, burst: 1, clock }), clock };
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
    const { limiter, clock } = limiterOf(2, 1);
    const order: number[] = [];
    await Promise.all([0, 1, 2].map((index) => limiter.take().then(() => order.push(index))));
    expect(order).toEqual([0, 1, 2]);
    expect(clock.sleeps).toEqual([500, 500]);
  });

  test('slow halves the rate, once for calls that were throttled together', async () => {
    const { limiter, clock } = limiterOf(10, 1);
    await limiter.take();
    limiter.slow();
    limiter.slow();
    await takeMany(limiter, 2);
    for (const wait of clock.sleeps) {
      expect(wait).toBeGreaterThan(190);
      expect(wait).toBeLessThanOrEqual(200);
    }
    expect(clock.sleeps).toHaveLength(2);
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

  test('what was throttled gets no further burst', async () => {
    const { limiter, clock } = limiterOf(10, 20);
    await takeMany(limiter, 20);
    limiter.slow();
    await takeMany(limiter, 2);
    expect(clock.sleeps).toHaveLength(2);
    expect(clock.sleeps[0]).toBe(200);
  });

  test('a hundred aborted waiters cost the next call nothing', async () => {
    const { limiter, clock } = steppedLimiter();
    await limiter.take();
    const cancel = new AbortController();
    const waiters = Array.from({ length: 100 }, () => limiter.take(cancel.signal));
    const next = limiter.take();
    const reason = new Error('cancelled');
    cancel.abort(reason);
    const ends = await Promise.allSettled(waiters);
    expect(ends.every((end) => end.status === 'rejected' && end.reason === reason)).toBe(true);
    clock.step(1000);
    await next;
    expect(clock.now()).toBe(1000);
  });

  test('nobody sleeps for a queue that was aborted', async () => {
    const { limiter, clock } = steppedLimiter();
    await limiter.take();
    const cancel = new AbortController();
    const waiter = limiter.take(cancel.signal);
    cancel.abort(new Error('cancelled'));
    await expect(waiter).rejects.toThrow('cancelled');
    expect(clock.sleeping()).toBe(0);
  });

  test('what stops the work does not wait behind it', async () => {
    const { limiter, clock } = steppedLimiter();
    await limiter.take();
    const work = limiter.take();
    await limiter.take(stopSignal(5000));
    expect(clock.now()).toBe(0);
    clock.step(1000);
    await work;
  });

  test('an abort ends the wait with its reason', async () => {
    const { limiter } = limiterOf(1, 1);
    const reason = new Error('enough');
    await expect(limiter.take(AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
