import type { Clock } from './clock.ts';
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
