import type { Gate } from './request.ts';

/** What stands against a promotion, and what to do about it. */
export interface Finding {
  /** `origin` and `target` cannot be bypassed. */
  kind: 'origin' | 'target' | 'soak' | Gate;
  message: string;
  fix: string;
  /** Passed this once, for the reason that was given. */
  bypassed?: boolean;
}
