import { pathOf, type Plan, type ResourceChange } from '../../cloudformation/change-set/changes.ts';
import type { ServiceContext } from '../../delivery/release/request.ts';
import { reasonOf } from '../../core/errors.ts';
import { shortDigest } from '../../core/text.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import { addressOfArn } from '../../ecs/service.ts';
import { readRunningRevision } from '../../ecs/running-revision.ts';

/** Whether a property of a task definition is a container's image. */
export function isImagePath(path: string): boolean {
  return /^Properties\.ContainerDefinitions\.\d+\.Image$/.test(path);
}

/**
 * The images of a plan that only catches up with the last release. After a release by ECS, the stack still has the
 * previous task definition; its next update registers a revision with the ledger's image and rolls it out. Undefined
 * for a plan with any other change.
 *
 * @see https://github.com/aws/aws-cdk/issues/26983 what such an update does to a service
 */
export function catchUpImages(plan: Pick<Plan, 'changes'>): string[] | undefined {
  const definitions = plan.changes.filter(({ type }) => type === 'AWS::ECS::TaskDefinition');
  const services = plan.changes.filter(({ type }) => type === 'AWS::ECS::Service');
  if (definitions.length === 0 || definitions.length + services.length < plan.changes.length)
    return undefined;
  if (!services.every((change) => changesOnlyRevision(change, definitions))) return undefined;
  const images = definitions.map(imagesOf);
  return images.some((some) => some === undefined) ? undefined : images.flatMap((some) => some ?? []);
}

/** Whether a service only changes to the new revision of a task definition in its stack. */
function changesOnlyRevision(
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

/** The new images of a task definition of which only images change. */
function imagesOf({ action, properties }: ResourceChange): string[] | undefined {
  if (action !== 'modify' || properties.length === 0) return undefined;
  const images = properties.map(({ path, after }) => (isImagePath(path) ? after : undefined));
  return images.some((image) => image === undefined) ? undefined : images.flatMap((image) => image ?? []);
}

/**
 * A sentence for a plan that is already in effect: it only changes images of services that already run them. Undefined
 * for any other plan, and if a service cannot be read.
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
  return `${names.join(' and ')} already ${verb} ${digests.join(' and ')}. The stack adopts the image with its next change.`;
}

/**
 * A sentence about the part of a plan that catches up with the last release: task definition images that change to the
 * ledger's image. Undefined if there is none.
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
  const verb = behind.length === 1 ? 'changes' : 'change';
  return `Catch-up: ${names} ${verb} to the image of the last release, ${shortDigest(digestOfReference(recorded))}.`;
}

/** The revision that a service runs; undefined if it cannot be read. */
async function runningRevision(
  context: ServiceContext,
  arn: string,
): Promise<{ name: string; images: readonly string[] } | undefined> {
  const address = addressOfArn(arn);
  try {
    return await readRunningRevision(context, address);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(
      `Cannot read the revision that ${address.service} runs, so its stack is updated: ${reasonOf(error)}`,
    );
    return undefined;
  }
}
