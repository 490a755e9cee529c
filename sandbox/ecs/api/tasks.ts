import { type Input, listOf, paginate, textOf } from '../../protocols/service.ts';
import {
  clusterNamed,
  type EcsOperation,
  invalidParameter,
  lastPart,
  serviceNamed,
  usableTaskDefinition,
} from '../lookup.ts';
import type { Cluster, Container, ContainerInstance, Ecs, Given, Task } from '../model.ts';
import { newTask, startTask } from '../tasks/lifecycle.ts';
import {
  checkPlacement,
  hostPortOf,
  instancesOf,
  isOnInstances,
  placeTask,
  withCapacity,
} from '../tasks/placement.ts';
import { TaskStop, type TaskWatcher } from '../tasks/running-task.ts';
import { tagsOf } from './tags.ts';

const MAX_PER_PAGE = 100;
const MAX_PER_CALL = 10;
/** A task without a service is not replaced. */
const UNWATCHED: TaskWatcher = {
  onHealthy: () => undefined,
  onStopping: () => undefined,
  onStopped: () => undefined,
};

export const TASK_OPERATIONS: Record<string, EcsOperation> = {
  ListTasks(ecs, input) {
    const found = listed(ecs, clusterNamed(ecs, input.cluster), input);
    const { items, nextToken } = paginate(found, {
      token: input.nextToken,
      limit: input.maxResults,
      most: MAX_PER_PAGE,
    });
    return { taskArns: items.map(({ arn }) => arn), nextToken };
  },

  DescribeTasks(ecs, input) {
    const cluster = clusterNamed(ecs, input.cluster);
    const arns = listOf(input.tasks).map((given) => taskArn(ecs, cluster, given));
    if (arns.length === 0) throw invalidParameter('Tasks cannot be empty.');
    if (arns.length > MAX_PER_PAGE) throw invalidParameter('Tasks cannot have more than 100 elements.');
    const tags = listOf(input.include).includes('TAGS');
    return {
      tasks: arns.flatMap((arn) => {
        const task = ecs.tasks.get(arn);
        return task ? [describeTask(task, { tags })] : [];
      }),
      failures: arns.flatMap((arn) => (ecs.tasks.has(arn) ? [] : [{ arn, reason: 'MISSING' }])),
    };
  },

  RunTask(ecs, input) {
    const place = runPlace(ecs, withCapacity(clusterNamed(ecs, input.cluster), input));
    if (typeof place === 'string') return { tasks: [], failures: [{ reason: place }] };
    const tasks = runTasks(ecs, input, place);
    return { tasks: tasks.map((task) => describeTask(task, { tags: true })), failures: [] };
  },

  StopTask(ecs, input) {
    const cluster = clusterNamed(ecs, input.cluster);
    const task = ecs.tasks.get(taskArn(ecs, cluster, input.task));
    if (!task) throw invalidParameter('The referenced task was not found.');
    task.desiredStatus = 'STOPPED';
    task.stop.abort(new TaskStop('UserInitiated', textOf(input.reason) ?? 'Task stopped by user'));
    return { task: describeTask(task) };
  },
};

/** The instance for a task on EC2, or the reason in RunTask's failures. */
function runPlace(ecs: Ecs, input: Input): ContainerInstance | string | undefined {
  if (!isOnInstances(input)) return undefined;
  const cluster = clusterNamed(ecs, input.cluster);
  if (instancesOf(ecs, cluster).length === 0) {
    throw invalidParameter('No Container Instances were found in your cluster.');
  }
  const place = placeTask(ecs, cluster, usableTaskDefinition(ecs, input.taskDefinition));
  if (typeof place !== 'string') return place;
  return place.includes('memory') ? 'RESOURCE:MEMORY' : 'RESOURCE:PORTS';
}

/** Starts tasks. Throws RunTask's errors. */
export function runTasks(ecs: Ecs, request: Input, place?: ContainerInstance): Task[] {
  const cluster = clusterNamed(ecs, request.cluster);
  const input = withCapacity(cluster, request);
  const definition = usableTaskDefinition(ecs, input.taskDefinition);
  const count = Number(input.count ?? 1);
  if (count < 1 || count > MAX_PER_CALL) throw invalidParameter('The count must be between 1 and 10.');
  const network = input.networkConfiguration as { awsvpcConfiguration?: { subnets?: string[] } } | undefined;
  checkPlacement(definition, input);
  const startedBy = textOf(input.startedBy);
  checkOverrides(
    input.overrides as Given | undefined,
    definition.containers.map(({ name }) => name),
  );
  const tasks = Array.from({ length: count }, () =>
    newTask(ecs, {
      cluster,
      definition,
      group: textOf(input.group) ?? `family:${definition.family}`,
      subnets: network?.awsvpcConfiguration?.subnets ?? [],
      ...(startedBy !== undefined && { startedBy }),
      overrides: (input.overrides ?? {}) as Given,
      tags: tagsOf(input.tags),
      given: { enableExecuteCommand: input.enableExecuteCommand ?? false, launchType: input.launchType },
      ...(place && { instance: place }),
    }),
  );
  for (const task of tasks) startTask(task, UNWATCHED);
  return tasks;
}

