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

/** How many revisions of this suite are passed over to find one that somebody else registered. */
const LOOKED_THROUGH = 5;
/** How many fields a warning names. */
const SHOWN_FIELDS = 5;

/**
 * The warning for a newer revision of the family whose changes a deployment does not take: another tool has registered
 * it, such as Terraform, and the service never had it. Undefined where there is none, and where it cannot be found out:
 * a deployment never fails for it.
 *
 * @param newest the newest revision of the family, where it could be read.
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
    context.log.debug(`Newer revisions of the family cannot be read: ${reasonOf(error)}`);
    return undefined;
  }
}

/**
 * The newest revision of the family that a service runs, read before the service's own one: it mostly is that one, which
 * is then not read again. Undefined where it cannot be read.
 */
export async function newestRevisionOf(
  context: EcsContext,
  { taskDefinition = '' }: Service,
): Promise<RegisteredTaskDefinition | undefined> {
  try {
    return await readNewestRevision(context, familyOf(taskDefinition));
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`The newest revision of the family cannot be read: ${reasonOf(error)}`);
    return undefined;
  }
}

/** The newest active revision after this one that another tool registered. */
async function newerRevision(
  context: EcsContext,
  { arn }: RegisteredTaskDefinition,
  newest: RegisteredTaskDefinition,
): Promise<RegisteredTaskDefinition | undefined> {
  const family = familyOf(arn);
  const oldest = revisionNumber(arn);
  let found = newest;
  for (let looked = 1; revisionNumber(found.arn) > oldest; looked += 1) {
    if (!found.isOwn && found.active) return found;
    const next = revisionNumber(found.arn) - 1;
    if (next <= oldest || looked === LOOKED_THROUGH) return undefined;
    found = await readTaskDefinition(context, `${family}:${next}`);
  }
  return undefined;
}

/** What the newer revision changes, beside images and tags, and neither the service has nor the deployment sets. */
function droppedFields(newer: TaskDefinition, { previous, changes }: TargetRevision): string[] {
  const set = new Set(changes.map(({ path }) => path));
  const images = new Set(previous.definition.containerDefinitions.map(({ name }) => `${name}.image`));
  return taskDefinitionDiff(previous.definition, newer)
    .map(({ path }) => path)
    .filter((path) => !set.has(path) && !images.has(path) && !path.startsWith('tags.'));
}

/** Whether the service has had it: it was replaced or rolled back since, and is not forgotten. */
async function hadRevision(
  context: EcsContext,
  { serviceArn = '' }: Service,
  { arn, registeredAt }: RegisteredTaskDefinition,
): Promise<boolean> {
  try {
    return await wasDeployed(context, addressOfArn(serviceArn), arn, registeredAt);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`The service's deployments cannot be read: ${reasonOf(error)}`);
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
    `${name} is newer than ${revisionName(previous.arn)}, which the service runs, and its changes are not deployed: ${shown}. ` +
    `Fix: In update-service, set task-definition-family: ${familyOf(newer.arn)} to start from the newest revision, or task-definition-arn: ${name} to deploy this one as it is.`
  );
}
