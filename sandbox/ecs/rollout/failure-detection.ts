import { type Alarm, alarmsOf } from '../../cloudwatch/alarms.ts';
import type { Deployment, DeploymentConfiguration, Service, ServiceDeployment } from '../model.ts';
import { type Rollout, RolloutStop } from './context.ts';

const LEAST = 3;
const MOST = 200;
const DEFAULT_PERCENT = 50;

/** How many tasks may fail: by default half of those wanted, 3 at least and 200 at most. */
export function failureThreshold(configuration: DeploymentConfiguration, desiredCount: number): number {
  const { type = 'BOUNDED_PERCENT', value = DEFAULT_PERCENT } =
    configuration.deploymentCircuitBreaker?.thresholdConfiguration ?? {};
  if (type === 'COUNT') return value;
  const share = Math.ceil((value / 100) * desiredCount);
  return type === 'UNBOUNDED_PERCENT' ? Math.max(1, share) : Math.min(MOST, Math.max(LEAST, share));
}

/** A task of a deployment has failed; with the last one that may, the rollout stops, and a rollback has failed. */
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

/** A healthy task resets the count of failures, unless the circuit breaker is set to keep it. */
export function resetFailureCount(service: Service, deployment: Deployment): void {
  const rollout = rolloutOf(service, deployment);
  const { resetOnHealthyTask = true } = service.configuration.deploymentCircuitBreaker ?? {};
  if (!resetOnHealthyTask) return;
  deployment.failedTasks = 0;
  if (rollout?.breaker.status === 'MONITORING') rollout.breaker.failureCount = 0;
}

/** The rollout under way, when it is this deployment that it brings up. */
function rolloutOf(service: Service, deployment: Deployment): ServiceDeployment | undefined {
  const [newest] = service.serviceDeployments;
  return newest?.finishedAt === undefined && service.deployments[0] === deployment ? newest : undefined;
}

/**
 * Watches the alarms of a rollout until `unwatch`. When one is red at the start already, none is watched: this
 * deployment may be the one that repairs it.
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
