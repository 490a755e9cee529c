import type { Service } from '@aws-sdk/client-ecs';
import { applyChanges } from '../../ecs/task-definition-changes.ts';
import { secretValues, taskDefinitionDiff } from '../../ecs/task-definition-diff.ts';
import { readTaskDefinitionFile } from '../../ecs/task-definition-file.ts';
import { revisionName } from '../../ecs/task-definition.ts';
import type { TaskDefinition } from '../../ecs/task-definition.ts';
import { readTaskDefinition } from '../../ecs/task-definitions.ts';
import type { RegisteredTaskDefinition } from '../../ecs/task-definitions.ts';
import { loadBalancedContainer } from '../../ecs/service.ts';
import type { ReportedChange } from '../../report/rollout.ts';
import { InputError } from '../../runtime/errors.ts';
import type { ServiceContext } from './context.ts';
import { pinImages } from './images.ts';
import type { ServiceRequest } from './request.ts';

/** What a release brings the service to. */
export interface Target {
  definition: TaskDefinition;
  /** Of an existing revision; undefined when one has to be registered. */
  arn?: string;
  previous: RegisteredTaskDefinition;
  changes: readonly ReportedChange[];
}

/**
 * What the request comes to for this service, and how that differs from what it has. Nothing is registered.
 *
 * @throws InputError; an error when a revision does not exist.
 */
export async function targetOf(
  context: ServiceContext,
  service: Service,
  { source, changes }: Pick<ServiceRequest, 'source' | 'changes'>,
): Promise<Target> {
  const previous = await readTaskDefinition(context, service.taskDefinition ?? '');
  hide(context, previous.definition);
  if (source.kind === 'revision') return await existing(context, source.revision, previous);
  const base = source.kind === 'file' ? await readTaskDefinitionFile(source.path) : previous.definition;
  hide(context, base);
  const loadBalanced = loadBalancedContainer(service);
  const facts = { service: service.serviceName ?? '', ...(loadBalanced !== undefined && { loadBalanced }) };
  const definition = await pinImages(context, applyChanges(base, changes, facts));
  hide(context, definition);
  const diff = taskDefinitionDiff(previous.definition, definition);
  return { definition, previous, changes: diff, ...(diff.length === 0 && { arn: previous.arn }) };
}

async function existing(
  context: ServiceContext,
  revision: string,
  previous: RegisteredTaskDefinition,
): Promise<Target> {
  const found = await readTaskDefinition(context, revision);
  if (!found.active) {
    const allowed = 'this revision was deregistered, and ECS starts no deployment of it';
    throw new InputError('task-definition-arn', revisionName(found.arn), allowed);
  }
  hide(context, found.definition);
  const changes = taskDefinitionDiff(previous.definition, found.definition);
  return { definition: found.definition, arn: found.arn, previous, changes };
}

/** What looks like a secret in a task definition is in no log, whoever writes it. */
function hide({ log }: ServiceContext, definition: TaskDefinition): void {
  for (const value of secretValues(definition)) log.secret(value);
}
