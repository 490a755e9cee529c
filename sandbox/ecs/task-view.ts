import { textOf } from '../service.ts';
import type { Container, Task } from './model.ts';

/** A task as DescribeTasks, RunTask and StopTask give it. */
export function shownTask(task: Task, options: { tags?: boolean } = {}): object {
  const { definition, given } = task;
  return {
    launchType: 'FARGATE',
    platformVersion: '1.4.0',
    platformFamily: 'Linux',
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
    attachments: [networkInterface(task)],
    attributes: [{ name: 'ecs.cpu-architecture', value: architectureOf(task) }],
    containers: task.containers.map((container) => shownContainer(task, container)),
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

function shownContainer(task: Task, container: Container): object {
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
    networkBindings: [],
    networkInterfaces: [{ attachmentId: task.attachmentId, privateIpv4Address: task.address }],
    cpu: textOf(definition['cpu']) ?? '0',
    memory: textOf(definition['memory']),
  };
}
