import type { Context } from './context.ts';

/** How often something is tried, and how long the waits between the tries may be, in milliseconds. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  attempts: number;
  /** Upper bound of the first wait; it doubles with each try. */
  baseMs: number;
  /** Upper bound of every wait; default 20 s. */
  longestMs?: number;
  /** No try starts later than this after the first one; default: no limit but the number of tries. */
  budgetMs?: number;
}

export interface Retry extends RetryPolicy {
  /** Whether a failure may well pass by itself. All others are thrown at once. */
  isTransient: (error: unknown) => boolean;
  /** The wait that the other side asked for (`Retry-After`), in milliseconds. */
  hintMs?: (error: unknown) => number | undefined;
}

const LONGEST_MS = 20_000;

/**
 * The wait before a try: random between nothing and a bound that doubles each time ("full jitter"), and at least
 * what the other side asked for.
 *
 * @param retries how many tries have failed so far; 1 or more.
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function backoffMs(policy: RetryPolicy, retries: number, hintMs = 0): number {
  const longest = policy.longestMs ?? LONGEST_MS;
  const bound = Math.min(policy.baseMs * 2 ** (retries - 1), longest);
  return Math.max(Math.random() * bound, Math.min(hintMs, longest));
}

/**
 * Does something, and tries again while it fails for a moment.
 *
 * @throws the last error; the signal's reason when it is aborted.
 */
export async function withRetry<T>(
  { clock, signal, log }: Pick<Context, 'clock' | 'signal'> & Partial<Pick<Context, 'log'>>,
  retry: Retry,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  const startedAt = clock.now();
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= retry.attempts || !retry.isTransient(error)) throw error;
      const wait = backoffMs(retry, attempt, retry.hintMs?.(error));
      if (clock.now() - startedAt + wait > (retry.budgetMs ?? Infinity)) throw error;
      log?.debug(
        `attempt ${attempt} of ${retry.attempts} failed, next in ${Math.round(wait)} ms: ${String(error)}`,
      );
      await clock.sleep(wait, signal);
    }
  }
}
