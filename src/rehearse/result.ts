import type { ErrorInfo } from '../core/errors.ts';
import type { Verdicts } from '../core/outcome.ts';
import type { RunResult } from '../environment/run/result.ts';

/** How a rehearsal can end. */
export const REHEARSAL_VERDICTS = {
  'would-succeed': { ok: true },
  unchanged: { ok: true },
  'would-be-blocked': { ok: false },
  'would-fail': { ok: false },
  failed: { ok: false },
} as const satisfies Verdicts;

/** What a pull request would do to an environment. */
export type RehearsalResult = { environment: string } & (
  | {
      verdict: 'would-succeed' | 'unchanged' | 'would-be-blocked' | 'would-fail';
      plan: RunResult;
      /** Absent where the plan already ends it. */
      apply?: RunResult;
      /** How long the changes would take, in ms of AWS's time. */
      durationMs: number;
    }
  /** Not even a plan can be made: a template, a parameter or a file is wrong. */
  | { verdict: 'would-fail'; error: ErrorInfo }
);
