import type { Ecs } from './ecs.ts';
import type { Cluster, Deployment, Given, Service, Tag, Task, TaskDefinition } from './model.ts';

export interface TaskRequest {
  cluster: Cluster;
  definition: TaskDefinition;
  group: string;
  subnets: readonly string[];
  service?: Service;
  deployment?: Deployment;
  startedBy?: string;
  overrides?: Given;
  tags?: Tag[];
  given?: Given;
}

/** A task that is about to be provisioned; ECS knows it from now on. */
export function newTask(ecs: Ecs, request: TaskRequest): Task {
  const { cluster, definition, subnets, group } = request;
  const { world } = ecs;
  const id = ecs.newTaskId();
  const task: Task = {
    ecs,
    arn: ecs.arn(`task/${cluster.name}/${id}`),
    id,
    cluster,
    definition,
    ...(request.service && { service: request.service }),
    ...(request.deployment && { deployment: request.deployment }),
    group,
    ...(request.startedBy !== undefined && { startedBy: request.startedBy }),
    lastStatus: 'PROVISIONING',
    desiredStatus: 'RUNNING',
    containers: definition.containers.map((container) => ({
      definition: container,
      arn: ecs.arn(`container/${cluster.name}/${id}/${world.newUuid()}`),
      image: container.image,
      lastStatus: 'PENDING',
      healthStatus: 'UNKNOWN',
    })),
    address: newAddress(ecs),
    subnet: subnets[ecs.tasks.size % Math.max(1, subnets.length)] ?? 'subnet-00000000000000000',
    interfaceId: world.newId('eni'),
    attachmentId: world.newUuid(),
    overrides: request.overrides ?? {},
    tags: request.tags ?? [],
    given: request.given ?? {},
    createdAt: world.clock.now(),
    healthy: false,
    stop: new AbortController(),
  };
  ecs.tasks.set(task.arn, task);
  return task;
}

/** Of a private network; the next one for each task. */
function newAddress(ecs: Ecs): string {
  const number = ecs.tasks.size + 10;
  return `10.0.${String(Math.floor(number / 250) % 250)}.${String((number % 250) + 4)}`;
}
