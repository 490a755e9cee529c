import type { Service, ServiceDeployment, Task } from '@aws-sdk/client-ecs';
import { send } from '../../aws/send.ts';
import { isNotFound } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import { digestIn } from '../../ecs/proof.ts';
import type { PromotionEnvironment } from './environment.ts';

const SERVICES_A_CALL = 10;
const TASKS_A_CALL = 100;
const DEPLOYMENTS_A_CALL = 20;

/** What a service runs, as its tasks tell it. */
export interface RunningService {
  name: string;
  /** `missing`: there is no such service. `none`: it has no task that runs. */
  state: 'running' | 'none' | 'missing';
  /** The images of its tasks, each once: how the container names it, and the digest that was pulled. */
  images: readonly RunningImage[];
  running: number;
  desired: number;
  steady: boolean;
  /** Why it is not steady; empty when it is. */
  unsteady: string;
  /** Whether it is not steady because a deployment is in progress. */
  deploying: boolean;
  /** Since when its deployment is complete; undefined when ECS does not show it, or it is not complete. */
  steadySince?: Date;
  /** Names of the alarms that watch its deployments. */
  alarms: readonly string[];
}

export interface RunningImage {
  /** As the task definition has it. */
  reference: string;
  /** Of what was pulled; of an index, the index's or that of one platform. */
  digest: string;
}

/** Services that the environment's cluster runs, by name. The number of calls grows with services and tasks by tens. */
export async function readRunning(
  environment: PromotionEnvironment,
  names: readonly string[],
): Promise<Map<string, RunningService>> {
  if (names.length === 0) return new Map();
  const found = await Promise.all([describeServices(environment, names), listTasks(environment)]).catch(
    (error: unknown) => {
      // Without a cluster there is no service: an environment that is not made yet.
      if (isNotFound(error)) return undefined;
      throw error;
    },
  );
  if (!found) return new Map(names.map((name) => [name, missingService(name)]));
  const [services, tasks] = found;
  const ends = await deploymentEnds(environment, services);
  return new Map(
    names.map((name) => {
      const service = services.find((one) => one.serviceName === name && one.status !== 'INACTIVE');
      const own = tasks.filter(({ group }) => group === `service:${name}`);
      return [name, service ? runningService(name, service, own, ends) : missingService(name)];
    }),
  );
}

function runningService(
  name: string,
  service: Service,
  tasks: readonly Task[],
  ends: ReadonlyMap<string, Date>,
): RunningService {
  const { runningCount = 0, desiredCount = 0, deploymentConfiguration } = service;
  const images = tasks.map((task) => imageOf(task, name)).filter((image) => image !== undefined);
  const unsteady = unsteadyReason(service);
  const deploying = isDeploying(service);
  const since = unsteady === '' ? steadySince(service, ends) : undefined;
  const { alarmNames = [], enable = false } = deploymentConfiguration?.alarms ?? {};
  return {
    name,
    state: images.length > 0 ? 'running' : 'none',
    images: [...new Map(images.map((image) => [`${image.reference} ${image.digest}`, image])).values()],
    running: runningCount,
    desired: desiredCount,
    steady: unsteady === '',
    unsteady,
    deploying,
    ...(since && { steadySince: since }),
    alarms: enable ? alarmNames : [],
  };
}

/** A service that does not exist. */
export function missingService(name: string): RunningService {
  const nothing = { images: [], running: 0, desired: 0, alarms: [], deploying: false };
  return { name, state: 'missing', steady: false, unsteady: 'it does not exist', ...nothing };
}

/** The container of the service's own name is the service; where there is none, the first that must run. */
function imageOf({ containers = [] }: Task, service: string): RunningImage | undefined {
  const container = containers.find(({ name }) => name === service) ?? containers[0];
  const { image: reference = '', imageDigest } = container ?? {};
  const digest = imageDigest ?? digestIn(reference);
  return digest === undefined ? undefined : { reference, digest };
}

/** Why the service does not run what it wants to run, and nothing else; empty when it does. */
function unsteadyReason(service: Service): string {
  const { deployments = [], runningCount = 0, desiredCount = 0 } = service;
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  if (!primary) return 'it has no deployment';
  if (isDeploying(service)) return 'a deployment is under way';
  if (primary.rolloutState === 'FAILED') return 'its last deployment failed';
  return runningCount === desiredCount ? '' : `${runningCount} of ${desiredCount} tasks run`;
}

function isDeploying({ deployments = [] }: Service): boolean {
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  if (!primary || deployments.length > 1) return primary !== undefined;
  return !['COMPLETED', 'FAILED'].includes(primary.rolloutState ?? 'COMPLETED');
}

/** The end of the deployment; where there are no service deployments, when it last changed. */
function steadySince(
  { currentServiceDeployment, deployments = [] }: Service,
  ends: ReadonlyMap<string, Date>,
): Date | undefined {
  const end = ends.get(currentServiceDeployment ?? '');
  if (end) return end;
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  return primary?.updatedAt ?? primary?.createdAt;
}

async function describeServices(
  { cluster, context }: PromotionEnvironment,
  names: readonly string[],
): Promise<Service[]> {
  const { DescribeServicesCommand } = await import('@aws-sdk/client-ecs');
  const client = await context.ecs();
  const pages = await Promise.all(
    chunks(names, SERVICES_A_CALL).map(async (services) => {
      const page = await send(client, new DescribeServicesCommand({ cluster, services }), context);
      return page.services ?? [];
    }),
  );
  return pages.flat();
}

/** All tasks of the cluster that run: one list is cheaper than one for each service. */
async function listTasks({ cluster, context }: PromotionEnvironment): Promise<Task[]> {
  const { DescribeTasksCommand, ListTasksCommand } = await import('@aws-sdk/client-ecs');
  const client = await context.ecs();
  const tasks: Task[] = [];
  let nextToken: string | undefined;
  do {
    const list = new ListTasksCommand({
      cluster,
      desiredStatus: 'RUNNING',
      maxResults: TASKS_A_CALL,
      nextToken,
    });
    const page = await send(client, list, context);
    const arns = page.taskArns ?? [];
    if (arns.length > 0) {
      const command = new DescribeTasksCommand({ cluster, tasks: arns });
      tasks.push(...((await send(client, command, context)).tasks ?? []));
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined && nextToken !== '');
  return tasks.filter(({ lastStatus = 'RUNNING' }) => lastStatus === 'RUNNING');
}

/** When the deployments of services ended, by ARN. */
async function deploymentEnds(
  { context }: PromotionEnvironment,
  services: readonly Service[],
): Promise<Map<string, Date>> {
  const { DescribeServiceDeploymentsCommand } = await import('@aws-sdk/client-ecs');
  const arns = services.flatMap(({ currentServiceDeployment: arn }) => (arn === undefined ? [] : [arn]));
  const client = await context.ecs();
  const found: ServiceDeployment[] = [];
  await Promise.all(
    chunks(arns, DEPLOYMENTS_A_CALL).map(async (serviceDeploymentArns) => {
      try {
        const command = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns });
        found.push(...((await send(client, command, context)).serviceDeployments ?? []));
      } catch (error) {
        // An endpoint without them, or a role without the right: the service's own list tells when its deployment
        // last changed, which is never earlier than its end.
        context.signal.throwIfAborted();
        context.log.debug(`Service deployments cannot be read: ${reasonOf(error)}`);
      }
    }),
  );
  return new Map(
    found.flatMap(({ serviceDeploymentArn = '', finishedAt }) =>
      finishedAt ? [[serviceDeploymentArn, finishedAt] as const] : [],
    ),
  );
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
