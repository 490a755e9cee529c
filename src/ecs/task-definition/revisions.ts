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
import { rawAnswer, rawInput } from './file.ts';
import { registrable, revisionName, revisionNumber, type TaskDefinition } from './task-definition.ts';

export interface RegisteredTaskDefinition {
  arn: string;
  /** As it can be registered again. */
  definition: TaskDefinition;
  /** False when it was deregistered. */
  active: boolean;
  /** Whether this suite registered it. */
  isOwn: boolean;
  registeredAt?: Date;
}

/** The tag of the revisions that this suite registers. It is no part of a definition, and never compared. */
const OWN_TAG = { key: 'platform:registered-by', value: 'update-service' };
/** @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions */
const MOST_TAGS = 50;

/** A revision never changes, but for its tags and for whether it is active. */
const known = new ReadOnce<ECSClient, RegisteredTaskDefinition>();

/** Reads a revision with its tags, once. Throws an error that names it when it does not exist. */
export async function readTaskDefinition(
  context: EcsContext,
  revision: string,
): Promise<RegisteredTaskDefinition> {
  const client = await context.ecs();
  if (!/:\d+$/.test(revision)) {
    // A family alone is its newest revision.
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
  const raw = rawAnswer(command);
  const answer = await send(client, command, context).catch((error: unknown) => {
    // ECS tells a missing revision from other bad requests only in words.
    if (classify(error) !== 'validation' && classify(error) !== 'not-found') throw error;
    throw new PlatformError('not-found', `there is no task definition ${revision}`, { cause: error });
  });
  const { taskDefinition = {}, tags = [] } = raw() as { taskDefinition?: object; tags?: Tag[] };
  const definition = registrable({ ...taskDefinition });
  // Tags of AWS itself cannot be given.
  const given = tags.filter(({ key = '' }) => !key.startsWith('aws:') && key !== OWN_TAG.key);
  if (given.length > 0) definition.tags = given;
  const { taskDefinitionArn: arn = revision, status, registeredAt } = answer.taskDefinition ?? {};
  return {
    arn,
    definition,
    active: status !== 'INACTIVE' && status !== 'DELETE_IN_PROGRESS',
    isOwn: tags.some(({ key }) => key === OWN_TAG.key),
    ...(registeredAt && { registeredAt }),
  };
}

/**
 * Reads the newest active revision of a family. Throws an error that names the family when there is none.
 *
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
 * Registers a revision with the tag of this suite, and gives its ARN. A role that may not tag registers it without: a
 * permission that callers did not need so far must not fail their deployments.
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
  if (tags.length >= MOST_TAGS) return await sendRegistration(context, definition);
  try {
    return await sendRegistration(context, { ...definition, tags: [...tags, OWN_TAG] });
  } catch (error) {
    if (classify(error) !== 'denied' || tags.length > 0) throw error;
    context.log.debug(`Registering without tags, which the role may not set: ${reasonOf(error)}`);
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
    throw new PlatformError('service-unavailable', 'RegisterTaskDefinition answered without a revision');
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
 * Active revisions of a family beyond the newest ones, the oldest first. Their list is read from its old end, and no
 * further than is needed: it may have thousands.
 *
 * @param limits.keep how many of the newest are left out.
 * @param limits.most how many are given.
 */
export async function oldestRevisions(
  context: EcsContext,
  family: string,
  { keep, most }: { keep: number; most: number },
): Promise<string[]> {
  const found: string[] = [];
  for await (const arn of listRevisions(context, family, 'ASC')) {
    found.push(arn);
    if (found.length >= keep + most) break;
  }
  return found.toSorted((a, b) => revisionNumber(a) - revisionNumber(b)).slice(0, -keep || undefined);
}

/** The active revisions of a family, in the order of their numbers. The prefix matches longer families too. */
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

/** Deregisters revisions one after the other: no task and no deployment can be started of them any more. Gives each that is. */
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
