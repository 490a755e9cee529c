import type { Deployment, Service, ServiceDeployment } from '@aws-sdk/client-ecs';
import { classify, isThrottle } from '../aws/errors.ts';
import { CancelledError, reasonOf } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import {
  describeRevision,
  describeServiceDeployment,
  type FollowedDeployment,
  findSuccessor,
} from './deployment.ts';
import { describeService, type EcsContext, primaryDeployment } from './service.ts';
import type { TargetCount } from './targets.ts';
import { hasCircuitBreaker, type TaskFailures } from './task-failures.ts';
import { plural } from '../core/text.ts';

/** How many consecutive reads may fail, each after the SDK's own retries. */
const MAX_FAILED_READS = 5;
/** How often a deployment is read: at first, and later. */
const QUICK_MS = 1000;
const QUICK_PHASE_MS = 15_000;
const SLOW_MS = 2500;
/** Spreads the reads of different runs over time. */
const OFFSET_MS = Math.random() * SLOW_MS;
/** How often targets are counted if nothing else changes. */
const TARGETS_INTERVAL_MS = 20_000;
/** How often stopped tasks are read if nothing else changes and ECS does not count them. */
const FAILURES_INTERVAL_MS = 10_000;
/** Minimum time between two explanations of failures, each of which takes a few calls. */
const EXPLAIN_INTERVAL_MS = 5000;

/** Callbacks of a watch. */
interface RolloutObserver {
  /** Called for each line of progress. */
  onLine(line: string): void;
  /** Called as soon as tasks have failed or ECS rolls back, while the tasks still exist. */
  onFailing(state: RolloutState): Promise<void>;
  /** Called once for each waiting PAUSE hook. The signal is aborted when the watch ends. An error ends the watch. */
  onPaused(pause: PauseHook, signal: AbortSignal): Promise<void>;
  /** Counts the targets; undefined without a load balancer. */
  countTargets(): Promise<TargetCount | undefined>;
}

interface WatchOptions {
  timeoutMs: number;
  observer: RolloutObserver;
  /** Counts failed tasks for a service without a circuit breaker; the watch ends at the threshold of one. */
  failures?: TaskFailures;
}

/**
 * Watches a deployment until it or its rollback ends.
 *
 * @throws TimeoutError at the deadline; the signal's reason; any error of `onPaused`.
 */
export async function watchRollout(
  context: EcsContext,
  deployment: FollowedDeployment,
  options: WatchOptions,
): Promise<RolloutState> {
  const watch = new Watch(context, deployment, options);
  const what = `the deployment of ${deployment.service}`;
  try {
    const intervalMs = (elapsedMs: number): number => untilNextRead(context.clock.now(), elapsedMs);
    const { timeoutMs } = options;
    return await poll(context, { what, timeoutMs, intervalMs, isThrottle }, () => watch.readOnce());
  } finally {
    await watch.end();
  }
}

/** All deployments of a run are read at the same time, so that one call reads twenty of them. */
function untilNextRead(nowMs: number, elapsedMs: number): number {
  const step = elapsedMs < QUICK_PHASE_MS ? QUICK_MS : SLOW_MS;
  const wait = step - ((nowMs + OFFSET_MS) % step);
  // Skips a read that is due almost immediately.
  return wait < step / 4 ? wait + step : wait;
}

class Watch {
  readonly #context: EcsContext;
  readonly #deployment: FollowedDeployment;
  readonly #observer: RolloutObserver;
  readonly #progress: RolloutProgress;
  readonly #taskFailures: TaskFailures | undefined;
  readonly #paused = new Set<string>();
  readonly #ended = new AbortController();
  readonly #answers: Promise<void>[] = [];
  #answerError: Error | undefined;
  #targets: TargetCount | undefined;
  #countedAt = -Infinity;
  #seen = '';
  #failuresReadAt = -Infinity;
  #tasksAtRead = '';
  #failed = 0;
  #unexplained = false;
  #explainedAt = -Infinity;
  #rolledBack = false;
  #failedReads = 0;

