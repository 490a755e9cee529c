import {
  DescribeServiceDeploymentsCommand,
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type Service,
  type ServiceDeployment,
  type ServiceRevision,
  StopServiceDeploymentCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { BatchReader } from '../aws/reads.ts';
import { AwsError, isThrottle } from '../aws/errors.ts';
import { send } from '../aws/send.ts';
import { PlatformError, reasonOf, TimeoutError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import {
  describeService,
  type EcsContext,
  targetTaskDefinition,
  primaryDeployment,
  type ServiceAddress,
} from './service.ts';

/** The deployment of a service that is followed. */
export interface FollowedDeployment extends ServiceAddress {
  /** `ecs-svc/…`, the `startedBy` of its tasks. */
  id: string;
  /** ARN of the service deployment; undefined if the endpoint has none or the role cannot read it. */
  arn?: string;
  /** ARN of the target task definition. */
  taskDefinition: string;
  /** ARN of the previous task definition. */
  previous: string;
  /** By AWS's clock; undefined if the endpoint does not report it. */
  createdAt?: Date;
  /** Set if the revision is the same as before, so that only `startedBy` distinguishes new tasks from old ones. */
  isRestart?: true;
}

/** How long the service deployment may lag behind UpdateService. */
const LAG_MS = 30_000;
/** Maximum difference between the timestamps of a deployment and of its service deployment, which are rounded. */
const ROUNDING_MS = 2000;

/**
 * Deploys a revision, changes the desired count, or restarts all tasks. Returns the updated service.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html (forceNewDeployment)
 */
export async function updateService(
  context: EcsContext,
  { cluster, service }: ServiceAddress,
  change: { taskDefinition?: string; desiredCount?: number; forceNewDeployment?: boolean },
): Promise<Service> {
  const command = new UpdateServiceCommand({ cluster, service, ...change });
  const response = await send(await context.ecs(), command, context);
  if (!response.service) throw new PlatformError('service-unavailable', 'UpdateService returned no service');
  return response.service;
}

/**
 * The service's primary deployment if its target is the given task definition; undefined otherwise.
 */
export function deploymentOf(
  service: Service,
  address: ServiceAddress,
  change: { taskDefinition: string; previous: string },
): FollowedDeployment | undefined {
  const primary = primaryDeployment(service);
  if (primary?.id === undefined || targetTaskDefinition(service) !== change.taskDefinition) return undefined;
  const { id, createdAt } = primary;
  return { ...address, ...change, id, ...(createdAt && { createdAt }) };
}

/**
 * Finds the ARN of the service deployment whose target revision has our task definition. It may appear a moment after
 * UpdateService. Undefined, with a log line, if it cannot be found or read.
 */
export async function findServiceDeployment(
  context: EcsContext,
  deployment: FollowedDeployment,
  hint?: string,
): Promise<string | undefined> {
  try {
    const options = {
      what: `the service deployment of ${deployment.service}`,
      timeoutMs: LAG_MS,
      isThrottle,
    };
    let first = hint;
    const found = await poll(context, options, async () => {
      const arn = await find(context, deployment, first);
      first = undefined;
      return arn;
    });
    if (found !== ROLLBACK) return found;
    context.log.info('ECS is rolling back to this revision. Following the deployment of the service.');
    return undefined;
  } catch (error) {
    if (context.signal.aborted) throw error;
    if (error instanceof TimeoutError) {
      context.log.info(
        'ECS lists no service deployment for this revision. Following the deployment of the service.',
      );
      return undefined;
    }
    if (!isUnavailable(error)) throw error;
    context.log.info(
      `Cannot read service deployments (${reasonOf(error)}). Following the deployment of the service.`,
    );
    return undefined;
  }
}

/**
 * A deployment since the given time that ECS is rolling back or has rolled back. The service's primary deployment is
 * then that of the rollback. Undefined if the newest deployment is not rolled back, or without service deployments.
 */
export async function findRolledBack(
  context: EcsContext,
  address: ServiceAddress,
  since: Date,
): Promise<FollowedDeployment | undefined> {
  try {
    const command = new ListServiceDeploymentsCommand({ ...address, createdAt: { after: since } });
    const { serviceDeployments = [] } = await send(await context.ecs(), command, context);
    const [newest] = serviceDeployments.toSorted(
      (a, b) => (b.createdAt?.getTime() ?? 0) - (a.createdAt?.getTime() ?? 0),
    );
    const { serviceDeploymentArn: arn, targetServiceRevisionArn = '', status = '', createdAt } = newest ?? {};
    if (arn === undefined || !status.startsWith('ROLLBACK_')) return undefined;
    const target = await describeRevision(context, targetServiceRevisionArn);
    if (target?.taskDefinition === undefined) return undefined;
    const { deployments = [] } = await describeService(context, address);
    const own = deployments.find(({ taskDefinition }) => taskDefinition === target.taskDefinition);
    const { taskDefinition } = target;
    // If ECS has removed the deployment, its tasks are identified by their revision.
    const id = own?.id ?? '';
    return { ...address, id, arn, taskDefinition, previous: '', ...(createdAt && { createdAt }) };
  } catch (error) {
    if (context.signal.aborted || !isUnavailable(error)) throw error;
    return undefined;
  }
}

/** Endpoints without service deployments return various errors. A role without the permission is denied access. */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof AwsError)) return error instanceof PlatformError && error.code === 'not-found';
  const { kind, awsName, httpStatus } = error;
  if (['denied', 'not-found', 'other'].includes(kind) || httpStatus === 501) return true;
  return /Unsupported|Unknown|NotImplemented|InvalidAction/i.test(awsName);
}

/** A rollback does not have its own service deployment; it is part of the failed one. */
const ROLLBACK = 'rollback';

