import { describe, expect, test } from '@jest/globals';
import { isRefusal, toAwsError } from '../../../src/aws/errors.ts';
import { RetryStrategy } from '../../../src/aws/retry.ts';
import { FakeClock } from '../core/fakes.ts';

type Info = Parameters<RetryStrategy['refreshRetryTokenForRetry']>[1];

function infoOf(name: string, rest: Partial<Info> = {}, metadata = {}): Info {
  const error = Object.assign(new Error('no'), { name, $metadata: metadata });
  return { error, errorType: 'TRANSIENT', ...rest } as Info;
}

/** How often a call is made if each attempt ends with the same error. */
async function attemptsFor(info: Info): Promise<{ attempts: number; clock: FakeClock }> {
  const clock = new FakeClock();
  const strategy = new RetryStrategy(clock);
  let token = await strategy.acquireInitialRetryToken();
  for (let attempts = 1; ; attempts++) {
    try {
      token = await strategy.refreshRetryTokenForRetry(token, info);
    } catch (error) {
      expect(error).toBe(info.error);
      return { attempts, clock };
    }
  }
}

describe('RetryStrategy', () => {
  test.each([
    ['Throttling', 13],
    ['TimeoutError', 8],
    ['InternalFailure', 5],
    ['MalformedResponseError', 5],
    ['LimitExceededException', 1],
    ['AccessDenied', 1],
    ['ValidationError', 1],
    ['AbortError', 1],
    ['Error', 1],
  ])('%s: %d attempts', async (name, attempts) => {
    expect((await attemptsFor(infoOf(name))).attempts).toBe(attempts);
  });

  test('a 5xx is retried for about a minute on average', async () => {
    const info = infoOf('InternalFailure', {}, { httpStatusCode: 503 });
    const runs = await Promise.all(Array.from({ length: 50 }, () => attemptsFor(info)));
    const waits = runs.map(({ clock }) => clock.sleeps.reduce((sum, ms) => sum + ms, 0));
    const mean = waits.reduce((sum, ms) => sum + ms, 0) / waits.length;
    expect(mean).toBeGreaterThan(45_000);
    expect(mean).toBeLessThan(80_000);
    expect(runs[0]?.attempts).toBe(13);
  });

  test('an error after a lost response is marked, one after throttling is not', async () => {
    for (const [first, lost] of [
      ['TimeoutError', true],
      ['InternalFailure', true],
      ['Throttling', false],
    ] as const) {
      const strategy = new RetryStrategy(new FakeClock());
      const begun = await strategy.acquireInitialRetryToken();
      const token = await strategy.refreshRetryTokenForRetry(begun, infoOf(first));
      const refusal = infoOf('AccessDenied', {}, { httpStatusCode: 403 });
      await expect(strategy.refreshRetryTokenForRetry(token, refusal)).rejects.toThrow('no');
      expect(isRefusal(toAwsError(refusal.error))).toBe(!lost);
    }
  });

  test('one more attempt is made after the SDK has corrected the clock', async () => {
    const info = infoOf('RequestTimeTooSkewed', {}, { clockSkewCorrected: true });
    expect((await attemptsFor(info)).attempts).toBe(2);
  });

  test('a Retry-After header is respected up to 20 s', async () => {
    const now = new FakeClock().now();
    for (const [seconds, ms] of [
      [3, 3000],
      [60, 20_000],
    ] as const) {
      const info = infoOf('InternalFailure', { retryAfterHint: new Date(now + seconds * 1000) });
      const { clock } = await attemptsFor(info);
      expect(clock.sleeps[0]).toBe(ms);
    }
  });

  test('a delay never exceeds its limit', async () => {
    const { clock } = await attemptsFor(infoOf('Throttling'));
    for (const [index, sleep] of clock.sleeps.entries()) {
      expect(sleep).toBeGreaterThanOrEqual(0);
      expect(sleep).toBeLessThanOrEqual(Math.min(500 * 2 ** index, 20_000));
    }
  });
});
