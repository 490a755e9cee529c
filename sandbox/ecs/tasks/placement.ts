import { invalidParameter } from '../lookup.ts';
import type { Cluster, ContainerInstance, Ecs, Given, Service, Task, TaskDefinition } from '../model.ts';

/** Whether tasks with these settings run on container instances. */
export function isOnInstances({ launchType, capacityProviderStrategy }: Given): boolean {
  if (launchType !== undefined) return launchType !== 'FARGATE';
  const [first] = (capacityProviderStrategy ?? []) as { capacityProvider?: string }[];
  return first !== undefined && !(first.capacityProvider ?? '').startsWith('FARGATE');
}

/**
 * The settings of a service or task with the capacity that it gets if it names none: that of the cluster's default strategy,
 * or else of container instances.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html "If no capacityProviderStrategy or
 *   launchType is specified, the defaultCapacityProviderStrategy for the cluster is used."
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/12566 EC2 without a default strategy
 */
export function withCapacity<T extends Given>({ given }: Cluster, settings: T): T {
  const { launchType, capacityProviderStrategy: own } = settings;
  if (launchType !== undefined || own !== undefined) return settings;
  const { defaultCapacityProviderStrategy: usual } = given;
  const hasDefault = Array.isArray(usual) && usual.length > 0;
  return { ...settings, ...(hasDefault ? { capacityProviderStrategy: usual } : { launchType: 'EC2' }) };
}

/** The instances of a cluster: each cluster has all of the scenario's. */
export function instancesOf(ecs: Ecs, cluster: Cluster): readonly ContainerInstance[] {
  const key = `ecs-instances/${cluster.name}`;
  return ecs.world.store(ecs.account, ecs.region, key, () =>
    (ecs.world.scenario.ecs?.instances ?? []).map(({ memory }) => ({
      id: ecs.newTaskId(),
      ec2InstanceId: ecs.world.newId('i'),
      memory,
    })),
  );
}

/**
 * The instance for a task, or the reason why there is none, in ECS's words. A daemon has one task per instance.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
 */
export function placeTask(
  ecs: Ecs,
  cluster: Cluster,
  definition: TaskDefinition,
  service?: Service,
): ContainerInstance | string {
  const running = [...ecs.tasks.values()].filter(({ lastStatus }) => lastStatus !== 'STOPPED');
  let problem =
    'was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.';
  for (const instance of instancesOf(ecs, cluster)) {
    const there = running.filter((task) => task.instance === instance);
    if (isDaemon(service) && there.some((task) => task.service === service)) continue;
    const lacks = lacking(instance, definition, there);
    if (lacks === undefined) return instance;
    problem = `was unable to place a task because no container instance met all of its requirements. The closest matching container-instance ${instance.id} ${lacks}.`;
  }
  return problem;
}

export function isDaemon(service: Service | undefined): boolean {
  return service?.given['schedulingStrategy'] === 'DAEMON';
}

function lacking(
  { memory }: ContainerInstance,
  definition: TaskDefinition,
  there: readonly Task[],
): string | undefined {
  const free = memory - there.reduce((sum, task) => sum + memoryOf(task.definition), 0);
  if (memoryOf(definition) > free) return 'has insufficient memory available';
  const taken = new Set(there.flatMap((task) => fixedPorts(task.definition)));
  return fixedPorts(definition).some((port) => taken.has(port))
    ? 'is already using a port required by your task'
    : undefined;
}

function memoryOf({ given, containers }: TaskDefinition): number {
  if (given['memory'] !== undefined) return Number(given['memory']);
  return containers.reduce((sum, one) => sum + Number(one['memoryReservation'] ?? one['memory'] ?? 0), 0);
}

/** The host ports that a task needs exclusively. */
function fixedPorts({ given, containers }: TaskDefinition): number[] {
  const mode = given['networkMode'] ?? 'bridge';
  if (mode === 'awsvpc') return [];
  return containers
    .flatMap(({ portMappings = [] }) => portMappings)
    .map(({ hostPort = 0, containerPort = 0 }) => (mode === 'host' ? containerPort : hostPort))
    .filter((port) => port > 0);
}

/**
 * The port of an instance that forwards to the first port of a container. Undefined for a task with its own address.
 */
export function hostPortOf(
  { definition, ecs, instance, id }: Task,
  containerPort: number,
): number | undefined {
  const mode = definition.given['networkMode'] ?? 'bridge';
  if (!instance || mode === 'awsvpc') return undefined;
  const mapping = definition.containers
    .flatMap(({ portMappings = [] }) => portMappings)
    .find((port) => port.containerPort === containerPort);
  const fixed = mode === 'host' ? containerPort : (mapping?.hostPort ?? 0);
  return fixed > 0 ? fixed : 32_768 + ([...ecs.tasks.keys()].findIndex((arn) => arn.endsWith(id)) % 28_000);
}

/**
 * The checks of RunTask and of service calls for networks and capacity.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
 * @see https://github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/616
 */
export function checkPlacement(definition: TaskDefinition, input: Given): void {
  const isAwsvpc = definition.given['networkMode'] === 'awsvpc';
  if (isAwsvpc && input['networkConfiguration'] === undefined) {
    throw invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  }
  if (!isAwsvpc && input['networkConfiguration'] !== undefined) {
    throw invalidParameter(
      'Network Configuration is not valid for the given networkMode of this task definition.',
    );
  }
  const { launchType, capacityProviderStrategy: providers, platformVersion } = input;
  if (launchType !== undefined && providers !== undefined) {
    throw invalidParameter(
      'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.',
    );
  }
  if (launchType === 'EC2' && platformVersion !== undefined) {
    throw invalidParameter('The platform version must be null when specifying an EC2 launch type.');
  }
  checkLaunchType(definition, isOnInstances(input) ? 'EC2' : 'FARGATE');
}

/** @see https://github.com/aws/aws-cli/issues/3983 */
function checkLaunchType({ compatibilities }: TaskDefinition, launchType: 'EC2' | 'FARGATE'): void {
  if (compatibilities.includes(launchType)) return;
  throw invalidParameter(`Task definition does not support launch_type ${launchType}.`);
}
