import type { Context } from './context.ts';

/** Number of attempts and limits of the waits between them, in milliseconds. */
export interface RetryPolicy {
  /** Total attempts, including the first. */
  attempts: number;
  /** Upper bound of the first wait. It doubles with each attempt. */
  baseMs: number;
  /** Upper bound of every wait. Default: 20 s. */
  longestMs?: number;
  /** No attempt starts later than this after the first. Default: no time limit. */
  budgetMs?: number;
}

export interface Retry extends RetryPolicy {
  /** Whether a failure may be temporary. All other failures are thrown immediately. */
  isTransient: (error: unknown) => boolean;
  /** The wait that the server requested (`Retry-After`), in milliseconds. */
  hintMs?: (error: unknown) => number | undefined;
}

const LONGEST_MS = 20_000;

/**
 * The wait before an attempt: random between 0 and a bound that doubles each time ("full jitter"), and at least what
 * the server requested.
 *
 * @param retries number of failed attempts, 1 or more.
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export function backoffMs(policy: RetryPolicy, retries: number, hintMs = 0): number {
  const longest = policy.longestMs ?? LONGEST_MS;
  const bound = Math.min(policy.baseMs * 2 ** (retries - 1), longest);
  return Math.max(Math.random() * bound, Math.min(hintMs, longest));
}

/**
 * Runs the work, and retries while it fails with a temporary error.
 *
 * @throws the last error; the signal's reason if it is aborted.
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
        `attempt ${attempt} of ${retry.attempts} failed, retrying in ${Math.round(wait)} ms: ${String(error)}`,
      );
      await clock.sleep(wait, signal);
    }
  }
}
