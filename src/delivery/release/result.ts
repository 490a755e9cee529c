import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import type { RolloutFailure } from '../../ecs/diagnosis.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import type { ChangedField } from '../../ecs/task-definition/diff.ts';

/** How the work on a service can end. */
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

/** What is known of a release, however it ends. Durations in ms; times in ms since the epoch. */
export interface RolloutReport {
  /** Empty for a revision that is registered without a service. */
  cluster: string;
  /** Without a service, the family of the task definition. */
  service: string;
  isStandalone?: true;
  region: string;
  /** The service's strategy: ROLLING, BLUE_GREEN, LINEAR or CANARY. */
  strategy?: string;
  /** The id of the deployment that was watched. */
  deployment?: string;
  /** `family:revision`, as are all task definitions here. */
  taskDefinition?: string;
  taskDefinitionArn?: string;
  previousTaskDefinition?: string;
  /** What the running tasks were proven to run, by container. */
  digests: Readonly<Record<string, string>>;
  /** How the task definition changes. */
  changes: readonly ChangedField[];
  /** What was found before anything was changed. */
  findings: readonly PreflightFinding[];
  failure?: RolloutFailure;
  rollback?: ServiceRollback;
  preDeploy?: CommandRun;
  /** The one-off task of `command: run`. */
  run?: CommandRun;
  smokeTest?: SmokeTestResult;
  /** What happened, in chronological order. */
  timeline: { at: number; text: string }[];
  durationMs: number;
  /** Worth knowing, a sentence each. */
  notes: string[];
}

/** The rollback to the revision before. */
export interface ServiceRollback {
  /** `family:revision` */
  to: string;
  state: 'in progress' | 'complete' | 'failed';
  /** What ECS says of it. */
  reason?: string;
}

/** A command that ran as a task of its own. */
export interface CommandRun {
  command: string;
  /** The id of its task; absent when ECS started none. */
  task?: string;
  /** Absent when the command never ended. */
  exitCode?: number;
  /** Its last lines, redacted. */
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

/** How a release ended, with what each verdict always has. */
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
  /** Without an error, ECS or a check before the deployment said no. */
  | { verdict: 'failed'; error?: ErrorInfo }
);

/** The result of a release, a rollback or a status of one service. These functions do not throw: failures are results too. */
export type ServiceResult = RolloutReport & ServiceEnd & { ok: boolean };
