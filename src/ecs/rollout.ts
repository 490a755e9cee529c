import type { Deployment, Service, ServiceDeployment } from '@aws-sdk/client-ecs';
import { classify, isThrottle } from '../aws/errors.ts';
import { poll } from '../core/poll.ts';
import {
  describeRevision,
  describeServiceDeployment,
  type OurDeployment,
  successorOf,
} from './deployment.ts';
import { describeService, type EcsContext, primaryDeployment } from './service.ts';

/** With how many failed looks in a row, after the SDK's own retries, the watch gives up. */
const FAILED_LOOKS = 5;
/** How often targets are counted while nothing else changes. */
const TARGETS_EVERY_MS = 20_000;

/** Who wants to know what happens on the way. */
interface RolloutObserver {
  /** For each line of progress. */
  onLine(line: string): void;
  /** A task has failed, or ECS rolls back: called when it is first seen, while the tasks still exist. */
  onFailing(state: RolloutState): Promise<void>;
  /** A PAUSE hook waits: called once for each. What it throws ends the watch. */
  onPaused(hookId: string, state: RolloutState): Promise<void>;
  /** Counts the targets; undefined where there is no load balancer. */
  countTargets(): Promise<TargetCount | undefined>;
}

/**
 * Watches one deployment to its end. A rollback is watched to its end too: that it has begun is told at once.
 *
 * @throws TimeoutError at the deadline; the signal's reason; what `onPaused` throws.
 */
export async function watchRollout(
  context: EcsContext,
  deployment: OurDeployment,
  options: { timeoutMs: number; observer: RolloutObserver },
): Promise<RolloutState> {
  const watch = new Watch(context, deployment, options.observer);
  const what = `the deployment of ${deployment.service}`;
  return await poll(context, { what, timeoutMs: options.timeoutMs, isThrottle }, () => watch.look());
}

class Watch {
  readonly #context: EcsContext;
  readonly #deployment: OurDeployment;
  readonly #observer: RolloutObserver;
  readonly #progress: RolloutProgress;
  readonly #paused = new Set<string>();
  #decisionError: Error | undefined;
  #targets: TargetCount | undefined;
  #countedAt = -Infinity;
  #seen = '';
  #failures = 0;
  #turned = false;
  #failedLooks = 0;

  constructor(context: EcsContext, deployment: OurDeployment, observer: RolloutObserver) {
    this.#context = context;
    this.#deployment = deployment;
    this.#observer = observer;
    this.#progress = new RolloutProgress((line) => {
      observer.onLine(line);
    });
  }

  /** One look: the state when it is an end. Lost connections and AWS's own errors are borne for a while. */
  async look(): Promise<RolloutState | undefined> {
    if (this.#decisionError) throw this.#decisionError;
    try {
      const state = await readRollout(this.#context, this.#deployment);
      await this.#take(state);
      this.#failedLooks = 0;
      return isEnd(state.phase) ? state : undefined;
    } catch (error) {
      const passing = ['network', 'server'].includes(classify(error));
      if (!passing || this.#context.signal.aborted || ++this.#failedLooks >= FAILED_LOOKS) throw error;
      this.#context.log.info(
        `AWS did not answer (${this.#failedLooks} of ${FAILED_LOOKS - 1} times); watching on.`,
      );
      return undefined;
    }
  }

  async #take(state: RolloutState): Promise<void> {
    // The end is told without another call.
    if (!isEnd(state.phase)) await this.#count(state);
    this.#progress.see(state, this.#targets);
    const turned = ['rolling-back', 'rolled-back', 'rollback-failed', 'failed'].includes(state.phase);
    const more = state.failures.count > this.#failures;
    if ((more && this.#failures === 0) || (turned && !this.#turned)) await this.#observer.onFailing(state);
    this.#turned ||= turned;
    this.#failures = Math.max(this.#failures, state.failures.count);
    if (state.pause && !isEnd(state.phase)) this.#decide(state.pause.hookId, state);
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

  /** The watch goes on while the decision is made. */
  #decide(hookId: string, state: RolloutState): void {
    if (this.#paused.has(hookId)) return;
    this.#paused.add(hookId);
    this.#observer.onPaused(hookId, state).catch((error: unknown) => {
      this.#decisionError = error instanceof Error ? error : new Error(String(error));
    });
  }
}

/** Where a deployment is. The last six are ends. */
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
  | 'stopped'
  | 'superseded';

/** A deployment at one moment, whichever API told it. */
export interface RolloutState {
  phase: RolloutPhase;
  /** What ECS says of it. */
  reason?: string;
  tasks: { wanted: number; running: number; pending: number };
  /** Failed tasks; the threshold where the circuit breaker has one. */
  failures: { count: number; threshold?: number };
  stage?: string;
  /** Percent on the new tasks; absent for a rolling deployment. */
  traffic?: { production: number; test: number };
  /** A PAUSE hook that waits for a word. */
  pause?: { hookId: string; expiresAt?: Date };
  alarms: readonly string[];
  /** ARN of the task definition that ECS goes back to, or that has taken the place. */
  other?: string;
  /** When it ended, by AWS's clock. */
  finishedAt?: Date;
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

/** Looks at a deployment once. */
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
    ...(shifts && lifecycleStage !== undefined && { stage: lifecycleStage }),
    ...(shifts && { traffic: { production, test } }),
    ...pauseOf(found),
    alarms: found.alarms?.triggeredAlarmNames ?? [],
    ...(finishedAt && { finishedAt }),
  };
}

