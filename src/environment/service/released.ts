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

/** What a run would release. */
export interface PendingReleases {
  /** Service → digest, where each service that gets an image already runs the one that the run would release. */
  images?: Record<string, string>;
  /**
   * The services with a stack that run something else, and would be released. One that exists already has its own part
   * in the plan.
   */
  pending: readonly string[];
}

/**
 * Compares what services run with what this run would release: the given image, or the one that is built of this
 * content. Undefined where images come by promotion, where no service gets an image, and where one cannot be read.
 *
 * @param releases what the ledger has of the services with a stack.
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

/** Services that exist already and get an image: a given one, or one that is built. */
function releasedExisting({ choice, images }: EnvironmentRequest): Choice['existing'] {
  return choice.existing.filter(({ name, build }) => build !== undefined || images[name] !== undefined);
}

/**
 * The image that a service runs, whole, where that is what the run would release.
 *
 * @param context where the service is.
 * @param reading what the service runs; the ledger is read meanwhile.
 * @param recorded what the ledger has; by default, it is read.
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
  return (await isAskedFor(context, request, service, release)) ? release.image : undefined;
}

async function isAskedFor(
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

/** The digest of the image of this content; undefined where there is none, or that cannot be told here. */
async function imageOfContent(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  name: string,
): Promise<string | undefined> {
  try {
    return await findServiceImage(context, request, name);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(`Cannot tell whether an image of this content exists: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Whether a release was built of this commit. Other values of arguments make another image of the same commit. */
function isOfCommit(
  { commit }: EnvironmentContext,
  { buildArgs }: EnvironmentRequest,
  { repository, commit: released }: Release,
): boolean {
  if (Object.keys(buildArgs).length > 0 || released === '') return false;
  return released === commit.commit && (repository === '' || repository === commit.repository);
}