  constructor(context: EcsContext, deployment: FollowedDeployment, { observer, failures }: WatchOptions) {
    this.#context = context;
    this.#deployment = deployment;
    this.#observer = observer;
    this.#taskFailures = failures;
    this.#progress = new RolloutProgress((line) => {
      observer.onLine(line);
    });
  }

  /** Reads the deployment once. Returns its state if it has ended. Tolerates a few network and server errors. */
  async readOnce(): Promise<RolloutState | undefined> {
    if (this.#answerError) throw this.#answerError;
    try {
      const state = await this.#withTaskFailures(await readRollout(this.#context, this.#deployment));
      await this.#handle(state);
      this.#failedReads = 0;
      return isEnd(state.phase) ? state : undefined;
    } catch (error) {
      const isTransient = ['network', 'server'].includes(classify(error));
      if (!isTransient || this.#context.signal.aborted || ++this.#failedReads >= MAX_FAILED_READS)
        throw error;
      this.#context.log.info(
        `Failed to read the deployment (attempt ${this.#failedReads} of ${MAX_FAILED_READS}), retrying: ${reasonOf(error)}`,
      );
      return undefined;
    }
  }

  async #handle(state: RolloutState): Promise<void> {
    // No further call after the deployment has ended.
    if (!isEnd(state.phase)) await this.#count(state);
    this.#progress.update(state, this.#targets);
    const isRollback = ['rolling-back', 'rolled-back', 'rollback-failed', 'failed'].includes(state.phase);
    await this.#explain(state, isRollback && !this.#rolledBack);
    this.#rolledBack ||= isRollback;
    if (state.pause && !isEnd(state.phase)) this.#answerPause(state.pause);
  }

  async #explain(state: RolloutState, isImmediate: boolean): Promise<void> {
    const failed = state.hasBreaker
      ? state.failures.count
      : (this.#taskFailures?.total ?? state.failures.count);
    this.#unexplained ||= failed > this.#failed;
    this.#failed = failed;
    const now = this.#context.clock.now();
    const due = this.#unexplained && (now - this.#explainedAt >= EXPLAIN_INTERVAL_MS || isEnd(state.phase));
    if (!due && !isImmediate) return;
    this.#unexplained = false;
    this.#explainedAt = now;
    await this.#observer.onFailing(state);
  }

  /** Acts as the circuit breaker of a service without one, with the same count and threshold. */
  async #withTaskFailures(state: RolloutState): Promise<RolloutState> {
    const failures = this.#taskFailures;
    if (!failures || state.hasBreaker || !['pending', 'in-progress'].includes(state.phase)) return state;
    const now = this.#context.clock.now();
    const tasks = JSON.stringify(state.tasks);
    // After a failure, each further one counts, even if the task counts look the same.
    const due = failures.count > 0 || now - this.#failuresReadAt >= FAILURES_INTERVAL_MS;
    if (due || tasks !== this.#tasksAtRead) {
      this.#tasksAtRead = tasks;
      this.#failuresReadAt = now;
      await failures.update();
    }
    if (failures.total === 0) return state;
    const { count, threshold, isTripped } = failures;
    const counted: RolloutState = { ...state, failures: { count, threshold } };
    if (!isTripped) return counted;
    const reason = `${plural(count, 'task')} failed in a row and none became healthy. The service has no circuit breaker to stop the deployment.`;
    return { ...counted, phase: 'tripped', reason };
  }

  /** Stops answering hooks, and waits for the answers in progress. */
  async end(): Promise<void> {
    this.#ended.abort(new CancelledError('the end of the deployment'));
    await Promise.allSettled(this.#answers);
  }

  /** Counts the targets, which takes another call: when the tasks change, and otherwise at intervals. */
  async #count(state: RolloutState): Promise<void> {
    const now = this.#context.clock.now();
    const seen = JSON.stringify([state.tasks, state.traffic, state.stage]);
    if (seen === this.#seen && now - this.#countedAt < TARGETS_INTERVAL_MS) return;
    this.#seen = seen;
    this.#countedAt = now;
    this.#targets = await this.#observer.countTargets();
  }

  /** Answers a hook while the watch continues. */
  #answerPause(pause: PauseHook): void {
    if (this.#paused.has(pause.hookId)) return;
    this.#paused.add(pause.hookId);
    const answer = this.#observer.onPaused(pause, this.#ended.signal).catch((error: unknown) => {
      this.#answerError = error instanceof Error ? error : new Error(String(error));
    });
    this.#answers.push(answer);
  }
}

/** The phase of a deployment. The last seven are final. */
type RolloutPhase =
  | 'pending'
  | 'in-progress'
  | 'stopping'
  | 'rolling-back'
  | 'complete'
  | 'rolled-back'
  | 'rollback-failed'
  /** ECS stopped the deployment and changed nothing else. */
  | 'failed'
  /** Too many tasks failed, but ECS continues, because the service has no circuit breaker. */
  | 'tripped'
  | 'stopped'
  | 'superseded';

/** The state of a deployment at one moment, from either API. */
export interface RolloutState {
  phase: RolloutPhase;
  /** ECS's reason. */
  reason?: string;
  tasks: { wanted: number; running: number; pending: number };
  /** Failed tasks, and the circuit breaker's threshold if it has one. */
  failures: { count: number; threshold?: number };
  /** Whether ECS stops the deployment when tasks fail. */
  hasBreaker: boolean;
  stage?: string;
  /** Percentage of traffic to the new tasks; absent for a rolling deployment. */
  traffic?: { production: number; test: number };
  /** A PAUSE hook that waits for ContinueServiceDeployment. */
  pause?: PauseHook;
  alarms: readonly string[];
  /** ARN of the task definition that ECS rolls back to, or of the deployment that replaced this one. */
  other?: string;
  /** When it ended, by AWS's clock. */
  finishedAt?: Date;
}

