import { failureThreshold, watchAlarms } from './failure-detection.ts';
import { stopStartingTasks, newDeployment, newRevision } from './revisions.ts';
import { SECONDS } from '../durations.ts';
import {
  addEvent,
  type Deployment,
  type Revision,
  type RevisionSettings,
  type Service,
  type ServiceDeployment,
  type ServiceDeploymentStatus,
} from '../model.ts';
import { replaceTasks } from './rolling.ts';
import { rollBack } from './rollback.ts';
import { newRollout, type Rollout, RolloutStop, type ServiceActions, setStatus } from './context.ts';
import { applyStageRules, COMPLETED } from './stages.ts';
import { shiftTraffic } from './traffic.ts';

/** Starts to deploy a revision of a service. A rollout in progress is stopped. */
export function deploy(
  service: Service,
  settings: RevisionSettings,
  actions: ServiceActions,
): ServiceDeployment {
  const { ecs } = service;
  const [previous] = service.serviceDeployments;
  previous?.stop.abort(new RolloutStop('superseded'));
  const sources = service.deployments.map(({ revision }) => revision);
  const target = newRevision(service, settings);
  for (const deployment of service.deployments) deployment.status = 'ACTIVE';
  const deployment = newDeployment(service, target);
  service.requested = target;
  service.deployments.unshift(deployment);
  const record = newRecord(service, target, sources);
  service.serviceDeployments.unshift(record);
  ecs.serviceDeployments.set(record.arn, record);
  ecs.world.run(() => run(newRollout(record, deployment, actions)));
  ecs.changes.notify();
  return record;
}

function newRecord(service: Service, target: Revision, sources: Revision[]): ServiceDeployment {
  const { ecs, configuration } = service;
  const { world } = ecs;
  const now = world.clock.now();
  const lag = ((world.scenario.ecs?.deploymentLag ?? 0) * 1000) / world.clock.timeScale;
  const breaker = configuration.deploymentCircuitBreaker?.enable === true;
  return {
    arn: ecs.arn(`service-deployment/${service.cluster.name}/${service.name}/${ecs.newDeploymentId()}`),
    service,
    status: 'PENDING',
    sources,
    target,
    configuration,
    hooks: [],
    breaker: {
      status: breaker ? 'MONITORING' : 'DISABLED',
      failureCount: 0,
      threshold: failureThreshold(configuration, service.desiredCount),
    },
    alarms: {
      status: 'DISABLED',
      alarmNames: configuration.alarms?.alarmNames ?? [],
      triggeredAlarmNames: [],
    },
    createdAt: now,
    updatedAt: now,
    visibleAt: new Date(now.getTime() + lag),
    stop: new AbortController(),
  };
}

async function run(rollout: Rollout): Promise<void> {
  const stop = await runUntilStop(rollout);
  if (stop) await stopped(rollout, stop);
  else succeed(rollout);
}

/** What stopped it, or undefined if it completed. */
async function runUntilStop(rollout: Rollout): Promise<RolloutStop | undefined> {
  let unwatch = (): void => undefined;
  try {
    await rollout.sleep(SECONDS.pending);
    rollout.record.startedAt = rollout.now();
    setStatus(rollout, 'IN_PROGRESS');
    unwatch = watchAlarms(rollout);
    await strategyOf(rollout);
    return undefined;
  } catch (error) {
    if (error instanceof RolloutStop && error === rollout.signal.reason) return error;
    throw error;
  } finally {
    unwatch();
  }
}

function strategyOf(rollout: Rollout): Promise<void> {
  const { strategy = 'ROLLING' } = rollout.record.configuration;
  return strategy === 'ROLLING' ? replaceTasks(rollout) : shiftTraffic(rollout);
}

function succeed(rollout: Rollout): void {
  const { record, deployment } = rollout;
  const { service } = record;
  applyStageRules(rollout, COMPLETED);
  for (const monitor of [record.breaker, record.alarms]) {
    if (monitor.status === 'MONITORING') monitor.status = 'MONITORING_COMPLETE';
  }
  deployment.rolloutState = 'COMPLETED';
  deployment.rolloutStateReason = `ECS deployment ${deployment.id} completed.`;
  service.lastGood = record.target;
  finish(rollout, 'SUCCESSFUL');
  addEvent(service, `(deployment ${deployment.id}) deployment completed.`);
  addEvent(service, 'has reached a steady state.');
}

function finish(rollout: Rollout, status: ServiceDeploymentStatus, reason?: string): void {
  const { record } = rollout;
  record.finishedAt = rollout.now();
  setStatus(rollout, status, reason);
}

const FAILURES: Record<string, (detail: string) => string> = {
  breaker: () => 'the circuit breaker threshold was exceeded.',
  alarm: (detail) => `of the alarm(s) ${detail} being in the ALARM state.`,
  hook: (detail) => `${detail} lifecycle hook(s) failed.`,
};

/** The result of a stopped rollout. */
async function stopped(rollout: Rollout, stop: RolloutStop): Promise<void> {
  const { record, deployment } = rollout;
  const { service } = record;
  switch (stop.why) {
    case 'superseded':
    case 'deleted':
      record.stoppedAt = rollout.now();
      finish(rollout, 'STOPPED', SUPERSEDED[stop.why]);
      return;
    case 'stop-requested':
      record.stoppedAt = rollout.now();
      stopStartingTasks(rollout);
      finish(rollout, 'STOPPED', 'Service deployment was stopped by a user.');
      return;
    case 'rollback-requested':
      await rollBack(rollout, 'Service deployment rolled back because of a user request.');
      return;
    default: {
      fail(deployment, stop.why);
      addEvent(service, `(deployment ${deployment.id}) deployment failed: ${EVENTS[stop.why] ?? stop.why}.`);
      const reason = FAILURES[stop.why]?.(stop.detail) ?? stop.why;
      if (rollsBack(record, stop))
        await rollBack(rollout, `Service deployment rolled back because ${reason}`);
      else {
        record.stoppedAt = rollout.now();
        stopStartingTasks(rollout);
        finish(rollout, 'STOPPED', `Service deployment stopped because ${reason}`);
      }
    }
  }
}

const SUPERSEDED = {
  superseded: 'Service deployment was stopped because a newer service deployment was started.',
  deleted: 'Service deployment was stopped because the service was deleted.',
};
const EVENTS: Record<string, string> = {
  breaker: 'tasks failed to start',
  alarm: 'alarm detected',
  hook: 'lifecycle hook failed',
};

function fail(deployment: Deployment, why: string): void {
  deployment.rolloutState = 'FAILED';
  deployment.rolloutStateReason = `ECS deployment ${why === 'breaker' ? 'circuit breaker' : 'failed'}: ${EVENTS[why] ?? why}.`;
}

function rollsBack({ configuration }: ServiceDeployment, { why }: RolloutStop): boolean {
  if (why === 'breaker') return configuration.deploymentCircuitBreaker?.rollback === true;
  return why === 'hook' || configuration.alarms?.rollback === true;
}
