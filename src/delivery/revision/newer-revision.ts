import type { Service } from '@aws-sdk/client-ecs';
import { reasonOf } from '../../core/errors.ts';
import { addressOfArn, type EcsContext } from '../../ecs/service.ts';
import { taskDefinitionDiff } from '../../ecs/task-definition/diff.ts';
import {
  readNewestRevision,
  readTaskDefinition,
  type RegisteredTaskDefinition,
} from '../../ecs/task-definition/revisions.ts';
import {
  familyOf,
  revisionName,
  revisionNumber,
  type TaskDefinition,
} from '../../ecs/task-definition/task-definition.ts';
import { wasDeployed } from '../served-revisions.ts';
import type { TargetRevision } from './target-revision.ts';

/** How many revisions are read in the search for one that another tool registered. */
const SEARCHED_REVISIONS = 5;
/** How many fields a warning lists. */
const SHOWN_FIELDS = 5;

/**
 * The warning about a newer revision of the family whose changes are not deployed: another tool, such as Terraform,
 * has registered it, and the service never ran it. Undefined if there is none or it cannot be read; a deployment never
 * fails because of it.
 *
 * @param newest the latest revision of the family, if it could be read.
 */
export async function newerRevisionWarning(
  context: EcsContext,
  service: Service,
  target: TargetRevision,
  newest: RegisteredTaskDefinition | undefined,
): Promise<string | undefined> {
  if (!newest) return undefined;
  try {
    const newer = await newerRevision(context, target.previous, newest);
    if (!newer) return undefined;
    const fields = droppedFields(newer.definition, target);
    if (fields.length === 0 || (await hadRevision(context, service, newer))) return undefined;
    return warning(newer, target.previous, fields);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`Cannot read newer revisions of the family: ${reasonOf(error)}`);
    return undefined;
  }
}

/**
 * The latest revision in the family of a service's task definition. It is read first, because it usually is the
 * service's own revision, which is then not read again. Undefined if it cannot be read.
 */
export async function newestRevisionOf(
  context: EcsContext,
  { taskDefinition = '' }: Service,
): Promise<RegisteredTaskDefinition | undefined> {
  try {
    return await readNewestRevision(context, familyOf(taskDefinition));
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`Cannot read the latest revision of the family: ${reasonOf(error)}`);
    return undefined;
  }
}

/** The latest active revision after this one that another tool registered. */
async function newerRevision(
  context: EcsContext,
  { arn }: RegisteredTaskDefinition,
  newest: RegisteredTaskDefinition,
): Promise<RegisteredTaskDefinition | undefined> {
  const family = familyOf(arn);
  const oldest = revisionNumber(arn);
  let found = newest;
  for (let read = 1; revisionNumber(found.arn) > oldest; read += 1) {
    if (!found.isOwn && found.active) return found;
    const next = revisionNumber(found.arn) - 1;
    if (next <= oldest || read === SEARCHED_REVISIONS) return undefined;
    found = await readTaskDefinition(context, `${family}:${next}`);
  }
  return undefined;
}

/**
 * Fields that the newer revision changes, except images and tags, and that neither the service has nor the deployment
 * sets.
 */
function droppedFields(newer: TaskDefinition, { previous, changes }: TargetRevision): string[] {
  const set = new Set(changes.map(({ path }) => path));
  const images = new Set(previous.definition.containerDefinitions.map(({ name }) => `${name}.image`));
  return taskDefinitionDiff(previous.definition, newer)
    .map(({ path }) => path)
    .filter((path) => !set.has(path) && !images.has(path) && !path.startsWith('tags.'));
}

/** Whether the service ran it before, until it was replaced or rolled back. */
async function hadRevision(
  context: EcsContext,
  { serviceArn = '' }: Service,
  { arn, registeredAt }: RegisteredTaskDefinition,
): Promise<boolean> {
  try {
    return await wasDeployed(context, addressOfArn(serviceArn), arn, registeredAt);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`Cannot read the service's deployments: ${reasonOf(error)}`);
    return false;
  }
}

function warning(
  newer: RegisteredTaskDefinition,
  previous: RegisteredTaskDefinition,
  fields: readonly string[],
): string {
  const name = revisionName(newer.arn);
  const more = fields.length > SHOWN_FIELDS ? ` and ${fields.length - SHOWN_FIELDS} more` : '';
  const shown = `${fields.slice(0, SHOWN_FIELDS).join(', ')}${more}`;
  return (
    `${name} is newer than ${revisionName(previous.arn)}, which the service runs, but its changes are not deployed: ${shown}. ` +
    `Fix: In update-service, set task-definition-family: ${familyOf(newer.arn)} to start from the latest revision, or task-definition-arn: ${name} to deploy that revision as it is.`
  );
}
