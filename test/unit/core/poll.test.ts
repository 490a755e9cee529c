import { describe, expect, test } from '@jest/globals';
import { CancelledError, TimeoutError } from '../../../src/core/errors.ts';
import { poll } from '../../../src/core/poll.ts';
import { FakeClock, recordingLog } from './fakes.ts';

class Throttled extends Error {}

function contextOf(signal = new AbortController().signal) {
  return { clock: new FakeClock(), signal, log: recordingLog().log };
}

const options = {
  what: 'stack dev-platform-vpc',
  timeoutMs: 600_000,
  isThrottle: (error: unknown) => error instanceof Throttled,
};

/** A check that returns the given values in order; an error is thrown. */
function checkOf(...answers: unknown[]): () => Promise<unknown> {
  return () => {
    const answer = answers.shift();
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
}

const nothing = (count: number): undefined[] => Array.from({ length: count }, () => undefined);

describe('poll', () => {
  test('ends with the first result, including false', async () => {
    for (const answer of ['done', false, 0, null]) {
      const context = contextOf();
      expect(await poll(context, options, checkOf(answer))).toBe(answer);
      expect(context.clock.sleeps).toEqual([]);
    }
  });

  test('polls every second at first, then every 2–3 s', async () => {
    const context = contextOf();
    await poll(context, options, checkOf(...nothing(100), 'done'));
    expect(context.clock.sleeps.slice(0, 15)).toEqual(Array.from({ length: 15 }, () => 1000));
    for (const sleep of context.clock.sleeps.slice(15)) {
      expect(sleep).toBeGreaterThanOrEqual(2000);
      expect(sleep).toBeLessThanOrEqual(3000);
    }
  });

  test('throttling doubles the delay up to 32 s, and the next response resets it', async () => {
    const context = contextOf();
    const throttled = Array.from({ length: 7 }, () => new Throttled());
    const answers = [...throttled, undefined, new Throttled(), 'done'];
    await poll(context, { ...options, intervalMs: () => 1000 }, checkOf(...answers));
    expect(context.clock.sleeps).toEqual([2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000, 1000, 2000]);
  });

  test('other errors end it', async () => {
    await expect(poll(contextOf(), options, checkOf(undefined, new Error('denied')))).rejects.toThrow(
      'denied',
    );
  });

  test('checks once more at the timeout, then throws a TimeoutError', async () => {
    const context = contextOf();
    const limited = { ...options, timeoutMs: 2500, intervalMs: () => 1000 };
    await expect(poll(context, limited, checkOf(...nothing(4)))).rejects.toThrow(
      new TimeoutError('stack dev-platform-vpc', 2500),
    );
    expect(context.clock.sleeps).toEqual([1000, 1000, 500]);
    expect(await poll(contextOf(), limited, checkOf(...nothing(3), 'just in time'))).toBe('just in time');
  });

  test('permanent throttling is a TimeoutError too', async () => {
    const throttled = Array.from({ length: 50 }, () => new Throttled());
    await expect(poll(contextOf(), { ...options, timeoutMs: 60_000 }, checkOf(...throttled))).rejects.toThrow(
      TimeoutError,
    );
  });

  test('a cancelled job ends it with the reason, before and between checks', async () => {
    const reason = new CancelledError('SIGINT');
    await expect(poll(contextOf(AbortSignal.abort(reason)), options, checkOf('done'))).rejects.toBe(reason);
    const controller = new AbortController();
    const context = contextOf(controller.signal);
    context.clock.onSleep = () => {
      controller.abort(reason);
    };
    await expect(poll(context, options, checkOf(...nothing(3)))).rejects.toBe(reason);
    expect(context.clock.sleeps).toHaveLength(1);
  });
});

test.each([
  [500, '500 ms'],
  [90_000, '1.5 min'],
  [20_000, '20 s'],
  [3_600_000, '60 min'],
])('a TimeoutError of %d ms names %s', (ms, text) => {
  expect(new TimeoutError('x', ms).message).toBe(`x did not finish within ${text}`);
});