function checkOverrides(overrides: Given | undefined, names: readonly string[]): void {
  for (const { name } of listOf(overrides?.['containerOverrides']) as { name?: string }[]) {
    if (name !== undefined && names.includes(name)) continue;
    throw invalidParameter(
      `Override for container named ${name ?? ''} is not a container in the TaskDefinition.`,
    );
  }
}

function listed(ecs: Ecs, cluster: Cluster, input: Input): Task[] {
  const { startedBy, family, desiredStatus = 'RUNNING' } = input;
  const service = input.serviceName === undefined ? undefined : serviceNamed(ecs, cluster, input.serviceName);
  return [...ecs.tasks.values()].filter(
    (task) =>
      task.cluster === cluster &&
      task.desiredStatus === desiredStatus &&
      (service === undefined || task.service === service) &&
      (startedBy === undefined || task.startedBy === startedBy) &&
      (family === undefined || task.definition.family === family),
  );
}

function taskArn(ecs: Ecs, cluster: Cluster, given: unknown): string {
  return ecs.arn(`task/${cluster.name}/${lastPart(textOf(given) ?? '')}`);
}

/** A task in the responses of DescribeTasks, RunTask and StopTask. */
function describeTask(task: Task, options: { tags?: boolean } = {}): object {
  const { definition, given } = task;
  return {
    ...(task.instance
      ? {
          launchType: 'EC2',
          containerInstanceArn: task.ecs.arn(`container-instance/${task.cluster.name}/${task.instance.id}`),
        }
      : { launchType: 'FARGATE', platformVersion: '1.4.0', platformFamily: 'Linux' }),
    taskArn: task.arn,
    clusterArn: task.cluster.arn,
    taskDefinitionArn: definition.arn,
    group: task.group,
    startedBy: task.startedBy,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    availabilityZone: `${task.ecs.region}a`,
    connectivity: 'CONNECTED',
    cpu: definition.given['cpu'],
    memory: definition.given['memory'],
    ephemeralStorage: { sizeInGiB: 20 },
    enableExecuteCommand: given['enableExecuteCommand'] ?? false,
    healthStatus: healthOf(task),
    attachments: hasInterface(task) ? [networkInterface(task)] : [],
    attributes: [{ name: 'ecs.cpu-architecture', value: architectureOf(task) }],
    containers: task.containers.map((container) => describeContainer(task, container)),
    overrides: { containerOverrides: [], ...task.overrides },
    createdAt: task.createdAt,
    pullStartedAt: task.pullStartedAt,
    pullStoppedAt: task.pullStoppedAt,
    startedAt: task.startedAt,
    stoppingAt: task.stoppingAt,
    executionStoppedAt: task.executionStoppedAt,
    stoppedAt: task.stoppedAt,
    stopCode: task.stopCode,
    stoppedReason: task.stoppedReason,
    version: 1,
    ...(options.tags && { tags: task.tags }),
  };
}

function healthOf({ containers }: Task): string {
  const checked = containers.filter(({ definition }) => definition.healthCheck);
  if (checked.some(({ healthStatus }) => healthStatus === 'UNHEALTHY')) return 'UNHEALTHY';
  return checked.length > 0 && checked.every(({ healthStatus }) => healthStatus === 'HEALTHY')
    ? 'HEALTHY'
    : 'UNKNOWN';
}

function architectureOf({ definition }: Task): string {
  const platform = definition.given['runtimePlatform'] as { cpuArchitecture?: string } | undefined;
  return platform?.cpuArchitecture === 'ARM64' ? 'arm64' : 'x86_64';
}

/** Only awsvpc gives a task its own address. */
function hasInterface({ instance, definition }: Task): boolean {
  return !instance || definition.given['networkMode'] === 'awsvpc';
}

function bindingsOf(task: Task, { definition }: Container): object[] {
  return (definition.portMappings ?? []).flatMap(({ containerPort = 0 }) => {
    const hostPort = hostPortOf(task, containerPort);
    return hostPort === undefined ? [] : [{ bindIP: '0.0.0.0', containerPort, hostPort, protocol: 'tcp' }];
  });
}

function networkInterface(task: Task): object {
  return {
    id: task.attachmentId,
    type: 'ElasticNetworkInterface',
    status:
      task.lastStatus === 'PROVISIONING'
        ? 'PRECREATED'
        : task.lastStatus === 'STOPPED'
          ? 'DELETED'
          : 'ATTACHED',
    details: [
      { name: 'subnetId', value: task.subnet },
      { name: 'networkInterfaceId', value: task.interfaceId },
      { name: 'privateIPv4Address', value: task.address },
    ],
  };
}

function describeContainer(task: Task, container: Container): object {
  const { definition } = container;
  return {
    containerArn: container.arn,
    taskArn: task.arn,
    name: definition.name,
    image: container.image,
    imageDigest: container.imageDigest,
    runtimeId: container.imageDigest === undefined ? undefined : `${task.id}-${container.arn.slice(-10)}`,
    lastStatus: container.lastStatus,
    exitCode: container.exitCode,
    reason: container.reason,
    healthStatus: container.healthStatus,
    networkBindings: bindingsOf(task, container),
    networkInterfaces: hasInterface(task)
      ? [{ attachmentId: task.attachmentId, privateIpv4Address: task.address }]
      : [],
    cpu: textOf(definition['cpu']) ?? '0',
    memory: textOf(definition['memory']),
  };
}
