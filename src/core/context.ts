import type { RateLimiter } from './concurrency.ts';
import type { Annotations, Log } from './log.ts';
import type { Redactor } from './redaction.ts';

/** What one run of an action works with. */
export interface Context {
  log: Log;
  clock: Clock;
  /** Aborted with a CancelledError when the job is cancelled. */
  signal: AbortSignal;
  redactor: Redactor;
  /** Shared by everything that calls AWS. */
  limiter: RateLimiter;
  annotations: Annotations;
}

/** Time, so that a test can play it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits `ms` milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
