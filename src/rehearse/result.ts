import type { ErrorInfo } from '../core/errors.ts';
import type { Verdicts } from '../core/outcome.ts';
import type { RunResult } from '../environment/run/result.ts';
import type { Effects } from './effects/effects.ts';

/** The verdicts of a rehearsal. */
export const REHEARSAL_VERDICTS = {
  'would-succeed': { ok: true },
  unchanged: { ok: true },
  'would-be-blocked': { ok: false },
  'would-fail': { ok: false },
  failed: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Verdicts;

/** The result of deploying a pull request to an environment. */
export type RehearsalResult = PlayedRehearsal | RefusedRehearsal;

export interface PlayedRehearsal {
  environment: string;
  verdict: 'would-succeed' | 'unchanged' | 'would-be-blocked' | 'would-fail';
  plan: RunResult;
  /** Absent if the plan already decides the verdict. */
  apply?: RunResult;
  /** Services that another tool manages, which are not rehearsed. */
  leftOut: readonly string[];
  effects: Effects;
}

/** No plan could be created, because a template, a parameter or a file is invalid. */
export interface RefusedRehearsal {
  environment: string;
  verdict: 'would-fail';
  error: ErrorInfo;
}
