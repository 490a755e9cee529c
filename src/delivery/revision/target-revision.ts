import type { Service } from '@aws-sdk/client-ecs';
import { InputError } from '../../core/errors.ts';
import {
  applyChanges,
  factsOf,
  releasedContainers,
  type ServiceFacts,
} from '../../ecs/task-definition/changes.ts';
import { type ChangedField, secretValues, taskDefinitionDiff } from '../../ecs/task-definition/diff.ts';
import { imageLine, readTaskDefinitionFile } from '../../ecs/task-definition/file.ts';
import { imageProblem } from '../../images/registry/image-problem.ts';
import { DOCKER_HUB, parseReference, registryIn } from '../../images/registry/reference.ts';
import {
  readNewestRevision,
  readTaskDefinition,
  type RegisteredTaskDefinition,
} from '../../ecs/task-definition/revisions.ts';
import {
  revisionName,
  type TaskDefinition,
  type TaskDefinitionChanges,
  type TaskDefinitionSource,
} from '../../ecs/task-definition/task-definition.ts';
import { imagesByTag, pinImages, type UnpinnedImages } from '../release/images.ts';
import type { ServiceContext, ServiceRequest } from '../release/request.ts';

/** A task definition, and the revision that already contains it. */
interface Revision {
  definition: TaskDefinition;
  /** Undefined if it must be registered. */
  arn?: string;
}

/** The requested revision. */
export interface DesiredRevision extends Revision {
  unpinned: UnpinnedImages;
}

/** The revision to deploy to a service. */
export interface TargetRevision extends DesiredRevision {
  previous: RegisteredTaskDefinition;
  changes: readonly ChangedField[];
}

/** The base of a revision and its changes. */
interface RevisionRequest {
  source: TaskDefinitionSource;
  changes: TaskDefinitionChanges;
  /** The main container, if named. */
  container?: string;
}

/**
 * The requested revision, and how it differs from the service's own. Nothing is registered.
 *
 * @throws InputError; an error if a revision does not exist.
 */
export async function targetRevision(
  context: ServiceContext,
  service: Service,
  request: RevisionRequest,
): Promise<TargetRevision> {
  const previous = await readRevision(context, service.taskDefinition ?? '');
  const facts = factsOf(service, service.serviceName ?? '', request.container);
  const desired = await desiredRevision(context, request, { facts, running: previous });
  return { ...desired, previous, changes: taskDefinitionDiff(previous.definition, desired.definition) };
}

/**
 * The requested revision. If it is identical to the running one or to its base, it is not registered again.
 *
 * @param running the service's revision; undefined without a service.
 * @throws InputError; an error if a revision does not exist.
 */
export async function desiredRevision(
  context: ServiceContext,
  { source, changes }: RevisionRequest,
  { facts, running }: { facts: ServiceFacts; running?: RegisteredTaskDefinition },
): Promise<DesiredRevision> {
  const base = await readSource(context, source, running);
  const { definition: started, arn } = base;
  if (source.kind === 'revision' || source.kind === 'current') {
    return { definition: started, ...(arn !== undefined && { arn }), unpinned: new Map() };
  }
  const changed = applyChanges(started, changes, facts);
  if (source.kind === 'file') await requireImages(source, changed);
  requireRegistries(changed, running, changes);
  const all = new Set(changed.containerDefinitions.map(({ name }) => name));
  const released = source.kind === 'service' ? releasedContainers(changed, changes, facts) : all;
  const { definition, unpinned } = await pinImages(context, changed, released);
  maskSecrets(context, definition);
  const same = [running, base].find(
    (one) => one?.arn !== undefined && taskDefinitionDiff(one.definition, definition).length === 0,
  );
  return { definition, unpinned, ...(same?.arn !== undefined && { arn: same.arn }) };
}

/** @throws InputError for a container of a file with an invalid image, unless another image is given for it. */
async function requireImages(
  { path, shown = path }: Extract<TaskDefinitionSource, { kind: 'file' }>,
  { containerDefinitions }: TaskDefinition,
): Promise<void> {
  for (const { name, image } of containerDefinitions) {
    const problem = imageProblem(image);
    if (problem === undefined) continue;
    const at = { file: shown, line: await imageLine(path, name) };
    const fix = `Set the image of ${name} in images or in ${shown}.`;
    throw new InputError('task-definition', image, problem, { at, fix });
  }
}

/**
 * Throws InputError for an image that names a repository of the running task definition without its registry: Docker
 * resolves such a name to Docker Hub.
 */
function requireRegistries(
  { containerDefinitions }: TaskDefinition,
  running: RegisteredTaskDefinition | undefined,
  { image: mainImage }: TaskDefinitionChanges,
): void {
  for (const { name, image } of containerDefinitions) {
    const given = parseReference(image);
    const now = running?.definition.containerDefinitions.find((one) => one.name === name)?.image ?? '';
    const known = parseReference(now);
    if (!given || !known || registryIn(given.name) !== undefined || known.registry === DOCKER_HUB) continue;
    if (given.name !== known.path) continue;
    const expected =
      `expected an image with its registry, such as ${known.registry}/${image}. An image without one is pulled from Docker Hub` as const;
    throw new InputError(image === mainImage ? 'image' : 'images', image, expected);
  }
}

/**
 * Tags of the service's images that may have been moved since the deployment: their digest is unknown, or an existing
 * revision is deployed as it is. Empty after a rollout by a stack and for a rollback, which must not bring in a newer
 * image.
 */
export function movedTags(
  { rolledOutOver, order, source }: ServiceRequest,
  { taskDefinition }: Service,
  { arn, definition, unpinned }: TargetRevision,
): string[] {
  if (arn !== taskDefinition || rolledOutOver !== undefined || order === undefined) return [];
  return source.kind === 'revision' ? imagesByTag(definition) : [...unpinned.keys()];
}

async function readSource(
  context: ServiceContext,
  source: TaskDefinitionSource,
  running: RegisteredTaskDefinition | undefined,
): Promise<Revision> {
  switch (source.kind) {
    case 'revision':
      return await activeRevision(context, source.revision);
    case 'family':
      return masked(context, await readNewestRevision(context, source.family));
    case 'file': {
      const definition = await readTaskDefinitionFile(source.path, source.shown);
      maskSecrets(context, definition);
      return { definition };
    }
    default:
      if (!running) throw new InputError('service', '', 'expected the service whose revision to start from');
      return running;
  }
}

async function activeRevision(context: ServiceContext, revision: string): Promise<Revision> {
  const found = await readRevision(context, revision);
  if (found.active) return found;
  const allowed =
    'expected an active revision. This one was deregistered, and ECS does not start tasks of it';
  throw new InputError('task-definition-arn', revisionName(found.arn), allowed);
}

async function readRevision(context: ServiceContext, revision: string): Promise<RegisteredTaskDefinition> {
  return masked(context, await readTaskDefinition(context, revision));
}

function masked(context: ServiceContext, found: RegisteredTaskDefinition): RegisteredTaskDefinition {
  maskSecrets(context, found.definition);
  return found;
}

/** Masks the values of variables with secret-like names, in every log from now on. */
function maskSecrets({ log }: ServiceContext, definition: TaskDefinition): void {
  for (const value of secretValues(definition)) log.secret(value);
}
