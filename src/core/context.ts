import type { Clock } from './clock.ts';
import type { Annotations, Log } from './log.ts';
import type { RateLimiter } from './network/rate-limiter.ts';
import type { Redactor } from './redaction.ts';
import type { Unstopped } from './cancellation.ts';

/** What one run of an action works with. */
export interface Context {
  log: Log;
  clock: Clock;
  /** Aborted with a CancelledError when the job is cancelled. */
  signal: AbortSignal;
  redactor: Redactor;
  /** Shared by everything that calls AWS. */
  limiter: RateLimiter;
  /**
   * How much waits for the calls that are made with this context: the highest get their turn first. Of a part of a run it
   * is the length of the longest chain of parts that wait for it, see runGraph. Default, 0.
   */
  urgency?: number;
  annotations: Annotations;
  /** What a run that ends early could not stop. */
  unstopped: Unstopped;
}