function pauseOf({ lifecycleHookDetails = [] }: ServiceDeployment): Pick<RolloutState, 'pause'> {
  const waiting = lifecycleHookDetails.find(
    ({ targetType, status }) => targetType === 'PAUSE' && status === 'AWAITING_ACTION',
  );
  if (waiting?.hookId === undefined) return {};
  const { hookId, expiresAt } = waiting;
  return { pause: { hookId, ...(expiresAt && { expiresAt }) } };
}

/** STOPPED says only that it is over: by the breaker or an alarm, by a newer deployment, or by a person. */
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
 * primary one was rolled back when it failed or the new one is ECS's way back, else another took its place.
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
    alarms: [],
  };
  if (own && primary?.id === ours.id) return { ...state, phase: phaseOfPrimary(service, own) };
  const other = primary?.taskDefinition;
  const back = isWayBack(primary, own, ours);
  const reason = back ? (primary?.rolloutStateReason ?? state.reason) : state.reason;
  return {
    ...state,
    phase: back ? phaseOfWayBack(primary) : 'superseded',
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

function isWayBack(
  primary: Deployment | undefined,
  own: Deployment | undefined,
  ours: OurDeployment,
): boolean {
  if (primary?.taskDefinition !== ours.previous) return false;
  return own?.rolloutState === 'FAILED' || /rolling back|rolled back/i.test(primary.rolloutStateReason ?? '');
}

function phaseOfWayBack(primary: Deployment | undefined): RolloutPhase {
  if (primary?.rolloutState === 'COMPLETED') return 'rolled-back';
  return primary?.rolloutState === 'FAILED' ? 'rollback-failed' : 'rolling-back';
}

/** Targets of the service in its target groups. */
export interface TargetCount {
  healthy: number;
  registered: number;
}

/** Turns what is seen of a deployment into one line for each change. */
class RolloutProgress {
  readonly #say: (line: string) => void;
  /** The last line of each kind. */
  readonly #said = new Map<string, string>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Tells what has changed since the last look. */
  see(state: RolloutState, targets: TargetCount | undefined): void {
    this.#tell('phase', phaseLine(state));
    this.#tell('stage', state.stage === undefined ? '' : `Stage ${state.stage}.`);
    this.#tell('traffic', trafficLine(state));
    if (['in-progress', 'complete'].includes(state.phase)) this.#tell('tasks', tasksLine(state, targets));
    this.#tell('alarms', state.alarms.length === 0 ? '' : `In alarm: ${state.alarms.join(', ')}.`);
  }

  #tell(kind: string, line: string): void {
    if (line === '' || this.#said.get(kind) === line) return;
    this.#said.set(kind, line);
    this.#say(line);
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
