import {
  DeregisterTaskDefinitionCommand,
  DescribeTaskDefinitionCommand,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionRequest,
} from '@aws-sdk/client-ecs';
import { classify } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { PlatformError } from '../../core/errors.ts';
import type { EcsContext } from '../service.ts';
import { rawAnswer, rawInput } from './file.ts';
import { registrable, revisionNumber, type TaskDefinition } from './task-definition.ts';

export interface RegisteredTaskDefinition {
  arn: string;
  /** As it can be registered again. */
  definition: TaskDefinition;
  /** False when it was deregistered. */
  active: boolean;
}

/** Reads a revision with its tags. Throws an error that names it when it does not exist. */
export async function readTaskDefinition(
  context: EcsContext,
  revision: string,
): Promise<RegisteredTaskDefinition> {
  const client = await context.ecs();
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
  const own = tags.filter(({ key }) => !(key ?? '').startsWith('aws:'));
  if (own.length > 0) definition.tags = own;
  const { taskDefinitionArn: arn = revision, status } = answer.taskDefinition ?? {};
  return { arn, definition, active: status !== 'INACTIVE' && status !== 'DELETE_IN_PROGRESS' };
}

type Tag = NonNullable<TaskDefinition['tags']>[number];

/** Registers a revision, and gives its ARN. */
export async function registerTaskDefinition(
  context: EcsContext,
  definition: TaskDefinition,
): Promise<string> {
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
  const client = await context.ecs();
  const arns: string[] = [];
  let nextToken: string | undefined;
  do {
    const command = new ListTaskDefinitionsCommand({
      familyPrefix: family,
      status: 'ACTIVE',
      sort: 'DESC',
      nextToken,
    });
    const page = await send(client, command, context);
    arns.push(...(page.taskDefinitionArns ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined && nextToken !== '');
  // The prefix matches longer families too.
  return arns
    .filter((arn) => arn.includes(`/${family}:`))
    .toSorted((a, b) => revisionNumber(b) - revisionNumber(a));
}

/** Deregisters revisions: no task and no deployment can be started of them any more. */
export async function deregisterRevisions(context: EcsContext, arns: readonly string[]): Promise<void> {
  const client = await context.ecs();
  for (const taskDefinition of arns) {
    await send(client, new DeregisterTaskDefinitionCommand({ taskDefinition }), context);
  }
}
