import type { Clock } from './clock.ts';
import type { Annotations, Log } from './log.ts';
import type { RateLimiter } from './network/rate-limiter.ts';
import type { Redactor } from './redaction.ts';
import type { Unstopped } from './cancellation.ts';

/** The dependencies of one run of an action. */
export interface Context {
  log: Log;
  clock: Clock;
  /** Aborted with a CancelledError when the job is cancelled. */
  signal: AbortSignal;
  redactor: Redactor;
  /** Shared by all calls to AWS. */
  limiter: RateLimiter;
  /**
   * Priority of the calls that are made with this context; higher values go first. For a part of a run it is the
   * length of the longest chain of parts that depend on it; see runGraph. Default: 0.
   */
  urgency?: number;
  annotations: Annotations;
  /** Operations that a run could not stop before it ended. */
  unstopped: Unstopped;
}
