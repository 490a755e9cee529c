import type { Permissions } from '../workflow.ts';
import type { Runner } from './runner.ts';

export type Result = 'success' | 'failure' | 'cancelled' | 'skipped';

/** The URL of a job's environment, or GitHub's warning about it. */
export type EnvironmentUrl = { url: string } | { warning: string } | Record<string, never>;

export interface StepReport {
  name: string;
  result: Result;
  outputs: Record<string, string>;
  summary: string;
  /** What the step printed, with masked values hidden. */
  log: string;
}

export interface JobReport {
  result: Result;
  outputs: Record<string, string>;
  /** Outputs that were not handed on, because they held a masked value. */
  dropped: string[];
  /** Why it was cancelled or has failed, where no step says so. */
  reason: string;
  environment?: string;
  /** Of its environment, or why GitHub does not show it; empty where the job gives none. */
  environmentUrl?: EnvironmentUrl;
  /** Absent where it was skipped. */
  runner?: Runner;
  permissions: Permissions;
  steps: StepReport[];
}

export interface RunReport {
  id: number;
  attempt: number;
  result: Result;
  /** By their names; one of a called workflow is `caller / job`, one of a matrix `job (value)`. */
  jobs: Record<string, JobReport>;
  /** Why GitHub would not even start it. */
  refused?: string;
}

/** The worst of some results: one failure fails all, and what only was skipped counts for nothing. */
export function worst(results: readonly Result[]): Result {
  const order: Result[] = ['failure', 'cancelled', 'success'];
  return order.find((result) => results.includes(result)) ?? 'skipped';
}
