import type { Deployment, Service, ServiceDeployment } from '@aws-sdk/client-ecs';
import type { EcsContext } from './context.ts';
import { describeRevision, describeServiceDeployment, successorOf } from './deployment.ts';
import type { OurDeployment } from './deployment.ts';
import { describeService, primaryDeployment } from './service.ts';

/** Where a deployment is. The last six are ends. */
export type RolloutPhase =
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
export function stateOfService(service: Service, ours: OurDeployment): RolloutState {
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
