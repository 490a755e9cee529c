import type { Deployment, Service, ServiceDeployment } from '@aws-sdk/client-ecs';
import { classify, isThrottle } from '../aws/errors.ts';
import { CancelledError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import {
  describeRevision,
  describeServiceDeployment,
  type OurDeployment,
  successorOf,
} from './deployment.ts';
import { describeService, type EcsContext, primaryDeployment } from './service.ts';
import type { TargetCount } from './targets.ts';
import { hasCircuitBreaker, type TaskFailures } from './task-failures.ts';
import { plural } from '../core/text.ts';

/** The watch gives up after so many failed reads in a row, each after the SDK's own retries. */
const FAILED_READS = 5;
/** How often a deployment is read: at first, and after a while. */
const QUICK_MS = 1000;
const QUICK_PHASE_MS = 15_000;
const SLOW_MS = 2500;
/** Runs on other machines do not read at the same moments as this one. */
const OFFSET_MS = Math.random() * SLOW_MS;
/** How often targets are counted while nothing else changes. */
const TARGETS_EVERY_MS = 20_000;
/** How often stopped tasks are looked for while nothing else changes, where ECS does not count them. */
const FAILURES_EVERY_MS = 10_000;
/** How often further failures are explained: each explanation takes a few calls. */
const EXPLAIN_EVERY_MS = 5000;

/** Callbacks of a watch. */
interface RolloutObserver {
  /** For each line of progress. */
  onLine(line: string): void;
  /** Tasks have failed, or ECS rolls back: called when it is first seen, while the tasks still exist. */
  onFailing(state: RolloutState): Promise<void>;
  /** A PAUSE hook waits: called once for each. The signal is aborted when the watch ends. What it throws ends the watch. */
  onPaused(pause: PauseHook, signal: AbortSignal): Promise<void>;
  /** Counts the targets; undefined where there is no load balancer. */
  countTargets(): Promise<TargetCount | undefined>;
}

interface WatchOptions {
  timeoutMs: number;
  observer: RolloutObserver;
  /** Counts failed tasks where the service has no circuit breaker; the watch then ends as that would. */
  failures?: TaskFailures;
}

/**
 * Watches one deployment to its end, which may be the end of a rollback; that a rollback started is logged at once.
 *
 * @throws TimeoutError at the deadline; the signal's reason; what `onPaused` throws.
 */
export async function watchRollout(
  context: EcsContext,
  deployment: OurDeployment,
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

/** All deployments of a run are read at the same moments, so that one call reads twenty of them. */
function untilNextRead(nowMs: number, elapsedMs: number): number {
  const step = elapsedMs < QUICK_PHASE_MS ? QUICK_MS : SLOW_MS;
  const wait = step - ((nowMs + OFFSET_MS) % step);
  // Right before such a moment, the next one is soon enough.
  return wait < step / 4 ? wait + step : wait;
}

class Watch {
  readonly #context: EcsContext;
  readonly #deployment: OurDeployment;
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
  #lookedAt = -Infinity;
  #lookedFor = '';
  #failed = 0;
  #unexplained = false;
  #explainedAt = -Infinity;
  #rolledBack = false;
  #failedReads = 0;

  constructor(context: EcsContext, deployment: OurDeployment, { observer, failures }: WatchOptions) {
    this.#context = context;
    this.#deployment = deployment;
    this.#observer = observer;
    this.#taskFailures = failures;
    this.#progress = new RolloutProgress((line) => {
      observer.onLine(line);
    });
  }

  /** Reads the deployment once; gives its state when it has ended. Lost connections and server errors are tolerated for a while. */
  async readOnce(): Promise<RolloutState | undefined> {
    if (this.#answerError) throw this.#answerError;
    try {
      const state = await this.#withTaskFailures(await readRollout(this.#context, this.#deployment));
      await this.#handle(state);
      this.#failedReads = 0;
      return isEnd(state.phase) ? state : undefined;
    } catch (error) {
      const passing = ['network', 'server'].includes(classify(error));
      if (!passing || this.#context.signal.aborted || ++this.#failedReads >= FAILED_READS) throw error;
      this.#context.log.info(
        `AWS did not answer (${this.#failedReads} of ${FAILED_READS - 1} times); watching on.`,
      );
      return undefined;
    }
  }

  async #handle(state: RolloutState): Promise<void> {
    // The end is reported without another call.
    if (!isEnd(state.phase)) await this.#count(state);
    this.#progress.update(state, this.#targets);
    const isRollback = ['rolling-back', 'rolled-back', 'rollback-failed', 'failed'].includes(state.phase);
    await this.#explain(state, isRollback && !this.#rolledBack);
    this.#rolledBack ||= isRollback;
    if (state.pause && !isEnd(state.phase)) this.#answerPause(state.pause);
  }

  async #explain(state: RolloutState, atOnce: boolean): Promise<void> {
    const failed = state.hasBreaker
      ? state.failures.count
      : (this.#taskFailures?.total ?? state.failures.count);
    this.#unexplained ||= failed > this.#failed;
    this.#failed = failed;
    const now = this.#context.clock.now();
    const due = this.#unexplained && (now - this.#explainedAt >= EXPLAIN_EVERY_MS || isEnd(state.phase));
    if (!due && !atOnce) return;
    this.#unexplained = false;
    this.#explainedAt = now;
    await this.#observer.onFailing(state);
  }

  /** Acts as the circuit breaker of a service that has none: the same count, the same threshold. */
  async #withTaskFailures(state: RolloutState): Promise<RolloutState> {
    const failures = this.#taskFailures;
    if (!failures || state.hasBreaker || !['pending', 'in-progress'].includes(state.phase)) return state;
    const now = this.#context.clock.now();
    const tasks = JSON.stringify(state.tasks);
    // After a failed task each further one counts, and the numbers of tasks may look the same.
    const due = failures.count > 0 || now - this.#lookedAt >= FAILURES_EVERY_MS;
    if (due || tasks !== this.#lookedFor) {
      this.#lookedFor = tasks;
      this.#lookedAt = now;
      await failures.look();
    }
    if (failures.total === 0) return state;
    const { count, threshold, isTripped } = failures;
    const counted: RolloutState = { ...state, failures: { count, threshold } };
    if (!isTripped) return counted;
    const reason = `${plural(count, 'task')} failed in a row and none became healthy. The service has no circuit breaker that would stop the deployment.`;
    return { ...counted, phase: 'tripped', reason };
  }

  /** Stops answering hooks, and waits until what was started for that has ended. */
  async end(): Promise<void> {
    this.#ended.abort(new CancelledError('the end of the deployment'));
    await Promise.allSettled(this.#answers);
  }

  /** Targets are counted when the tasks change, and from time to time: it is another call. */
  async #count(state: RolloutState): Promise<void> {
    const now = this.#context.clock.now();
    const seen = JSON.stringify([state.tasks, state.traffic, state.stage]);
    if (seen === this.#seen && now - this.#countedAt < TARGETS_EVERY_MS) return;
    this.#seen = seen;
    this.#countedAt = now;
    this.#targets = await this.#observer.countTargets();
  }

  /** The watch goes on while the hook is answered. */
  #answerPause(pause: PauseHook): void {
    if (this.#paused.has(pause.hookId)) return;
    this.#paused.add(pause.hookId);
    const answer = this.#observer.onPaused(pause, this.#ended.signal).catch((error: unknown) => {
      this.#answerError = error instanceof Error ? error : new Error(String(error));
    });
    this.#answers.push(answer);
  }
}

