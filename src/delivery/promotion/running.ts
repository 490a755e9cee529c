import type { Service, ServiceDeployment, Task } from '@aws-sdk/client-ecs';
import { send } from '../../aws/send.ts';
import { isNotFound } from '../../aws/errors.ts';
import { InputError, reasonOf } from '../../core/errors.ts';
import { digestIn } from '../../ecs/proof.ts';
import { nameOf } from '../../ecs/service.ts';
import { factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { groupPlaces, placeIn, type PromotionEnvironment, type ServicePlace } from './environment.ts';

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

/**
 * What services of an environment run, by their names in the manifest. The number of calls grows with clusters, and with
 * services and tasks by tens.
 */
export async function readRunning(
  environment: PromotionEnvironment,
  names: readonly string[],
): Promise<Map<string, RunningService>> {
  const clusters = groupPlaces(environment, names, ({ cluster }) => nameOf(cluster));
  const found = await Promise.all(clusters.map((group) => readCluster(environment, group)));
  return new Map(found.flatMap((running) => [...running]));
}

async function readCluster(
  environment: PromotionEnvironment,
  { place, services: names }: ReturnType<typeof groupPlaces>[number],
): Promise<Map<string, RunningService>> {
  const places = new Map(names.map((name) => [name, placeIn(environment, name)]));
  const inEcs = [...places.values()].map(({ service }) => service);
  const found = await Promise.all([describeServices(place, inEcs), listTasks(place)]).catch(
    (error: unknown) => {
      // Without a cluster there is no service: an environment that is not made yet.
      if (isNotFound(error)) return undefined;
      throw error;
    },
  );
  if (!found) return new Map(names.map((name) => [name, missingService(name)]));
  const [services, tasks] = found;
  const ends = await deploymentEnds(place, services);
  const running = [...places].map(async ([name, one]) => {
    const service = services.find(
      ({ serviceName, status }) => serviceName === one.service && status !== 'INACTIVE',
    );
    if (!service) return [name, missingService(name)] as const;
    const own = tasks.filter(({ group }) => group === `service:${one.service}`);
    const container = await imageContainer(one, service, own);
    return [name, runningService(name, service, imagesOf(own, container), ends)] as const;
  });
  return new Map(await Promise.all(running));
}

function runningService(
  name: string,
  service: Service,
  images: readonly RunningImage[],
  ends: ReadonlyMap<string, Date>,
): RunningService {
  const { runningCount = 0, desiredCount = 0, deploymentConfiguration } = service;
  const unsteady = unsteadyReason(service);
  const deploying = isDeploying(service);
  const since = unsteady === '' ? steadySince(service, ends) : undefined;
  const { alarmNames = [], enable = false } = deploymentConfiguration?.alarms ?? {};
  return {
    name,
    state: images.length > 0 ? 'running' : 'none',
    images,
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

/**
 * The name of the container that runs the service's image; undefined for the only one. A task tells neither which
 * containers are essential nor which the load balancer reaches, so the task definition decides where the names do not.
 *
 * @throws InputError when that leaves a choice.
 */
async function imageContainer(
  { context, service: name, container }: ServicePlace,
  service: Service,
  tasks: readonly Task[],
): Promise<string | undefined> {
  const names = new Set(tasks.flatMap(({ containers = [] }) => containers.map((one) => one.name)));
  if (container !== undefined) {
    if (names.size === 0 || names.has(container)) return container;
    throw new InputError(
      'container',
      container,
      `the tasks of ${name} have the containers ${[...names].join(', ')}`,
    );
  }
  if (names.size <= 1) return undefined;
  if (names.has(name)) return name;
  const { definition } = await readTaskDefinition(context, service.taskDefinition ?? '');
  return mainContainer(definition, factsOf(service, name), 'image').name;
}

/** The images of one container of the tasks, each once. */
function imagesOf(tasks: readonly Task[], container: string | undefined): RunningImage[] {
  const images = tasks.flatMap(({ containers = [] }) => {
    const found = container === undefined ? containers[0] : containers.find(({ name }) => name === container);
    const { image: reference = '', imageDigest } = found ?? {};
    const digest = imageDigest ?? digestIn(reference);
    return digest === undefined ? [] : [{ reference, digest }];
  });
  return [...new Map(images.map((image) => [`${image.reference} ${image.digest}`, image])).values()];
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
  { cluster, context }: ServicePlace,
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
async function listTasks({ cluster, context }: ServicePlace): Promise<Task[]> {
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
  { context }: ServicePlace,
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
