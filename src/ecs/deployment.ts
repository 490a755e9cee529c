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
  goalOf,
  primaryDeployment,
  type ServiceAddress,
} from './service.ts';

/** One deployment of a service, ours. */
export interface OurDeployment extends ServiceAddress {
  /** `ecs-svc/…`: tasks carry it as what started them. */
  id: string;
  /** The service deployment; undefined where the endpoint has none, or not for us. */
  arn?: string;
  /** ARN of the target's task definition. */
  taskDefinition: string;
  /** ARN of the one before. */
  previous: string;
  /** By AWS's clock; undefined where the endpoint does not tell. */
  createdAt?: Date;
  /** The revision ran before: only who started a task tells new tasks from old ones. */
  isRestart?: true;
}

/** How long the service deployment may lag behind UpdateService. */
const LAG_MS = 30_000;
/** How far apart the stamps of the service's deployment and of the service deployment may be: they are rounded. */
const ROUNDING_MS = 2000;

/**
 * Deploys a revision, changes the number of tasks, or starts all tasks again. Returns the service as it is then.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html (forceNewDeployment)
 */
export async function updateService(
  context: EcsContext,
  { cluster, service }: ServiceAddress,
  change: { taskDefinition?: string; desiredCount?: number; forceNewDeployment?: boolean },
): Promise<Service> {
  const command = new UpdateServiceCommand({ cluster, service, ...change });
  const answer = await send(await context.ecs(), command, context);
  if (!answer.service)
    throw new PlatformError('service-unavailable', 'UpdateService answered without a service');
  return answer.service;
}

/**
 * The deployment that works towards a task definition, as the service shows it; undefined when another one is
 * its primary one.
 */
export function deploymentOf(
  service: Service,
  address: ServiceAddress,
  change: { taskDefinition: string; previous: string },
): OurDeployment | undefined {
  const primary = primaryDeployment(service);
  if (primary?.id === undefined || goalOf(service) !== change.taskDefinition) return undefined;
  const { id, createdAt } = primary;
  return { ...address, ...change, id, ...(createdAt && { createdAt }) };
}

/**
 * Finds the ARN of our service deployment: the one whose target revision has our task definition. It may be there
 * a moment after UpdateService only. Undefined, and said, where there are no service deployments.
 */
export async function findServiceDeployment(
  context: EcsContext,
  deployment: OurDeployment,
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
    context.log.info('ECS rolls back to it: following the deployment of the service.');
    return undefined;
  } catch (error) {
    if (context.signal.aborted) throw error;
    if (error instanceof TimeoutError) {
      context.log.info('ECS lists no service deployment for it: following the deployment of the service.');
      return undefined;
    }
    if (!isUnavailable(error)) throw error;
    context.log.info(
      `Service deployments cannot be read here (${reasonOf(error)}): following the deployment of the service.`,
    );
    return undefined;
  }
}

/**
 * A deployment since a time that ECS has begun to roll back, or has rolled back: by then the service's primary
 * deployment is that of the rollback. Undefined when the newest is none, or where there are no service deployments.
 */
export async function findRolledBack(
  context: EcsContext,
  address: ServiceAddress,
  since: Date,
): Promise<OurDeployment | undefined> {
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
    // ECS may have removed the deployment: its tasks are then known by their revision.
    const id = own?.id ?? '';
    return { ...address, id, arn, taskDefinition, previous: '', ...(createdAt && { createdAt }) };
  } catch (error) {
    if (context.signal.aborted || !isUnavailable(error)) throw error;
    return undefined;
  }
}

/** Endpoints without service deployments answer in many ways; a role that may not read them is denied. */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof AwsError)) return error instanceof PlatformError && error.code === 'not-found';
  const { kind, awsName, httpStatus } = error;
  if (['denied', 'not-found', 'other'].includes(kind) || httpStatus === 501) return true;
  return /Unsupported|Unknown|NotImplemented|InvalidAction/i.test(awsName);
}

/** A rollback has no service deployment of its own: it is a part of the one that failed. */
const ROLLBACK = 'rollback';

async function find(
  context: EcsContext,
  deployment: OurDeployment,
  hint: string | undefined,
): Promise<string | undefined> {
  if (hint !== undefined) {
    const found = await describeServiceDeployment(context, hint);
    if (await isOurs(context, deployment, found)) return hint;
    if (await goesBackTo(context, found, deployment)) return ROLLBACK;
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

async function goesBackTo(
  context: EcsContext,
  { status, rollback }: ServiceDeployment,
  deployment: OurDeployment,
): Promise<boolean> {
  if (status !== 'ROLLBACK_IN_PROGRESS' || rollback?.serviceRevisionArn === undefined) return false;
  const target = await describeRevision(context, rollback.serviceRevisionArn);
  return target?.taskDefinition === deployment.taskDefinition;
}

async function isOurs(
  context: EcsContext,
  deployment: OurDeployment,
  { targetServiceRevision, createdAt }: ServiceDeployment,
): Promise<boolean> {
  if (targetServiceRevision?.arn === undefined) return false;
  // After a restart the one before has the same target.
  const since = (deployment.createdAt?.getTime() ?? 0) - ROUNDING_MS;
  if (createdAt && createdAt.getTime() < since) return false;
  const target = await describeRevision(context, targetServiceRevision.arn);
  return target?.taskDefinition === deployment.taskDefinition;
}

/** A service deployment, or why ECS does not give it. */
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

/** Reads a service deployment. Throws when there is none. */
export async function describeServiceDeployment(
  context: EcsContext,
  arn: string,
): Promise<ServiceDeployment> {
  const found = await deployments.get(await context.ecs(), arn, context);
  if (found?.deployment) return found.deployment;
  const reason = found?.reason ?? 'no reason';
  throw new PlatformError('not-found', `ECS does not know the service deployment ${arn} (${reason})`);
}

/** Reads a service revision; undefined when it is not there (yet). */
export async function describeRevision(
  context: EcsContext,
  arn: string,
): Promise<ServiceRevision | undefined> {
  return await revisions.get(await context.ecs(), arn, context);
}

/** Reads service revisions by ARN, without those that are not there (yet). */
export async function describeRevisions(
  context: EcsContext,
  arns: readonly string[],
): Promise<ReadonlyMap<string, ServiceRevision>> {
  return await revisions.getAll(await context.ecs(), arns, context);
}

/** The deployment that took the place of ours; undefined while ours is the one. */
export async function successorOf(
  context: EcsContext,
  deployment: OurDeployment,
): Promise<{ taskDefinition: string } | undefined> {
  const service = await describeService(context, deployment);
  const primary = primaryDeployment(service);
  if (!primary || primary.id === deployment.id) return undefined;
  return { taskDefinition: primary.taskDefinition ?? '' };
}

/** Stops a deployment: ECS rolls it back, or leaves all tasks as they are. Works on service deployments only. */
export async function stopDeployment(
  context: EcsContext,
  deployment: OurDeployment,
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