/** A PAUSE hook that waits to be continued. */
export interface PauseHook {
  hookId: string;
  /** The lifecycle stage that it waits at, if ECS reports it. */
  stage?: string;
  expiresAt?: Date;
  /** What ECS does when it expires. */
  timeoutAction: 'CONTINUE' | 'ROLLBACK';
}

const PHASES: Readonly<Record<string, RolloutPhase>> = {
  PENDING: 'pending',
  IN_PROGRESS: 'in-progress',
  STOP_REQUESTED: 'stopping',
  ROLLBACK_REQUESTED: 'rolling-back',
  ROLLBACK_IN_PROGRESS: 'rolling-back',
  SUCCESSFUL: 'complete',
  ROLLBACK_SUCCESSFUL: 'rolled-back',
  ROLLBACK_FAILED: 'rollback-failed',
};

export function isEnd(phase: RolloutPhase): boolean {
  return !['pending', 'in-progress', 'stopping', 'rolling-back'].includes(phase);
}

/** Reads the state of a deployment. */
export async function readRollout(
  context: EcsContext,
  deployment: FollowedDeployment,
): Promise<RolloutState> {
  if (deployment.arn === undefined)
    return stateOfService(await describeService(context, deployment), deployment);
  const found = await describeServiceDeployment(context, deployment.arn);
  const state = stateOf(found);
  if (found.status === 'STOPPED') return { ...state, ...(await stoppedPhase(context, deployment, found)) };
  const revision = found.rollback?.serviceRevisionArn;
  if (revision === undefined || !isEnd(state.phase)) return state;
  const target = await describeRevision(context, revision);
  return { ...state, ...(target?.taskDefinition !== undefined && { other: target.taskDefinition }) };
}

function stateOf(found: ServiceDeployment): RolloutState {
  const { status = '', statusReason, rollback, lifecycleStage, finishedAt } = found;
  const {
    requestedTaskCount = 0,
    runningTaskCount = 0,
    pendingTaskCount = 0,
  } = found.targetServiceRevision ?? {};
  const reason = rollback?.reason ?? statusReason;
  const breaker = found.deploymentCircuitBreaker;
  const shifts = (found.deploymentConfiguration?.strategy ?? 'ROLLING') !== 'ROLLING';
  const { requestedProductionTrafficWeight: production = 0, requestedTestTrafficWeight: test = 0 } =
    found.targetServiceRevision ?? {};
  return {
    phase: PHASES[status] ?? 'in-progress',
    ...(reason !== undefined && { reason }),
    tasks: { wanted: requestedTaskCount, running: runningTaskCount, pending: pendingTaskCount },
    failures: {
      count: breaker?.failureCount ?? 0,
      ...(breaker?.status !== 'DISABLED' &&
        breaker?.threshold !== undefined && { threshold: breaker.threshold }),
    },
    hasBreaker: breaker?.status !== undefined && breaker.status !== 'DISABLED',
    ...(shifts && lifecycleStage !== undefined && { stage: lifecycleStage }),
    ...(shifts && { traffic: { production, test } }),
    ...pauseOf(found),
    alarms: found.alarms?.triggeredAlarmNames ?? [],
    ...(finishedAt && { finishedAt }),
  };
}

function pauseOf({
  lifecycleHookDetails = [],
  lifecycleStage,
}: ServiceDeployment): Pick<RolloutState, 'pause'> {
  const waiting = lifecycleHookDetails.find(
    ({ targetType, status }) => targetType === 'PAUSE' && status === 'AWAITING_ACTION',
  );
  if (waiting?.hookId === undefined) return {};
  const { hookId, expiresAt, timeoutAction = 'ROLLBACK' } = waiting;
  return {
    pause: {
      hookId,
      timeoutAction,
      ...(lifecycleStage !== undefined && { stage: lifecycleStage }),
      ...(expiresAt && { expiresAt }),
    },
  };
}

/** The phase for STOPPED, which has several causes: circuit breaker, alarm, newer deployment, StopServiceDeployment. */
async function stoppedPhase(
  context: EcsContext,
  deployment: FollowedDeployment,
  { deploymentCircuitBreaker: breaker, alarms }: ServiceDeployment,
): Promise<Pick<RolloutState, 'phase' | 'other'>> {
  if (breaker?.status === 'TRIGGERED' || alarms?.status === 'TRIGGERED') return { phase: 'failed' };
  const successor = await findSuccessor(context, deployment);
  return successor ? { phase: 'superseded', other: successor.taskDefinition } : { phase: 'stopped' };
}

