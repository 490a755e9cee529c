/** One run of update-service, as the job summary shows it. Durations in ms; stamps in ms since the epoch. */
export interface RolloutReport {
  cluster: string;
  service: string;
  region: string;
  /** The service's strategy: ROLLING, BLUE_GREEN, LINEAR or CANARY. */
  strategy?: string;
  /** The id of the deployment that was watched. */
  deployment?: string;
  /** `family:revision`, as are all task definitions here. */
  taskDefinition?: string;
  previousTaskDefinition?: string;
  /** What the tasks that serve now were proven to run, by container. */
  digests: Readonly<Record<string, string>>;
  /** How the task definition changes. */
  changes: readonly ReportedChange[];
  /** What was found before anything was changed. */
  findings: readonly ReportedFinding[];
  failure?: ReportedRolloutFailure;
  rollback?: ReportedRollback;
  preDeploy?: ReportedCommand;
  smokeTest?: ReportedSmokeTest;
  /** What happened, in the order of time. */
  timeline: { at: number; text: string }[];
  durationMs: number;
  /** Worth knowing, a sentence each. */
  notes: string[];
}

export interface ReportedChange {
  /** Such as `user-service.image`. */
  path: string;
  /** Absent for what is added. */
  before?: string;
  /** Absent for what is removed. */
  after?: string;
}

export interface ReportedFinding {
  /** An error stops the deployment before anything is changed. */
  level: 'error' | 'warning';
  message: string;
  /** What to do about it. */
  fix: string;
}

/** Why tasks failed. */
export interface ReportedRolloutFailure {
  /** In a few words: `The container user-service ended with exit code 1 as it started`. */
  cause: string;
  fix: string;
  /** Tasks that failed alike, the first failure first. */
  groups: readonly ReportedTaskGroup[];
  /** The last lines of the first failed container, redacted. */
  log?: { stream: string; lines: readonly string[] };
}

export interface ReportedTaskGroup {
  cause: string;
  count: number;
  /** The id of the first of them. */
  task: string;
  container?: string;
  exitCode?: number;
  stopCode?: string;
  stoppedReason?: string;
  /** Of the container's own health check. */
  health?: string;
  /** How long the image was pulled. */
  pullMs?: number;
  /** What the load balancer said of it. */
  target?: string;
}

export interface ReportedRollback {
  /** The revision that the service goes back to. */
  to: string;
  state: 'in progress' | 'complete' | 'failed';
  reason?: string;
}

export interface ReportedCommand {
  command: string;
  exitCode?: number;
  /** Its last lines, redacted. */
  log: readonly string[];
  durationMs: number;
}

export interface ReportedSmokeTest {
  /** The URL or the command. */
  what: string;
  ok: boolean;
  attempts: number;
  /** What the last attempt gave. */
  detail: string;
  durationMs: number;
}
