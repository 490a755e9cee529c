import { type Alarm, alarmsOf } from '../../cloudwatch/alarms.ts';
import type { Deployment, DeploymentConfiguration, Service, ServiceDeployment } from '../model.ts';
import { type Rollout, RolloutStop } from './context.ts';

const MIN_THRESHOLD = 3;
const MAX_THRESHOLD = 200;
const DEFAULT_PERCENT = 50;

/** How many tasks may fail: by default half of the desired count, at least 3 and at most 200. */
export function failureThreshold(configuration: DeploymentConfiguration, desiredCount: number): number {
  const { type = 'BOUNDED_PERCENT', value = DEFAULT_PERCENT } =
    configuration.deploymentCircuitBreaker?.thresholdConfiguration ?? {};
  if (type === 'COUNT') return value;
  const share = Math.ceil((value / 100) * desiredCount);
  return type === 'UNBOUNDED_PERCENT'
    ? Math.max(1, share)
    : Math.min(MAX_THRESHOLD, Math.max(MIN_THRESHOLD, share));
}

/** Counts a failed task of a deployment. At the threshold, the rollout stops, or the rollback fails. */
export function countFailedTask(service: Service, deployment: Deployment): void {
  deployment.failedTasks += 1;
  const rollout = rolloutOf(service, deployment);
  if (!rollout || rollout.breaker.status === 'DISABLED') return;
  const { breaker } = rollout;
  if (rollout.rollback === undefined) breaker.failureCount = deployment.failedTasks;
  if (deployment.failedTasks < breaker.threshold) return;
  breaker.status = 'TRIGGERED';
  rollout.stop.abort(new RolloutStop('breaker'));
}

/** A healthy task resets the failure count, unless the circuit breaker is configured otherwise. */
export function resetFailureCount(service: Service, deployment: Deployment): void {
  const rollout = rolloutOf(service, deployment);
  const { resetOnHealthyTask = true } = service.configuration.deploymentCircuitBreaker ?? {};
  if (!resetOnHealthyTask) return;
  deployment.failedTasks = 0;
  if (rollout?.breaker.status === 'MONITORING') rollout.breaker.failureCount = 0;
}

/** The rollout in progress, if it starts the tasks of this deployment. */
function rolloutOf(service: Service, deployment: Deployment): ServiceDeployment | undefined {
  const [newest] = service.serviceDeployments;
  return newest?.finishedAt === undefined && service.deployments[0] === deployment ? newest : undefined;
}

/**
 * Watches the alarms of a rollout until `unwatch`. If one is in ALARM at the start, none is watched: this deployment
 * may be the fix.
 */
export function watchAlarms(rollout: Rollout): () => void {
  const { record } = rollout;
  const { configuration, alarms } = record;
  const { world, account, region } = record.service.ecs;
  const store = alarmsOf(world, account, region);
  const red = alarms.alarmNames.some((name) => store.all.get(name)?.state === 'ALARM');
  if (configuration.alarms?.enable !== true || red) return () => undefined;
  alarms.status = 'MONITORING';
  const listener = (alarm: Alarm): void => {
    if (alarm.state !== 'ALARM' || !alarms.alarmNames.includes(alarm.name)) return;
    alarms.status = 'TRIGGERED';
    alarms.triggeredAlarmNames = [...alarms.triggeredAlarmNames, alarm.name];
    record.stop.abort(new RolloutStop('alarm', alarm.name));
  };
  store.listeners.add(listener);
  return () => store.listeners.delete(listener);
}
