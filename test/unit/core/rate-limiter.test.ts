import { describe, expect, test } from '@jest/globals';
import { stopSignal } from '../../../src/core/cancellation.ts';
import { RateBucket, RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { FakeClock } from './fakes.ts';

function bucketOf(perSecond: number, burst: number): { bucket: RateBucket; clock: FakeClock } {
  const clock = new FakeClock();
  return { bucket: new RateBucket({ perSecond, burst }, clock), clock };
}

async function takeMany(bucket: RateBucket, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await bucket.take();
}

/** One call per second, on a clock that the test advances. */
function steppedBucket() {
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
  return { bucket: new RateBucket({ perSecond: 1, burst: 1 }, clock), clock };
}

describe('RateBucket', () => {
  test('a burst is immediate, the rest follows at the rate', async () => {
    const { bucket, clock } = bucketOf(10, 5);
    await takeMany(bucket, 5);
    expect(clock.sleeps).toEqual([]);
    await takeMany(bucket, 3);
    expect(clock.sleeps).toEqual([100, 100, 100]);
  });

  test('an unused bucket fills up to its size', async () => {
    const { bucket, clock } = bucketOf(10, 5);
    await takeMany(bucket, 5);
    clock.advance(60_000);
    await takeMany(bucket, 5);
    expect(clock.sleeps).toEqual([]);
    await bucket.take();
    expect(clock.sleeps).toEqual([100]);
  });

  test('first come, first served', async () => {
    const { bucket, clock } = bucketOf(2, 1);
    const order: number[] = [];
    await Promise.all([0, 1, 2].map((index) => bucket.take().then(() => order.push(index))));
    expect(order).toEqual([0, 1, 2]);
    expect(clock.sleeps).toEqual([500, 500]);
  });

  test('slow halves the rate once for calls throttled together', async () => {
    const { bucket, clock } = bucketOf(10, 1);
    await bucket.take();
    bucket.throttled(true);
    bucket.throttled(true);
    await takeMany(bucket, 2);
    for (const wait of clock.sleeps) {
      expect(wait).toBeGreaterThan(190);
      expect(wait).toBeLessThanOrEqual(200);
    }
    expect(clock.sleeps).toHaveLength(2);
  });

  test('it recovers within a minute', async () => {
    const { bucket, clock } = bucketOf(10, 1);
    bucket.throttled(true);
    clock.advance(60_000);
    await takeMany(bucket, 3);
    expect(clock.sleeps).toEqual([100, 100]);
  });

  test('it never stops completely', async () => {
    const { bucket, clock } = bucketOf(16, 1);
    for (let index = 0; index < 50; index++) {
      bucket.throttled(true);
      clock.advance(1000);
    }
    bucket.throttled(true);
    await takeMany(bucket, 2);
    expect(clock.sleeps[0]).toBeLessThanOrEqual(1000);
  });

  test('there is no burst after throttling', async () => {
    const { bucket, clock } = bucketOf(10, 20);
    await takeMany(bucket, 20);
    bucket.throttled(true);
    await takeMany(bucket, 2);
    expect(clock.sleeps).toHaveLength(2);
    expect(clock.sleeps[0]).toBe(200);
  });

  test('a hundred aborted waiters do not delay the next call', async () => {
    const { bucket, clock } = steppedBucket();
    await bucket.take();
    const cancel = new AbortController();
    const waiters = Array.from({ length: 100 }, () => bucket.take({ signal: cancel.signal }));
    const next = bucket.take();
    const reason = new Error('cancelled');
    cancel.abort(reason);
    const ends = await Promise.allSettled(waiters);
    expect(ends.every((end) => end.status === 'rejected' && end.reason === reason)).toBe(true);
    clock.step(1000);
    await next;
    expect(clock.now()).toBe(1000);
  });

  test('an aborted queue leaves no timer', async () => {
    const { bucket, clock } = steppedBucket();
    await bucket.take();
    const cancel = new AbortController();
    const waiter = bucket.take({ signal: cancel.signal });
    cancel.abort(new Error('cancelled'));
    await expect(waiter).rejects.toThrow('cancelled');
    expect(clock.sleeping()).toBe(0);
  });

  test('stop calls do not wait behind other calls', async () => {
    const { bucket, clock } = steppedBucket();
    await bucket.take();
    const work = bucket.take();
    await bucket.take({ signal: stopSignal(5000) });
    expect(clock.now()).toBe(0);
    clock.step(1000);
    await work;
  });

  test('stop calls use the tokens of other calls', async () => {
    const { bucket, clock } = bucketOf(10, 5);
    for (let index = 0; index < 3; index++) await bucket.take({ signal: stopSignal(5000) });
    await takeMany(bucket, 2);
    expect(clock.sleeps).toEqual([]);
    await bucket.take();
    expect(clock.sleeps).toEqual([100]);
  });

  test('an abort ends the wait with its reason', async () => {
    const { bucket } = bucketOf(1, 1);
    const reason = new Error('enough');
    await expect(bucket.take({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('the most urgent call goes first', async () => {
    const { bucket, clock } = bucketOf(2, 1);
    await bucket.take();
    const order: number[] = [];
    const urgencies = [0, 3, 1, Infinity, 3, 0, -1];
    await Promise.all(urgencies.map((urgency) => bucket.take({ urgency }).then(() => order.push(urgency))));
    expect(order).toEqual([Infinity, 3, 3, 1, 0, 0, -1]);
    expect(clock.sleeps).toHaveLength(7);
  });

  test('a throttled call of the burst empties the bucket and keeps the rate', async () => {
    const { bucket, clock } = bucketOf(10, 20);
    expect(await bucket.take()).toBe(false);
    bucket.throttled(false);
    expect(await bucket.take()).toBe(true);
    await bucket.take();
    expect(clock.sleeps).toEqual([100, 100]);
  });

  test('a hundred stop calls are sent within seconds', async () => {
    const { bucket, clock } = bucketOf(10, 20);
    await takeMany(bucket, 20);
    const began = clock.now();
    const stops = (count: number) =>
      Promise.all(Array.from({ length: count }, () => bucket.take({ signal: stopSignal(5000) })));
    await stops(100);
    expect(clock.now()).toBe(began);
    await stops(50);
    expect(clock.now() - began).toBe(5000);
  });
});

describe('RateLimiter', () => {
  test('a throttled bucket does not slow down others', async () => {
    const clock = new FakeClock();
    const limiter = new RateLimiter({ clock });
    const slow = limiter.bucket('ssm', { perSecond: 1, burst: 1 });
    slow.throttled(true);
    await limiter.bucket('ecs', { perSecond: 1, burst: 1 }).take();
    expect(clock.sleeps).toEqual([]);
    expect(limiter.bucket('ssm', { perSecond: 1, burst: 1 })).toBe(slow);
  });
});
