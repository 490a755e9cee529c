import { type Input, listOf, paginate, textOf } from '../../protocols/service.ts';
import { clientError, type EcsOperation, findTaskDefinition, isEcrImage } from '../lookup.ts';
import type { ContainerDefinition, Ecs, Given, TaskDefinition } from '../model.ts';
import { tagsOf } from './tags.ts';
import { checkTaskDefinition } from './task-definition-rules.ts';
import { taskSize } from './task-size.ts';

const MAX_PER_PAGE = 100;

export const TASK_DEFINITION_OPERATIONS: Record<string, EcsOperation> = {
  RegisterTaskDefinition(ecs, input, call) {
    const definition = registerTaskDefinition(ecs, input, call.principalArn);
    return { taskDefinition: describeTaskDefinition(definition), tags: definition.tags };
  },

  DescribeTaskDefinition(ecs, input) {
    const definition = findTaskDefinition(ecs, input.taskDefinition);
    if (!definition) throw clientError('Unable to describe task definition.');
    const withTags = listOf(input.include).includes('TAGS');
    return {
      taskDefinition: describeTaskDefinition(definition),
      ...(withTags && { tags: definition.tags }),
    };
  },

  ListTaskDefinitions(ecs, input) {
    const { familyPrefix, status = 'ACTIVE', sort = 'ASC' } = input;
    const found = [...ecs.families.values()]
      .flat()
      .filter((one) => one.status === status && (familyPrefix === undefined || one.family === familyPrefix))
      .sort((a, b) => a.family.localeCompare(b.family) || a.revision - b.revision);
    if (sort === 'DESC') found.reverse();
    const request = { token: input.nextToken, limit: input.maxResults, most: MAX_PER_PAGE };
    const { items, nextToken } = paginate(found, request);
    return { taskDefinitionArns: items.map(({ arn }) => arn), nextToken };
  },

  DeregisterTaskDefinition(ecs, input) {
    const definition = findTaskDefinition(ecs, input.taskDefinition);
    if (!definition || !(textOf(input.taskDefinition) ?? '').includes(':')) {
      throw clientError(
        'The specified task definition does not exist. Specify a valid account, family, revision and try again.',
      );
    }
    deregisterTaskDefinition(ecs, definition);
    return { taskDefinition: describeTaskDefinition(definition) };
  },
};

/** Registers the next revision of a family. Throws ClientException if no task could run it. */
export function registerTaskDefinition(ecs: Ecs, input: Input, registeredBy: string): TaskDefinition {
  const { family: name, containerDefinitions, tags, ...given } = input;
  const family = textOf(name) ?? '';
  const containers = listOf(containerDefinitions) as ContainerDefinition[];
  Object.assign(given, taskSize(given));
  const isInEcr = (image: string): boolean => isEcrImage(ecs.world, image);
  const compatibilities = checkTaskDefinition({ family, containers, given, isInEcr });
  const revisions = ecs.families.get(family) ?? [];
  const revision = nextRevision(ecs, family);
  const definition: TaskDefinition = {
    arn: ecs.arn(`task-definition/${family}:${revision}`),
    family,
    revision,
    status: 'ACTIVE',
    containers,
    given,
    compatibilities,
    tags: tagsOf(tags),
    registeredAt: ecs.world.clock.now(),
    registeredBy,
  };
  ecs.families.set(family, [...revisions, definition]);
  return definition;
}

export function nextRevision(ecs: Ecs, family: string): number {
  return (ecs.families.get(family)?.at(-1)?.revision ?? 0) + 1;
}

/** Services keep running an inactive revision, but no new service or task may use it. */
export function deregisterTaskDefinition(ecs: Ecs, definition: TaskDefinition): void {
  if (definition.status !== 'ACTIVE') return;
  definition.status = 'INACTIVE';
  definition.deregisteredAt = ecs.world.clock.now();
}

/** AWS returns these empty lists for every task definition. */
const CONTAINER_DEFAULTS: Given = {
  cpu: 0,
  portMappings: [],
  essential: true,
  environment: [],
  mountPoints: [],
  volumesFrom: [],
};

function describeTaskDefinition(definition: TaskDefinition): object {
  const { arn, family, revision, status, containers, given, compatibilities } = definition;
  const { registeredAt, registeredBy, deregisteredAt } = definition;
  return {
    taskDefinitionArn: arn,
    containerDefinitions: containers.map((container) => ({
      ...CONTAINER_DEFAULTS,
      systemControls: [],
      ...container,
      portMappings: (container.portMappings ?? []).map((port) => ({
        // In bridge mode, an unspecified port is dynamic: API_PortMapping.
        hostPort: (given['networkMode'] ?? 'bridge') === 'bridge' ? 0 : port.containerPort,
        protocol: 'tcp',
        ...port,
      })),
    })),
    family,
    revision,
    volumes: [],
    status,
    requiresAttributes: [
      { name: 'com.amazonaws.ecs.capability.docker-remote-api.1.18' },
      { name: 'ecs.capability.task-eni' },
    ],
    placementConstraints: [],
    compatibilities,
    ...given,
    registeredAt,
    registeredBy,
    ...(deregisteredAt && { deregisteredAt }),
  };
}
