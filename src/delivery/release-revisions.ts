import type { Service } from '@aws-sdk/client-ecs';
import { PlatformError, reasonOf } from '../core/errors.ts';
import { type ServedRevision, servedRevisions } from './served-revisions.ts';
import { type EcsContext, nameOf, type ServiceAddress } from '../ecs/service.ts';
import { readTaskDefinition, revisionsOf } from '../ecs/task-definition/revisions.ts';
import { familyOf, revisionName } from '../ecs/task-definition/task-definition.ts';
import { mainImage, type ServiceContainer } from './current-release.ts';
import { type LedgerContext, type LedgerNames, releaseHistory } from './ledger.ts';
import { goodReleases, type PastRelease } from './rollback-target.ts';

/** How many revisions are searched for an image of the ledger. */
const SEARCHED_REVISIONS = 25;
/** A rollback needs the current release and the one before it. */
const MIN_KEPT = 2;

/**
 * The revision of a release: the recorded one, otherwise one that has served with its image, otherwise the newest with
 * its image.
 *
 * @throws PlatformError if none of them is active.
 */
export async function revisionOfRelease(
  context: EcsContext,
  of: ServiceContainer,
  { image, taskDefinition }: PastRelease,
  current: { taskDefinition: string },
): Promise<string> {
  const recorded = await recordedRevision(context, taskDefinition);
  if (recorded !== undefined) return recorded;
  const active = await revisionsOf(context, familyOf(current.taskDefinition));
  const served = await servedRevisions(context, addressOf(of.service)).catch((error: unknown) => {
    context.signal.throwIfAborted();
    context.log.debug(`Cannot read the service's deployments: ${reasonOf(error)}`);
    return [];
  });
  const proven = served
    .filter(
      ({ images, taskDefinition: arn }) => active.includes(arn) && Object.values(images).includes(image),
    )
    .map((one) => one.taskDefinition);
  for (const arn of new Set([...proven, ...active.slice(0, SEARCHED_REVISIONS)])) {
    if (arn !== current.taskDefinition && (await mainImage(context, of, arn)) === image) return arn;
  }
  const fix =
    'Deploy the version that should run, or run update-service with the task-definition-arn of a revision.';
  const message = `none of the last ${SEARCHED_REVISIONS} active revisions has the image ${image} of the ledger`;
  throw new PlatformError('not-found', `${message}. ${fix}`, { fix });
}

async function recordedRevision(
  context: EcsContext,
  taskDefinition: string | undefined,
): Promise<string | undefined> {
  if (taskDefinition === undefined) return undefined;
  try {
    const { arn, active } = await readTaskDefinition(context, taskDefinition);
    return active ? arn : undefined;
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/**
 * The revisions that a rollback may need, out of the given ones: those of the newest good releases in the ledger, or
 * of the newest successful deployments without a ledger. As many as revisions are kept, and at least two.
 *
 * @param revisions ARNs, the newest first.
 */
export async function revisionsForRollback(
  context: EcsContext & LedgerContext,
  { ledger, ...of }: ServiceContainer & { ledger: LedgerNames | undefined },
  { revisions, keep }: { revisions: readonly string[]; keep: number },
): Promise<Set<string>> {
  const history = ledger
    ? await releaseHistory(context, ledger)
    : (await servedRevisions(context, addressOf(of.service))).map(pastRelease);
  const needed = goodReleases(history).slice(0, Math.max(keep, MIN_KEPT));
  const names = new Set(needed.map(({ taskDefinition = '' }) => revisionName(taskDefinition)));
  const found = new Set(revisions.filter((arn) => names.has(revisionName(arn))));
  // Older records have no revision. A rollback would use the newest revision with their image.
  const images = new Set(
    needed.filter(({ taskDefinition }) => taskDefinition === undefined).map(({ image }) => image),
  );
  for (const arn of revisions) {
    if (images.size === 0) break;
    if (images.delete(await mainImage(context, of, arn))) found.add(arn);
  }
  return found;
}

/** A deployment in the form that a rollback without a ledger compares: by revision and by all images. */
function pastRelease({ taskDefinition, images }: ServedRevision): PastRelease {
  return { taskDefinition, image: Object.values(images).join(' ') };
}

function addressOf({ clusterArn = '', serviceName = '' }: Service): ServiceAddress {
  return { cluster: nameOf(clusterArn), service: serviceName };
}
