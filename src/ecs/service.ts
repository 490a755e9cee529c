import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { type Deployment, DescribeServicesCommand, type ECSClient, type Service } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';
import { PlatformError } from '../core/errors.ts';

/** Where a service is. */
export interface ServiceAddress {
  /** Name or ARN. */
  cluster: string;
  service: string;
}

/** Where the service of `arn:aws:ecs:eu-west-1:111111111111:service/<cluster>/<name>` is. */
export function addressOfArn(arn: string): ServiceAddress {
  const [cluster = '', service = ''] = arn.slice(arn.indexOf(':service/') + ':service/'.length).split('/');
  return { cluster, service };
}

/** The service does not exist, or cannot be deployed by this suite. */
export class ServiceError extends PlatformError {
  override readonly name = 'ServiceError';
}

/** Reads a service. Throws ServiceError when there is none, or when it is being deleted. */
export async function describeService(
  context: EcsContext,
  { cluster, service }: ServiceAddress,
): Promise<Service> {
  const command = new DescribeServicesCommand({ cluster, services: [service] });
  const { services = [], failures = [] } = await send(await context.ecs(), command, context);
  const found = services.find(({ status }) => status === 'ACTIVE') ?? services[0];
  const where = `in the cluster ${nameOf(cluster)}`;
  if (!found) {
    const why = failures[0]?.reason ?? 'MISSING';
    throw new ServiceError('not-found', `There is no service ${service} ${where} (${why}).`);
  }
  if (found.status !== 'ACTIVE') {
    const status = found.status ?? 'not active';
    throw new ServiceError('not-found', `The service ${service} ${where} is ${status}.`);
  }
  return found;
}

/** Refuses services whose deployments ECS does not control itself. */
export function requireEcsController({ serviceName = '', deploymentController }: Service): void {
  const type = deploymentController?.type ?? 'ECS';
  if (type === 'ECS') return;
  const how =
    type === 'CODE_DEPLOY'
      ? 'CodeDeploy deploys it. Move it to the ECS controller, which does blue/green, canary and linear itself'
      : 'something else deploys it by task sets. Deploy it with that';
  const reason = `The service ${serviceName} has the deployment controller ${type}: ${how}.`;
  throw new ServiceError('service-unsupported', reason);
}

/** The deployment that ECS works towards. */
export function primaryDeployment({ deployments = [] }: Service): Deployment | undefined {
  return deployments.find(({ status }) => status === 'PRIMARY');
}

/**
 * The task definition that ECS works towards. It is that of the primary deployment; where there is only one, it is the
 * service's own too, also on endpoints whose deployment keeps the one that it began with.
 */
export function goalOf(service: Service): string | undefined {
  const { deployments = [], taskDefinition } = service;
  return deployments.length === 1 ? taskDefinition : primaryDeployment(service)?.taskDefinition;
}

/** Whether the service runs what it wants to run, and nothing else. */
export function isSteady(service: Service): boolean {
  const primary = primaryDeployment(service);
  if (!primary || (service.deployments ?? []).length !== 1) return false;
  const { runningCount = 0, pendingCount = 0, desiredCount = 0, rolloutState = 'COMPLETED' } = primary;
  return rolloutState === 'COMPLETED' && runningCount === desiredCount && pendingCount === 0;
}

/** The container behind the load balancer, if the service has one. */
export function loadBalancedContainer({ loadBalancers = [] }: Service): string | undefined {
  return loadBalancers.find(({ containerName }) => containerName !== undefined)?.containerName;
}

/** The last part of an ARN; a name stays as it is. */
export function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** What the work on a service needs. A client is opened when it is first asked for, and once. */
export interface EcsContext extends Context {
  region: string;
  ecs(): Promise<ECSClient>;
  elb(): Promise<ElasticLoadBalancingV2Client>;
  logs(): Promise<CloudWatchLogsClient>;
}
