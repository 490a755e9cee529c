import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { type Deployment, DescribeServicesCommand, type ECSClient, type Service } from '@aws-sdk/client-ecs';
import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { BatchReader } from '../aws/reads.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';
import { InputError, PlatformError } from '../core/errors.ts';

/** The cluster and name of a service. */
export interface ServiceAddress {
  /** Name or ARN. */
  cluster: string;
  service: string;
}

/** The address of the service `arn:aws:ecs:eu-west-1:111111111111:service/<cluster>/<name>`. */
export function addressOfArn(arn: string): ServiceAddress {
  const [cluster = '', service = ''] = arn.slice(arn.indexOf(':service/') + ':service/'.length).split('/');
  return { cluster, service };
}

/** The service does not exist, or these actions cannot deploy it. */
export class ServiceError extends PlatformError {
  override readonly name = 'ServiceError';
}

/** A service, or ECS's reason for not returning it. */
interface FoundService {
  service?: Service;
  reason?: string;
}

/**
 * Services of one cluster, by name or ARN. AWS requires the permission for each of them.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html "You may specify up to 10
 * services to describe in a single operation"
 */
const services = new BatchReader<ECSClient, FoundService>({
  maxKeys: 10,
  splitsOn: ['denied', 'validation'],
  read: async (client, names, context, cluster) => {
    const command = new DescribeServicesCommand({ cluster, services: [...names] });
    const { services: found = [], failures = [] } = await send(client, command, context);
    const isOnly = names.length === 1;
    return new Map(
      names.map((name) => {
        // Names are unique in a cluster, except for deleted services.
        const own = found.filter((one) => isOnly || one.serviceName === nameOf(name));
        const service = own.find(({ status }) => status === 'ACTIVE') ?? own[0];
        const reason = failures.find(({ arn = '' }) => isOnly || nameOf(arn) === nameOf(name))?.reason;
        return [name, { ...(service && { service }), ...(reason !== undefined && { reason }) }];
      }),
    );
  },
});

/**
 * Reads services of one cluster, in their order; undefined for those that do not exist. One call reads ten services,
 * including those that other callers read at the same time.
 */
export async function findServices(
  context: EcsContext,
  cluster: string,
  names: readonly string[],
): Promise<(Service | undefined)[]> {
  const client = await context.ecs();
  const found = await services.getAll(client, names, context, cluster);
  return names.map((name) => found.get(name)?.service);
}

/** Reads a service. @throws ServiceError if it does not exist or is being deleted. */
export async function describeService(
  context: EcsContext,
  { cluster, service }: ServiceAddress,
): Promise<Service> {
  const found = await services.get(await context.ecs(), service, context, cluster);
  const where = `in the cluster ${nameOf(cluster)}`;
  if (!found?.service) {
    const why = found?.reason ?? 'MISSING';
    throw new ServiceError('not-found', `There is no service ${service} ${where} (${why}).`);
  }
  if (found.service.status !== 'ACTIVE') {
    const status = found.service.status ?? 'not active';
    throw new ServiceError('not-found', `The service ${service} ${where} is ${status}.`);
  }
  return found.service;
}

/** Rejects services with another deployment controller and those that ECS Express Mode manages. */
export function requireDeployable(service: Service): void {
  const refusal = refusalOf(service);
  if (!refusal) return;
  const { why, fix } = refusal;
  throw new ServiceError('service-unsupported', `The service ${service.serviceName ?? ''} ${why}.`, { fix });
}

/**
 * Rejects a desired count for a daemon service. ECS returns: "The daemon scheduling strategy does not support a desired
 * count for services."
 *
 * @see https://github.com/fabfuel/ecs-deploy/issues/59
 */
export function requireReplicas({ serviceName = '', schedulingStrategy }: Service, count: number): void {
  if (schedulingStrategy !== 'DAEMON') return;
  const expected = `expected no value, because ${serviceName} has the scheduling strategy DAEMON` as const;
  throw new InputError(
    'desired-count',
    String(count),
    `${expected}. It runs one task on each container instance`,
  );
}

interface Refusal {
  why: string;
  fix: string;
}

function refusalOf({ deploymentController, resourceManagementType }: Service): Refusal | undefined {
  const controller = deploymentController?.type ?? 'ECS';
  if (controller === 'CODE_DEPLOY') return CODE_DEPLOY;
  if (controller !== 'ECS') return EXTERNAL;
  // "Identifies whether an ECS Service is an Express Service managed by ECS, or managed by the customer": API_Service.
  return resourceManagementType === 'ECS' ? EXPRESS_MODE : undefined;
}

const CODE_DEPLOY: Refusal = {
  why: 'has the deployment controller CODE_DEPLOY, so only CodeDeploy can deploy it',
  fix: 'Move it to the ECS controller, which supports blue/green, canary and linear deployments: docs/migrate/codedeploy.md.',
};

const EXTERNAL: Refusal = {
  why: 'has the deployment controller EXTERNAL, so another tool deploys it with task sets',
  fix: 'Deploy it with that tool, or create a service with the ECS controller: docs/migrate/codedeploy.md#external-controller.',
};

const EXPRESS_MODE: Refusal = {
  why: 'is an Express Mode service, so ECS manages its task definition, load balancer and scaling',
  fix: 'Deploy it with UpdateExpressGatewayService and an image by digest: docs/migrate/express-gateway.md.',
};

/** The deployment that ECS is working towards. */
export function primaryDeployment({ deployments = [] }: Service): Deployment | undefined {
  return deployments.find(({ status }) => status === 'PRIMARY');
}

/**
 * The task definition that ECS is working towards: that of the primary deployment. With only one deployment, the
 * service's own is used, because some endpoints do not update the deployment's.
 */
export function targetTaskDefinition(service: Service): string | undefined {
  const { deployments = [], taskDefinition } = service;
  return deployments.length === 1 ? taskDefinition : primaryDeployment(service)?.taskDefinition;
}

/** Whether the service's only deployment has completed with all of its tasks. */
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

/** The last part of an ARN; a name is returned unchanged. */
export function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** The context for operations on a service. Each client is created on first use. */
export interface EcsContext extends Context {
  region: string;
  ecs(): Promise<ECSClient>;
  elb(): Promise<ElasticLoadBalancingV2Client>;
  logs(): Promise<CloudWatchLogsClient>;
}
