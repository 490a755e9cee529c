import { expect, test } from '@jest/globals';
import { RateBucket, type Rate } from '../../../src/core/network/rate-limiter.ts';
import { VirtualClock } from '../../support/model/virtual-clock.ts';
import { fc } from '../../support/property.ts';

interface Call {
  /** When it requests its turn, and when it gives up, in ms. */
  at: number;
  abortAfter: number | undefined;
  urgency: number;
}

interface Ended {
  index: number;
  call: Call;
  asked: number;
  ended: number;
  granted: boolean;
}

/** Plays the calls. Returns how each one ended, in order. */
async function play(rate: Rate, calls: readonly Call[], throttledAt: readonly number[]): Promise<Ended[]> {
  const clock = new VirtualClock(0);
  const bucket = new RateBucket(rate, clock);
  const ends: Ended[] = [];
  const cancelled = new Error('cancelled');
  const playOne = async (call: Call, index: number): Promise<void> => {
    await clock.sleep(call.at);
    const asked = clock.now();
    const controller = new AbortController();
    let waits = true;
    if (call.abortAfter !== undefined) {
      void clock.sleep(call.abortAfter).then(() => {
        if (waits) controller.abort(cancelled);
      });
    }
    const granted = await bucket.take({ signal: controller.signal, urgency: call.urgency }).then(
      () => true,
      (error: unknown) => {
        expect(error).toBe(cancelled);
        return false;
      },
    );
    waits = false;
    ends.push({ index, call, asked, ended: clock.now(), granted });
  };
  const throttle = async (at: number): Promise<void> => {
    await clock.sleep(at);
    bucket.throttled(true);
  };
  await Promise.all([...calls.map(playOne), ...throttledAt.map(throttle)]);
  return ends;
}

/** Two ends in the same millisecond are in no particular order. */
const ROUNDING_MS = 2;

/** A call that proceeds overtakes no equally urgent call that requested earlier and is still waiting. */
function expectOrder(ends: readonly Ended[]): void {
  for (const first of ends.filter(({ granted }) => granted)) {
    const overtaken = ends.filter(
      (other) =>
        other.ended > first.ended + ROUNDING_MS &&
        other.asked + ROUNDING_MS < first.ended &&
        (other.call.urgency > first.call.urgency ||
          (other.call.urgency === first.call.urgency && other.asked < first.asked)),
    );
    expect(overtaken).toEqual([]);
  }
}

/** Never more than the burst and the rate allow, and no token that a waiting call could have used remains unused. */
function expectTokens({ perSecond, burst }: Rate, ends: readonly Ended[]): void {
  let tokens = burst;
  let last = 0;
  for (const { asked, ended } of ends.filter(({ granted }) => granted)) {
    const before = tokens;
    tokens = Math.min(burst, tokens + ((ended - last) * perSecond) / 1000);
    expect(tokens).toBeGreaterThan(1 - 1e-6);
    const freeAt = last + Math.max(0, ((1 - before) * 1000) / perSecond);
    expect(ended).toBeLessThanOrEqual(Math.max(freeAt, asked) + ROUNDING_MS);
    tokens--;
    last = ended;
  }
}

const rates = fc.record({ perSecond: fc.constantFrom(0.5, 1, 3, 10, 40), burst: fc.constantFrom(1, 2, 10) });
const someCalls = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 2000 }),
    abortAfter: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
    urgency: fc.constantFrom(-1, 0, 0, 1, 5, Infinity),
  }),
  { minLength: 10, maxLength: 60 },
);

test('any schedule: in order, no token lost, no waiter forgotten, aborted ones leave at once', async () => {
  let cases = 0;
  let waits = 0;
  let aborts = 0;
  await fc.assert(
    fc.asyncProperty(rates, someCalls, async (rate, calls) => {
      const ends = await play(rate, calls, []);
      expect(ends).toHaveLength(calls.length);
      expectOrder(ends);
      expectTokens(rate, ends);
      for (const { call, asked, ended, granted } of ends) {
        if (!granted) expect(ended).toBe(asked + (call.abortAfter ?? 0));
      }
      cases++;
      waits += ends.filter(({ asked, ended }) => ended > asked).length;
      aborts += ends.filter(({ granted }) => !granted).length;
    }),
    { numRuns: 200 },
  );
  console.log(`${cases} schedules: ${waits} calls waited, ${aborts} were aborted`);
});

test('any schedule with throttling: in order, not over the rate, and everything ends', async () => {
  let cases = 0;
  const throttledAt = fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rates, someCalls, throttledAt, async (rate, calls, throttled) => {
      const ends = await play(rate, calls, throttled);
      expect(ends).toHaveLength(calls.length);
      expectOrder(ends);
      cases++;
    }),
    { numRuns: 200 },
  );
  console.log(`${cases} schedules with throttling`);
});
