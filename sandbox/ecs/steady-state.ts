import { AwsError } from '../service.ts';
import type { Service, ServiceDeployment } from './model.ts';
import { healthyCount } from './rolling.ts';

/**
 * Waits as CloudFormation does, until the service has the tasks that it wants, all of one revision. Throws why its
 * rollout failed.
 */
export async function steadyState(service: Service, signal: AbortSignal): Promise<void> {
  const { ecs } = service;
  const ended = AbortSignal.any([signal, ecs.world.closed]);
  for (;;) {
    const [newest] = service.serviceDeployments;
    if (newest && newest.target === service.asked && hasFailed(newest)) throw failure(newest);
    if (newest?.finishedAt !== undefined && isSteady(service)) return;
    await ecs.changes.next(ended);
  }
}

function hasFailed({ status }: ServiceDeployment): boolean {
  return status === 'STOPPED' || status === 'ROLLBACK_SUCCESSFUL' || status === 'ROLLBACK_FAILED';
}

function isSteady(service: Service): boolean {
  const [primary] = service.deployments;
  return primary !== undefined && healthyCount(service, primary) >= service.desiredCount;
}

function failure({ breaker, alarms, statusReason = '' }: ServiceDeployment): AwsError {
  const triggered =
    breaker.status === 'TRIGGERED' ? 'Circuit Breaker' : alarms.status === 'TRIGGERED' ? 'Alarm' : undefined;
  const reason = triggered === undefined ? statusReason : `ECS Deployment ${triggered} was triggered`;
  return new AwsError('GeneralServiceException', `Error occurred during operation '${reason}'.`);
}