/** Where a deployment is. The last seven are ends. */
type RolloutPhase =
  | 'pending'
  | 'in-progress'
  | 'stopping'
  | 'rolling-back'
  | 'complete'
  | 'rolled-back'
  | 'rollback-failed'
  /** ECS gave up and left everything as it is. */
  | 'failed'
  /** Too many tasks failed, the service has no circuit breaker, and ECS goes on. */
  | 'tripped'
  | 'stopped'
  | 'superseded';

/** The state of a deployment at one moment, from either API. */
export interface RolloutState {
  phase: RolloutPhase;
  /** What ECS says of it. */
  reason?: string;
  tasks: { wanted: number; running: number; pending: number };
  /** Failed tasks; the threshold where the circuit breaker has one. */
  failures: { count: number; threshold?: number };
  /** Whether ECS itself stops the deployment when tasks fail. */
  hasBreaker: boolean;
  stage?: string;
  /** Percent on the new tasks; absent for a rolling deployment. */
  traffic?: { production: number; test: number };
  /** A PAUSE hook that waits for ContinueServiceDeployment. */
  pause?: PauseHook;
  alarms: readonly string[];
  /** ARN of the task definition that ECS goes back to, or that has taken the place. */
  other?: string;
  /** When it ended, by AWS's clock. */
  finishedAt?: Date;
}

