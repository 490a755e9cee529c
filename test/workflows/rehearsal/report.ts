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
  /** The output of the step, with masked values hidden. */
  log: string;
}

export interface JobReport {
  result: Result;
  outputs: Record<string, string>;
  /** Outputs that were dropped because they contained a masked value. */
  dropped: string[];
  /** Why it was cancelled or has failed, if no step shows it. */
  reason: string;
  environment?: string;
  /** Of its environment, or why GitHub does not show it. Empty if the job sets none. */
  environmentUrl?: EnvironmentUrl;
  /** Absent if it was skipped. */
  runner?: Runner;
  permissions: Permissions;
  steps: StepReport[];
}

export interface RunReport {
  id: number;
  attempt: number;
  result: Result;
  /** By name: one of a called workflow is `caller / job`, one of a matrix `job (value)`. */
  jobs: Record<string, JobReport>;
  /** Why GitHub would not start it. */
  refused?: string;
}

/** The worst of some results: one failure fails all, and skipped ones do not count. */
export function worst(results: readonly Result[]): Result {
  const order: Result[] = ['failure', 'cancelled', 'success'];
  return order.find((result) => results.includes(result)) ?? 'skipped';
}
