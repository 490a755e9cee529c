import {
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionRequest,
} from '@aws-sdk/client-ecs';
import { classify } from '../../aws/errors.ts';
import { ReadOnce } from '../../aws/reads.ts';
import { send } from '../../aws/send.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import type { EcsContext } from '../service.ts';
import { rawResponse, rawInput } from './file.ts';
import { registrable, revisionName, revisionNumber, type TaskDefinition } from './task-definition.ts';

export interface RegisteredTaskDefinition {
  arn: string;
  /** In the form in which it can be registered again. */
  definition: TaskDefinition;
  /** False if it was deregistered. */
  active: boolean;
  /** Whether update-service registered it. */
  isOwn: boolean;
  registeredAt?: Date;
}

/** The tag of revisions that update-service registers. It is not part of the definition and is never compared. */
const OWN_TAG = { key: 'platform:registered-by', value: 'update-service' };
/** @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions */
const MAX_TAGS = 50;

/** A revision never changes, except for its tags and status. */
const known = new ReadOnce<ECSClient, RegisteredTaskDefinition>();

/** Reads a revision with its tags, once. @throws PlatformError if it does not exist. */
export async function readTaskDefinition(
  context: EcsContext,
  revision: string,
): Promise<RegisteredTaskDefinition> {
  const client = await context.ecs();
  if (!/:\d+$/.test(revision)) {
    // A family without a revision number means its latest revision.
    const newest = await describeTaskDefinition(client, context, revision);
    known.keep(client, revisionName(newest.arn), newest);
    return newest;
  }
  const name = revisionName(revision);
  return await known.get(client, name, context, () => describeTaskDefinition(client, context, revision));
}

async function describeTaskDefinition(
  client: ECSClient,
  context: EcsContext,
  revision: string,
): Promise<RegisteredTaskDefinition> {
  const command = new DescribeTaskDefinitionCommand({ taskDefinition: revision, include: ['TAGS'] });
  const raw = rawResponse(command);
  const response = await send(client, command, context).catch((error: unknown) => {
    // ECS distinguishes a missing revision from other invalid requests only in the message.
    if (classify(error) !== 'validation' && classify(error) !== 'not-found') throw error;
    throw new PlatformError('not-found', `the task definition ${revision} does not exist`, { cause: error });
  });
  const { taskDefinition = {}, tags = [] } = raw() as { taskDefinition?: object; tags?: Tag[] };
  const definition = registrable({ ...taskDefinition });
  // Tags of AWS cannot be set.
  const given = tags.filter(({ key = '' }) => !key.startsWith('aws:') && key !== OWN_TAG.key);
  if (given.length > 0) definition.tags = given;
  const { taskDefinitionArn: arn = revision, status, registeredAt } = response.taskDefinition ?? {};
  return {
    arn,
    definition,
    active: status !== 'INACTIVE' && status !== 'DELETE_IN_PROGRESS',
    isOwn: tags.some(({ key }) => key === OWN_TAG.key),
    ...(registeredAt && { registeredAt }),
  };
}

/**
 * Reads the latest active revision of a family.
 *
 * @throws PlatformError if the family has no active revision.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html "The family for the
 * latest ACTIVE revision"
 */
export async function readNewestRevision(
  context: EcsContext,
  family: string,
): Promise<RegisteredTaskDefinition> {
  return await readTaskDefinition(context, family).catch((error: unknown) => {
    if (!(error instanceof PlatformError) || error.code !== 'not-found') throw error;
    const message = `the family ${family} has no active task definition`;
    throw new PlatformError('not-found', message, { cause: error });
  });
}

type Tag = NonNullable<TaskDefinition['tags']>[number];

/**
 * Registers a revision with our tag, and returns its ARN. A role without permission to tag registers it without the
 * tag, because a permission that callers did not need so far must not fail their deployments.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html "Users must have
 * permissions for actions that create a resource, such as ecsCreateCluster. If tags are specified in the
 * resource-creating action, AWS performs additional authorization"
 */
export async function registerTaskDefinition(
  context: EcsContext,
  definition: TaskDefinition,
): Promise<string> {
  const { tags = [] } = definition;
  if (tags.length >= MAX_TAGS) return await sendRegistration(context, definition);
  try {
    return await sendRegistration(context, { ...definition, tags: [...tags, OWN_TAG] });
  } catch (error) {
    if (classify(error) !== 'denied' || tags.length > 0) throw error;
    context.log.debug(`Registering without tags, because the role cannot set them: ${reasonOf(error)}`);
    return await sendRegistration(context, definition);
  }
}

async function sendRegistration(context: EcsContext, definition: TaskDefinition): Promise<string> {
  const client = await context.ecs();
  const command = new RegisterTaskDefinitionCommand(definition as unknown as RegisterTaskDefinitionRequest);
  rawInput(command, definition);
  const { taskDefinition } = await send(client, command, context);
  const arn = taskDefinition?.taskDefinitionArn;
  if (arn === undefined) {
    const message = 'RegisterTaskDefinition returned no task definition';
    throw new PlatformError('service-unavailable', message);
  }
  return arn;
}

/** All active revisions of a family, the newest first. */
export async function revisionsOf(context: EcsContext, family: string): Promise<string[]> {
  const arns: string[] = [];
  for await (const arn of listRevisions(context, family, 'DESC')) arns.push(arn);
  return arns.toSorted((a, b) => revisionNumber(b) - revisionNumber(a));
}

/**
 * The oldest active revisions of a family, the oldest first, without the newest ones. Only as much of the list is read
 * as needed, because it may have thousands of revisions.
 *
 * @param limits.keep how many of the newest to leave out.
 * @param limits.max how many to return.
 */
export async function oldestRevisions(
  context: EcsContext,
  family: string,
  { keep, max }: { keep: number; max: number },
): Promise<string[]> {
  const found: string[] = [];
  for await (const arn of listRevisions(context, family, 'ASC')) {
    found.push(arn);
    if (found.length >= keep + max) break;
  }
  return found.toSorted((a, b) => revisionNumber(a) - revisionNumber(b)).slice(0, -keep || undefined);
}

/** The active revisions of a family, sorted by number. The prefix also matches longer family names. */
async function* listRevisions(
  context: EcsContext,
  family: string,
  sort: 'ASC' | 'DESC',
): AsyncGenerator<string> {
  const client = await context.ecs();
  let nextToken: string | undefined;
  do {
    const which = { familyPrefix: family, status: 'ACTIVE' as const, sort, nextToken };
    const page = await send(client, new ListTaskDefinitionsCommand(which), context);
    yield* (page.taskDefinitionArns ?? []).filter((arn) => arn.includes(`/${family}:`));
    nextToken = page.nextToken;
  } while (nextToken !== undefined && nextToken !== '');
}

/** Deregisters revisions one by one, so that no task or deployment can start from them. Yields each one when done. */
export async function* deregisterRevisions(
  context: EcsContext,
  arns: readonly string[],
): AsyncGenerator<string> {
  const client = await context.ecs();
  for (const taskDefinition of arns) {
    await send(client, new DeregisterTaskDefinitionCommand({ taskDefinition }), context);
    yield taskDefinition;
  }
}