/**
 * The state from the service's list of deployments, without service deployments. A deployment that is no longer primary
 * was rolled back if it failed or if the primary one is ECS's rollback; otherwise it was superseded.
 */
function stateOfService(service: Service, ours: FollowedDeployment): RolloutState {
  const primary = primaryDeployment(service);
  const own = (service.deployments ?? []).find(({ id }) => id === ours.id);
  const state: RolloutState = {
    phase: 'in-progress',
    ...(own?.rolloutStateReason !== undefined && { reason: own.rolloutStateReason }),
    tasks: {
      wanted: own?.desiredCount ?? 0,
      running: own?.runningCount ?? 0,
      pending: own?.pendingCount ?? 0,
    },
    failures: { count: own?.failedTasks ?? 0 },
    hasBreaker: hasCircuitBreaker(service),
    alarms: [],
  };
  if (own && primary?.id === ours.id) return { ...state, phase: phaseOfPrimary(service, own) };
  const other = primary?.taskDefinition;
  const back = isRollbackOf(primary, own, ours);
  const reason = back ? (primary?.rolloutStateReason ?? state.reason) : state.reason;
  return {
    ...state,
    phase: back ? phaseOfRollback(primary) : 'superseded',
    ...(reason !== undefined && { reason }),
    ...(other !== undefined && { other }),
  };
}

/** Without a rolloutState, a deployment is complete when no other deployment is left. */
function phaseOfPrimary(service: Service, own: Deployment): RolloutPhase {
  if (own.rolloutState === 'FAILED') return 'failed';
  if (own.rolloutState === 'IN_PROGRESS') return 'in-progress';
  const { runningCount = 0, desiredCount = 0, pendingCount = 0 } = own;
  const isOnly = (service.deployments ?? []).length === 1;
  const isRunning = runningCount === desiredCount && pendingCount === 0;
  return isRunning && (own.rolloutState === 'COMPLETED' || isOnly) ? 'complete' : 'in-progress';
}

function isRollbackOf(
  primary: Deployment | undefined,
  own: Deployment | undefined,
  ours: FollowedDeployment,
): boolean {
  if (primary?.taskDefinition !== ours.previous) return false;
  return own?.rolloutState === 'FAILED' || /rolling back|rolled back/i.test(primary.rolloutStateReason ?? '');
}

function phaseOfRollback(primary: Deployment | undefined): RolloutPhase {
  if (primary?.rolloutState === 'COMPLETED') return 'rolled-back';
  return primary?.rolloutState === 'FAILED' ? 'rollback-failed' : 'rolling-back';
}

/** Logs one line for each change of a deployment's state. */
class RolloutProgress {
  readonly #onLine: (line: string) => void;
  /** The last line of each kind. */
  readonly #last = new Map<string, string>();

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Logs what has changed since the last state. */
  update(state: RolloutState, targets: TargetCount | undefined): void {
    this.#logChange('phase', phaseLine(state));
    this.#logChange('stage', state.stage === undefined ? '' : `Stage ${state.stage}.`);
    this.#logChange('traffic', trafficLine(state));
    if (['in-progress', 'complete', 'tripped'].includes(state.phase))
      this.#logChange('tasks', tasksLine(state, targets));
    this.#logChange('alarms', state.alarms.length === 0 ? '' : `In alarm: ${state.alarms.join(', ')}.`);
  }

  #logChange(kind: string, line: string): void {
    if (line === '' || this.#last.get(kind) === line) return;
    this.#last.set(kind, line);
    this.#onLine(line);
  }
}

function phaseLine({ phase, reason }: RolloutState): string {
  const because = reason === undefined ? '' : `: ${reason}`;
  switch (phase) {
    case 'rolling-back':
      return `ECS is rolling the deployment back${because}`;
    case 'stopping':
      return 'The deployment is being stopped.';
    default:
      return '';
  }
}

function trafficLine({ traffic }: RolloutState): string {
  if (!traffic) return '';
  const test = traffic.test > 0 ? `, ${traffic.test} % of the test traffic` : '';
  return `The new tasks receive ${traffic.production} % of the traffic${test}.`;
}

function tasksLine({ tasks, failures }: RolloutState, targets: TargetCount | undefined): string {
  const parts = [
    `${tasks.running} of ${tasks.wanted} running`,
    ...(tasks.pending > 0 ? [`${tasks.pending} pending`] : []),
    ...(targets ? [`${targets.healthy} of ${targets.registered} targets healthy`] : []),
    ...(failures.count > 0 ? [failuresPart(failures)] : []),
  ];
  return `Tasks: ${parts.join(', ')}.`;
}

function failuresPart({ count, threshold }: RolloutState['failures']): string {
  return threshold === undefined ? `${count} failed` : `${count} failed (threshold ${threshold})`;
}
