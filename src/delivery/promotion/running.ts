import type { Service, Task } from '@aws-sdk/client-ecs';
import { isNotFound } from '../../aws/errors.ts';
import { InputError, reasonOf } from '../../core/errors.ts';
import { digestIn } from '../../ecs/proof.ts';
import { findServices, nameOf } from '../../ecs/service.ts';
import { describeServiceDeployment } from '../../ecs/deployment.ts';
import { describeTasks, listClusterTasks, listTasks } from '../../ecs/tasks.ts';
import { factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { groupPlaces, placeIn, type PromotionEnvironment, type ServicePlace } from './environment.ts';
import { outOf } from '../../core/text.ts';

const TASKS_PER_PAGE = 100;

/** The state of a service, read from its tasks. */
export interface RunningService {
  name: string;
  /** `missing`: the service does not exist. `none`: it has no running task. */
  state: 'running' | 'none' | 'missing';
  /** The distinct images of its tasks: the reference in the container, and the pulled digest. */
  images: readonly RunningImage[];
  running: number;
  desired: number;
  steady: boolean;
  /** Why it is not steady; empty if it is. */
  unsteady: string;
  /** Whether it is not steady because a deployment is in progress. */
  deploying: boolean;
  /** When its deployment completed; undefined if it has not, or ECS does not report it. */
  steadySince?: Date;
  /** Names of its deployment alarms. */
  alarms: readonly string[];
}

export interface RunningImage {
  /** As in the task definition. */
  reference: string;
  /** Digest of the pulled image; for an index, that of the index or of one platform. */
  digest: string;
}

/**
 * Reads what services of an environment run, by their names in the manifest. The number of calls grows with the number
 * of clusters, and with every ten services and tasks.
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
  const found = await findServices(place.context, place.cluster, inEcs).catch((error: unknown) => {
    // Without a cluster there are no services: the environment has not been created yet.
    if (isNotFound(error)) return [];
    throw error;
  });
  const services = found.flatMap((service) => (service && service.status !== 'INACTIVE' ? [service] : []));
  const [tasks, ends] = await Promise.all([runningTasks(place, services), deploymentEnds(place, services)]);
  const running = [...places].map(async ([name, one]) => {
    const service = services.find(({ serviceName }) => serviceName === one.service);
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
 * The name of the container that runs the service's image; undefined if there is only one container. A task does not
 * report which containers are essential or which one the load balancer reaches, so the task definition decides if the
 * names do not.
 *
 * @throws InputError if that is ambiguous.
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
      `expected a container of the tasks of ${name} (${[...names].join(', ')})`,
    );
  }
  if (names.size <= 1) return undefined;
  if (names.has(name)) return name;
  const { definition } = await readTaskDefinition(context, service.taskDefinition ?? '');
  return mainContainer(definition, factsOf(service, name), 'image').name;
}

/** The distinct images of one container of the tasks. */
function imagesOf(tasks: readonly Task[], container: string | undefined): RunningImage[] {
  const images = tasks.flatMap(({ containers = [] }) => {
    const found = container === undefined ? containers[0] : containers.find(({ name }) => name === container);
    const { image: reference = '', imageDigest } = found ?? {};
    const digest = imageDigest ?? digestIn(reference);
    return digest === undefined ? [] : [{ reference, digest }];
  });
  return [...new Map(images.map((image) => [`${image.reference} ${image.digest}`, image])).values()];
}

/** Why the service is not steady; empty if it is. */
function unsteadyReason(service: Service): string {
  const { deployments = [], runningCount = 0, desiredCount = 0 } = service;
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  if (!primary) return 'it has no deployment';
  if (isDeploying(service)) return 'a deployment is in progress';
  if (primary.rolloutState === 'FAILED') return 'its last deployment failed';
  return runningCount === desiredCount ? '' : `${outOf(runningCount, desiredCount, 'task')} running`;
}

function isDeploying({ deployments = [] }: Service): boolean {
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  if (!primary || deployments.length > 1) return primary !== undefined;
  return !['COMPLETED', 'FAILED'].includes(primary.rolloutState ?? 'COMPLETED');
}

/** When the deployment completed or, without service deployments, when it last changed. */
function steadySince(
  { currentServiceDeployment, deployments = [] }: Service,
  ends: ReadonlyMap<string, Date>,
): Date | undefined {
  const end = ends.get(currentServiceDeployment ?? '');
  if (end) return end;
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  return primary?.updatedAt ?? primary?.createdAt;
}

/**
 * The running tasks of services. For a few services, tasks are listed by service; for many, all tasks of the cluster
 * are listed, unless other services have so many that this would take more calls.
 */
async function runningTasks(place: ServicePlace, services: readonly Service[]): Promise<Task[]> {
  const { cluster, context } = place;
  const wanted = services.filter(({ runningCount = 0, desiredCount = 0 }) => runningCount + desiredCount > 0);
  const count = wanted.reduce(
    (sum, { runningCount = 0, desiredCount = 0 }) => sum + Math.max(runningCount, desiredCount),
    0,
  );
  const maxPages = Math.min(wanted.length - 1, Math.ceil(count / TASKS_PER_PAGE) + 1);
  const arns = (await listClusterTasks(context, cluster, maxPages)) ?? (await listEach(place, wanted));
  const tasks = await describeTasks(context, cluster, arns);
  return tasks.filter(({ lastStatus = 'RUNNING' }) => lastStatus === 'RUNNING');
}

async function listEach({ cluster, context }: ServicePlace, services: readonly Service[]): Promise<string[]> {
  const lists = await Promise.all(
    services.map(({ serviceName: service = '' }) => listTasks(context, { cluster, service }, 'RUNNING')),
  );
  return lists.flat();
}

/** When the deployments of services finished, by ARN. */
async function deploymentEnds(
  { context }: ServicePlace,
  services: readonly Service[],
): Promise<Map<string, Date>> {
  const arns = services.flatMap(({ currentServiceDeployment: arn }) => (arn === undefined ? [] : [arn]));
  const found = await Promise.all(
    arns.map(async (arn) => {
      try {
        return await describeServiceDeployment(context, arn);
      } catch (error) {
        // The endpoint does not support service deployments, or the role lacks the permission. The service reports when
        // its deployment last changed, which is never before it finished.
        context.signal.throwIfAborted();
        context.log.debug(`Cannot read a service deployment: ${reasonOf(error)}`);
        return {};
      }
    }),
  );
  return new Map(
    found.flatMap(({ serviceDeploymentArn = '', finishedAt }) =>
      finishedAt ? [[serviceDeploymentArn, finishedAt] as const] : [],
    ),
  );
}
