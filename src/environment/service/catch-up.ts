import { pathOf, type Plan, type ResourceChange } from '../../cloudformation/change-set/changes.ts';
import type { ServiceContext } from '../../delivery/release/request.ts';
import { reasonOf } from '../../core/errors.ts';
import { shortDigest } from '../../core/text.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import { addressOfArn } from '../../ecs/service.ts';
import { readRunningRevision } from '../../ecs/running-revision.ts';

/** Whether a property of a task definition is the image of a container. */
export function isImagePath(path: string): boolean {
  return /^Properties\.ContainerDefinitions\.\d+\.Image$/.test(path);
}

/**
 * The images that a plan only catches up with: after a release by ECS the stack still has the task definition before
 * it, and its next update registers a revision with the ledger's image and rolls it out. Undefined for a plan that
 * changes anything else.
 *
 * @see https://github.com/aws/aws-cdk/issues/26983 what such an update does to a service
 */
export function catchUpImages(plan: Pick<Plan, 'changes'>): string[] | undefined {
  const definitions = plan.changes.filter(({ type }) => type === 'AWS::ECS::TaskDefinition');
  const services = plan.changes.filter(({ type }) => type === 'AWS::ECS::Service');
  if (definitions.length === 0 || definitions.length + services.length < plan.changes.length)
    return undefined;
  if (!services.every((change) => takesRevisionOf(change, definitions))) return undefined;
  const images = definitions.map(imagesOf);
  return images.some((some) => some === undefined) ? undefined : images.flatMap((some) => some ?? []);
}

/** The service takes the new revision of a task definition of its stack, and nothing else of it changes. */
function takesRevisionOf(
  { action, replacement, properties }: ResourceChange,
  all: ResourceChange[],
): boolean {
  if (action !== 'modify' || replacement !== 'no') return false;
  return properties.every(
    ({ path, cause }) =>
      path === 'Properties.TaskDefinition' &&
      all.some(({ logicalId }) => cause === logicalId || cause?.startsWith(`${logicalId}.`)),
  );
}

/** The new images of a task definition of which nothing but images changes. */
function imagesOf({ action, properties }: ResourceChange): string[] | undefined {
  if (action !== 'modify' || properties.length === 0) return undefined;
  const images = properties.map(({ path, after }) => (isImagePath(path) ? after : undefined));
  return images.some((image) => image === undefined) ? undefined : images.flatMap((image) => image ?? []);
}

/**
 * Says that a plan is in effect already: all that it changes is the image of services, and they run that one.
 * Undefined for any other plan, and where a service cannot be read.
 */
export async function describeCatchUp(context: ServiceContext, plan: Plan): Promise<string | undefined> {
  const images = catchUpImages(plan);
  const services = plan.changes.filter(({ type }) => type === 'AWS::ECS::Service');
  if (!images || services.length === 0) return undefined;
  const running = await Promise.all(
    services.map(({ physicalId = '' }) => runningRevision(context, physicalId)),
  );
  const names = running.flatMap((revision) => revision?.name ?? []);
  if (names.length < services.length) return undefined;
  if (!images.every((image) => running.some((revision) => revision?.images.includes(image))))
    return undefined;
  const digests = [...new Set(images)].map((image) => shortDigest(digestOfReference(image)));
  const verb = names.length === 1 ? 'runs' : 'run';
  return `${names.join(' and ')} already ${verb} ${digests.join(' and ')}: the stack adopts the image with its next change.`;
}

/**
 * Says which part of a plan is a catch-up: the images of task definitions that change to the one that the ledger has.
 * Undefined where there is none.
 */
export function describeCatchUpPart(
  { changes }: Pick<Plan, 'changes'>,
  recorded: string,
): string | undefined {
  const behind = changes.filter(
    ({ type, properties }) =>
      type === 'AWS::ECS::TaskDefinition' &&
      properties.some(({ path, after }) => isImagePath(path) && after === recorded),
  );
  if (behind.length === 0) return undefined;
  const names = behind.map(pathOf).join(', ');
  return `Catch-up: the image ${shortDigest(digestOfReference(recorded))} of ${names} is the one of the last release.`;
}

/** What a service runs; undefined when it cannot be read. */
async function runningRevision(
  context: ServiceContext,
  arn: string,
): Promise<{ name: string; images: readonly string[] } | undefined> {
  const address = addressOfArn(arn);
  try {
    return await readRunningRevision(context, address);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(`Cannot read what ${address.service} runs, so its stack is updated: ${reasonOf(error)}`);
    return undefined;
  }
}