/** A PAUSE hook that waits to be continued. */
export interface PauseHook {
  hookId: string;
  /** The lifecycle stage that it waits at, where ECS tells it. */
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
export async function readRollout(context: EcsContext, deployment: OurDeployment): Promise<RolloutState> {
  if (deployment.arn === undefined)
    return stateOfService(await describeService(context, deployment), deployment);
  const found = await describeServiceDeployment(context, deployment.arn);
  const state = stateOf(found);
  if (found.status === 'STOPPED') return { ...state, ...(await whyStopped(context, deployment, found)) };
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

/** STOPPED has several causes: the circuit breaker, an alarm, a newer deployment, or StopServiceDeployment. */
async function whyStopped(
  context: EcsContext,
  deployment: OurDeployment,
  { deploymentCircuitBreaker: breaker, alarms }: ServiceDeployment,
): Promise<Pick<RolloutState, 'phase' | 'other'>> {
  if (breaker?.status === 'TRIGGERED' || alarms?.status === 'TRIGGERED') return { phase: 'failed' };
  const successor = await successorOf(context, deployment);
  return successor ? { phase: 'superseded', other: successor.taskDefinition } : { phase: 'stopped' };
}

/**
 * The same from the service's own list, where there are no service deployments. A deployment that is no longer the
 * primary one was rolled back when it failed or when the primary is ECS's rollback, else it was superseded.
 */
function stateOfService(service: Service, ours: OurDeployment): RolloutState {
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

/** Where there is no rolloutState either, a deployment is complete when all others are gone. */
function phaseOfPrimary(service: Service, own: Deployment): RolloutPhase {
  if (own.rolloutState === 'FAILED') return 'failed';
  if (own.rolloutState === 'IN_PROGRESS') return 'in-progress';
  const { runningCount = 0, desiredCount = 0, pendingCount = 0 } = own;
  const alone = (service.deployments ?? []).length === 1;
  const there = runningCount === desiredCount && pendingCount === 0;
  return there && (own.rolloutState === 'COMPLETED' || alone) ? 'complete' : 'in-progress';
}

function isRollbackOf(
  primary: Deployment | undefined,
  own: Deployment | undefined,
  ours: OurDeployment,
): boolean {
  if (primary?.taskDefinition !== ours.previous) return false;
  return own?.rolloutState === 'FAILED' || /rolling back|rolled back/i.test(primary.rolloutStateReason ?? '');
}

function phaseOfRollback(primary: Deployment | undefined): RolloutPhase {
  if (primary?.rolloutState === 'COMPLETED') return 'rolled-back';
  return primary?.rolloutState === 'FAILED' ? 'rollback-failed' : 'rolling-back';
}

/** Turns what is seen of a deployment into one line for each change. */
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
      return `ECS rolls the deployment back${because}`;
    case 'stopping':
      return 'The deployment is being stopped.';
    default:
      return '';
  }
}

function trafficLine({ traffic }: RolloutState): string {
  if (!traffic) return '';
  const test = traffic.test > 0 ? `, ${traffic.test} % of the test traffic` : '';
  return `The new tasks get ${traffic.production} % of the traffic${test}.`;
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
  return threshold === undefined ? `${count} failed` : `${count} failed of the ${threshold} that stop it`;
}
