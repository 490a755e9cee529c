import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import type { RolloutFailure } from '../../ecs/diagnosis.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import type { ChangedField } from '../../ecs/task-definition/diff.ts';

/** The verdicts of an operation on a service. */
export const SERVICE_VERDICTS = {
  deployed: { ok: true },
  unchanged: { ok: true },
  ran: { ok: true },
  registered: { ok: true },
  reported: { ok: true },
  'rolled-back': { ok: false },
  outdated: { ok: false, quiet: true },
  held: { ok: false, quiet: true },
  superseded: { ok: false, quiet: true },
  stopped: { ok: false },
  'smoke-test-failed': { ok: false },
  'pre-deploy-failed': { ok: false },
  'run-failed': { ok: false },
  'timed-out': { ok: false },
  failed: { ok: false },
  cancelled: { ok: false },
} as const satisfies Verdicts;

export type ServiceVerdict = keyof typeof SERVICE_VERDICTS;

/** The report of a release. Durations in milliseconds, times in milliseconds since the epoch. */
export interface RolloutReport {
  /** Empty for a revision that is registered without a service. */
  cluster: string;
  /** Without a service, the family of the task definition. */
  service: string;
  isStandalone?: true;
  region: string;
  /** Deployment strategy of the service: ROLLING, BLUE_GREEN, LINEAR or CANARY. */
  strategy?: string;
  /** ID of the followed deployment. */
  deployment?: string;
  /** `family:revision`, like all task definitions here. */
  taskDefinition?: string;
  taskDefinitionArn?: string;
  previousTaskDefinition?: string;
  /** Image digests that the running tasks were verified to use, by container. */
  digests: Readonly<Record<string, string>>;
  /** Changes of the task definition. */
  changes: readonly ChangedField[];
  /** Findings of the checks before the change. */
  findings: readonly PreflightFinding[];
  failure?: RolloutFailure;
  rollback?: ServiceRollback;
  preDeploy?: CommandRun;
  /** The one-off task of `command: run`. */
  run?: CommandRun;
  smokeTest?: SmokeTestResult;
  /** Events in chronological order. */
  timeline: { at: number; text: string }[];
  durationMs: number;
  /** Notes, one sentence each. */
  notes: string[];
}

/** The rollback to the previous revision. */
export interface ServiceRollback {
  /** `family:revision` */
  to: string;
  state: 'in progress' | 'complete' | 'failed';
  /** ECS's reason. */
  reason?: string;
}

/** A command that ran as a one-off task. */
export interface CommandRun {
  command: string;
  /** ID of its task; absent if ECS started none. */
  task?: string;
  /** Absent if the command did not exit. */
  exitCode?: number;
  /** The last lines, redacted. */
  log: readonly string[];
  durationMs: number;
}

export interface SmokeTestResult {
  /** The URL or the command. */
  what: string;
  ok: boolean;
  attempts: number;
  /** The result of the last attempt. */
  detail: string;
  durationMs: number;
}

/** The outcome of a release, with the fields that each verdict requires. */
export type ServiceEnd = { reason: string } & (
  | { verdict: 'deployed' | 'unchanged'; taskDefinition: string }
  | { verdict: 'rolled-back'; rollback: ServiceRollback }
  | { verdict: 'smoke-test-failed'; smokeTest: SmokeTestResult }
  /** With an error, the command was not started. */
  | { verdict: 'pre-deploy-failed'; preDeploy: CommandRun; error?: ErrorInfo }
  | { verdict: 'ran'; run: CommandRun }
  | { verdict: 'run-failed'; run: CommandRun; error?: ErrorInfo }
  | { verdict: 'registered' | 'reported'; taskDefinition: string }
  | { verdict: 'superseded' | 'stopped' }
  | { verdict: 'outdated' | 'held' | 'timed-out' | 'cancelled'; error: ErrorInfo }
  /** Absent if ECS rejected the release or a check blocked it. */
  | { verdict: 'failed'; error?: ErrorInfo }
);

/**
 * The result of a release, rollback or status of one service. These functions never throw; failures are results too.
 */
export type ServiceResult = RolloutReport & ServiceEnd & { ok: boolean };
