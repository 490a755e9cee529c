import type { ReadAhead } from '../../aws/reads.ts';
import { reasonOf } from '../../core/errors.ts';
import { readRelease, type Release } from '../../delivery/ledger.ts';
import { readRunningRevision, type RunningRevision } from '../../ecs/running-revision.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import type { Service } from '../manifest/manifest.ts';
import { contextAt, type EnvironmentContext, type EnvironmentRequest } from '../run/context.ts';
import { type Choice, clusterName } from '../run/targets.ts';
import { buildsImages, findServiceImage } from './build-request.ts';
import { ledgerOf } from './first-release.ts';

/** The releases that a run would make. */
export interface PendingReleases {
  /** Service → digest, if every service that gets an image already runs the one that the run would release. */
  images?: Record<string, string>;
  /**
   * Services with a stack that run another image and would be released. Existing services have their own parts in the
   * plan.
   */
  pending: readonly string[];
}

/**
 * Compares the running images with those that this run would release: the given image, or the one that is built from
 * this content. Undefined in environments with `promote-from`, if there are no services, and if one cannot be read.
 *
 * @param releases the ledger's releases of services with a stack.
 */
export async function pendingReleases(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  releases: ReadAhead<Release | undefined>,
): Promise<PendingReleases | undefined> {
  const { services, environment } = request.choice;
  const existing = releasedExisting(request);
  if (environment.promoteFrom !== undefined || services.length + request.choice.existing.length === 0)
    return undefined;
  const cluster = clusterName(request.manifest, environment);
  try {
    const images = await Promise.all([
      ...services.map(async (service) => {
        const reading = readRunningRevision(context.services, { cluster, service: service.name });
        const image = await releasedImage(context, request, service, reading, releases.get(service.name));
        return { name: service.name, running: await reading, image };
      }),
      ...existing.map(async (target) => {
        const at = contextAt(context, environment, target.place, 'read');
        const reading = readRunningRevision(at.services, target.place);
        const image = await releasedImage(at, request, target, reading);
        return { name: target.name, running: await reading, image };
      }),
    ]);
    const others = images.filter(({ image }) => image === undefined);
    const withStack = services.map(({ name }) => name);
    const pending = others.flatMap(({ name, running }) =>
      running && withStack.includes(name) ? [name] : [],
    );
    if (others.length > 0) return { pending };
    const digests = images.map(({ name, image = '' }) => [name, digestOfReference(image)]);
    return { pending, images: Object.fromEntries(digests) as Record<string, string> };
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(`Cannot compare the services with this commit: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Existing services that get an image, given or built. */
function releasedExisting({ choice, images }: EnvironmentRequest): Choice['existing'] {
  return choice.existing.filter(({ name, build }) => build !== undefined || images[name] !== undefined);
}

/**
 * The image that a service runs, as a full reference, if the run would release that same image.
 *
 * @param context the account and region of the service.
 * @param reading the read of the running image; the ledger is read in parallel.
 * @param recorded the ledger's release. Default: it is read.
 */
export async function releasedImage(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Pick<Service, 'name' | 'preDeploy'>,
  reading: Promise<RunningRevision | undefined>,
  recorded = readRelease(context.services, ledgerOf(request, service)),
): Promise<string | undefined> {
  const [running, release] = await Promise.all([reading, recorded]);
  if (!running?.isSteady) return undefined;
  if (!release || !running.images.includes(release.image)) return undefined;
  const { proven, preDeploy } = release;
  if (!proven || preDeploy === 'pending' || service.preDeploy?.when === 'always') return undefined;
  return (await isRequested(context, request, service, release)) ? release.image : undefined;
}

async function isRequested(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { name }: Pick<Service, 'name'>,
  release: Release,
): Promise<boolean> {
  const given = request.images[name];
  if (given !== undefined) return digestOfReference(given) === digestOfReference(release.image);
  if (!buildsImages(request)) return false;
  const found = await imageOfContent(context, request, name);
  return found === undefined
    ? isOfCommit(context, request, release)
    : found === digestOfReference(release.image);
}

/** The digest of the image with this content; undefined if there is none, or it cannot be determined here. */
async function imageOfContent(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  name: string,
): Promise<string | undefined> {
  try {
    return await findServiceImage(context, request, name);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(`Cannot determine whether an image with this content exists: ${reasonOf(error)}`);
    return undefined;
  }
}

/**
 * Whether a release was built from this commit. Other build argument values produce another image of the same commit.
 */
function isOfCommit(
  { commit }: EnvironmentContext,
  { buildArgs }: EnvironmentRequest,
  { repository, commit: released }: Release,
): boolean {
  if (Object.keys(buildArgs).length > 0 || released === '') return false;
  return released === commit.commit && (repository === '' || repository === commit.repository);
}