async function find(
  context: EcsContext,
  deployment: FollowedDeployment,
  hint: string | undefined,
): Promise<string | undefined> {
  if (hint !== undefined) {
    const found = await describeServiceDeployment(context, hint);
    if (await isOurs(context, deployment, found)) return hint;
    if (await isRollbackTo(context, found, deployment)) return ROLLBACK;
  }
  const { cluster, service, createdAt } = deployment;
  const command = new ListServiceDeploymentsCommand({
    cluster,
    service,
    ...(createdAt && { createdAt: { after: new Date(createdAt.getTime() - ROUNDING_MS) } }),
  });
  const { serviceDeployments = [] } = await send(await context.ecs(), command, context);
  const newest = serviceDeployments.toSorted(
    (a, b) => (b.createdAt?.getTime() ?? 0) - (a.createdAt?.getTime() ?? 0),
  );
  for (const { serviceDeploymentArn: arn, targetServiceRevisionArn: revision } of newest) {
    if (arn === undefined || revision === undefined) continue;
    const target = await describeRevision(context, revision);
    if (target?.taskDefinition === deployment.taskDefinition) return arn;
  }
  return undefined;
}

async function isRollbackTo(
  context: EcsContext,
  { status, rollback }: ServiceDeployment,
  deployment: FollowedDeployment,
): Promise<boolean> {
  if (status !== 'ROLLBACK_IN_PROGRESS' || rollback?.serviceRevisionArn === undefined) return false;
  const target = await describeRevision(context, rollback.serviceRevisionArn);
  return target?.taskDefinition === deployment.taskDefinition;
}

async function isOurs(
  context: EcsContext,
  deployment: FollowedDeployment,
  { targetServiceRevision, createdAt }: ServiceDeployment,
): Promise<boolean> {
  if (targetServiceRevision?.arn === undefined) return false;
  // After a restart, the previous deployment has the same target.
  const since = (deployment.createdAt?.getTime() ?? 0) - ROUNDING_MS;
  if (createdAt && createdAt.getTime() < since) return false;
  const target = await describeRevision(context, targetServiceRevision.arn);
  return target?.taskDefinition === deployment.taskDefinition;
}

/** A service deployment, or ECS's reason for not returning it. */
interface FoundDeployment {
  deployment?: ServiceDeployment;
  reason?: string;
}

/**
 * Service deployments by ARN, of any service.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html "You can specify a
 * maximum of 20 ARNs."
 */
const deployments = new BatchReader<ECSClient, FoundDeployment>({
  maxKeys: 20,
  splitsOn: ['denied', 'validation'],
  read: async (client, arns, context) => {
    const command = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [...arns] });
    const { serviceDeployments = [], failures = [] } = await send(client, command, context);
    const isOnly = arns.length === 1;
    return new Map(
      arns.map((arn) => {
        const deployment = serviceDeployments.find((one) => isOnly || one.serviceDeploymentArn === arn);
        const reason = failures.find((one) => isOnly || one.arn === arn)?.reason;
        return [arn, { ...(deployment && { deployment }), ...(reason !== undefined && { reason }) }];
      }),
    );
  },
});

/**
 * Service revisions by ARN, of any service.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html "You can specify a
 * maximum of 20 ARNs."
 */
const revisions = new BatchReader<ECSClient, ServiceRevision>({
  maxKeys: 20,
  splitsOn: ['denied', 'validation'],
  read: async (client, arns, context) => {
    const command = new DescribeServiceRevisionsCommand({ serviceRevisionArns: [...arns] });
    const { serviceRevisions = [] } = await send(client, command, context);
    const isOnly = arns.length === 1;
    return new Map(
      serviceRevisions.map((revision) => [
        isOnly ? (arns[0] ?? '') : (revision.serviceRevisionArn ?? ''),
        revision,
      ]),
    );
  },
});

/** Reads a service deployment. @throws PlatformError if it does not exist. */
export async function describeServiceDeployment(
  context: EcsContext,
  arn: string,
): Promise<ServiceDeployment> {
  const found = await deployments.get(await context.ecs(), arn, context);
  if (found?.deployment) return found.deployment;
  const reason = found?.reason ?? 'no reason given';
  throw new PlatformError('not-found', `ECS has no service deployment ${arn} (${reason})`);
}

/** Reads a service revision; undefined if it does not exist (yet). */
export async function describeRevision(
  context: EcsContext,
  arn: string,
): Promise<ServiceRevision | undefined> {
  return await revisions.get(await context.ecs(), arn, context);
}

/** Reads service revisions by ARN, without those that do not exist (yet). */
export async function describeRevisions(
  context: EcsContext,
  arns: readonly string[],
): Promise<ReadonlyMap<string, ServiceRevision>> {
  return await revisions.getAll(await context.ecs(), arns, context);
}

/** The deployment that replaced ours; undefined if ours is still the primary one. */
export async function findSuccessor(
  context: EcsContext,
  deployment: FollowedDeployment,
): Promise<{ taskDefinition: string } | undefined> {
  const service = await describeService(context, deployment);
  const primary = primaryDeployment(service);
  if (!primary || primary.id === deployment.id) return undefined;
  return { taskDefinition: primary.taskDefinition ?? '' };
}

/** Stops a service deployment: ECS rolls it back, or leaves all tasks as they are. */
export async function stopDeployment(
  context: EcsContext,
  deployment: FollowedDeployment,
  stopType: 'ROLLBACK' | 'ABORT',
): Promise<'stopped' | 'unsupported'> {
  if (deployment.arn === undefined) return 'unsupported';
  const command = new StopServiceDeploymentCommand({
    serviceDeploymentArn: deployment.arn,
    stopType,
  });
  await send(await context.ecs(), command, context);
  return 'stopped';
}
