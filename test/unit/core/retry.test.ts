import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { CancelledError } from '../../../src/core/errors.ts';
import { backoffMs, withRetry } from '../../../src/core/retry.ts';
import { FakeClock, recordingLog } from './fakes.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('backoffMs', () => {
  test('the limit doubles with each attempt, up to the maximum', () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const waits = [1, 2, 3, 4, 5].map((retries) =>
      backoffMs({ attempts: 9, baseMs: 100, longestMs: 500 }, retries),
    );
    expect(waits).toEqual([100, 200, 400, 500, 500]);
    expect(backoffMs({ attempts: 99, baseMs: 1000 }, 30)).toBe(20_000);
  });

  test('is between zero and the limit', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    expect(backoffMs({ attempts: 3, baseMs: 100 }, 2)).toBe(0);
  });

  test('is at least the requested delay, up to the maximum', () => {
    const policy = { attempts: 3, baseMs: 100, longestMs: 5000 };
    expect(backoffMs(policy, 1, 3000)).toBe(3000);
    expect(backoffMs(policy, 1, 60_000)).toBe(5000);
  });
});

describe('withRetry', () => {
  const stand = (signal = new AbortController().signal) => {
    const clock = new FakeClock();
    const { log, lines } = recordingLog();
    return { context: { clock, signal, log }, clock, lines };
  };
  const retry = { attempts: 4, baseMs: 100, isTransient: (error: unknown) => error !== 'final' };

  test('returns the first success', async () => {
    const { context, clock, lines } = stand();
    const attempts: number[] = [];
    const answer = await withRetry(context, retry, (attempt) => {
      attempts.push(attempt);
      return attempt < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve('done');
    });
    expect(answer).toBe('done');
    expect(attempts).toEqual([1, 2, 3]);
    expect(clock.sleeps).toHaveLength(2);
    expect(lines[0]).toMatch(/^::debug::attempt 1 of 4 failed, retrying in \d+ ms: Error: not yet$/);
  });

  test('throws the last error after the last attempt', async () => {
    const { context, clock } = stand();
    const run = withRetry(context, retry, (attempt) => Promise.reject(new Error(`attempt ${attempt}`)));
    await expect(run).rejects.toThrow('attempt 4');
    expect(clock.sleeps).toHaveLength(3);
  });

  test('throws a permanent error immediately', async () => {
    const { context, clock } = stand();
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    await expect(withRetry(context, retry, () => Promise.reject('final'))).rejects.toBe('final');
    expect(clock.sleeps).toEqual([]);
  });

  test('waits as long as the error requests', async () => {
    const { context, clock } = stand();
    const hinted = { ...retry, hintMs: () => 7000 };
    await withRetry(context, hinted, (attempt) =>
      attempt === 1 ? Promise.reject(new Error('busy')) : Promise.resolve(),
    );
    expect(clock.sleeps).toEqual([7000]);
  });

  test('starts no attempt after its time limit', async () => {
    const { context, clock } = stand();
    const bounded = { ...retry, budgetMs: 10_000, hintMs: () => 4000 };
    await expect(withRetry(context, bounded, () => Promise.reject(new Error('busy')))).rejects.toThrow();
    expect(clock.sleeps).toEqual([4000, 4000]);
  });

  test('ends with the reason of a cancellation, also during a delay', async () => {
    const controller = new AbortController();
    const reason = new CancelledError('SIGINT');
    const { context, clock } = stand(controller.signal);
    clock.onSleep = () => {
      controller.abort(reason);
    };
    await expect(withRetry(context, retry, () => Promise.reject(new Error('x')))).rejects.toBe(reason);
    expect(clock.sleeps).toHaveLength(1);
    await expect(withRetry(context, retry, () => Promise.resolve())).rejects.toBe(reason);
  });
});
