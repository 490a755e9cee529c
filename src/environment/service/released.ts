import { reasonOf } from '../../core/errors.ts';
import { readRelease, type Release } from '../../delivery/ledger.ts';
import { readRunningRevision, type RunningRevision } from '../../ecs/running-revision.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import type { Service } from '../manifest/manifest.ts';
import { contextAt, type EnvironmentContext, type EnvironmentRequest } from '../run/context.ts';
import { type Choice, clusterName } from '../run/targets.ts';
import { ledgerOf } from './first-release.ts';

/**
 * The images of an environment, service → digest, where each service that gets an image already runs what this run
 * would release: the given image, or one that was built of the same commit. Undefined where any service has to be
 * released, where images come by promotion, and where a service cannot be read.
 */
export async function releasedImages(
  context: EnvironmentContext,
  request: EnvironmentRequest,
): Promise<Record<string, string> | undefined> {
  const { services, environment } = request.choice;
  const existing = releasedExisting(request);
  if (environment.promoteFrom !== undefined || services.length + request.choice.existing.length === 0)
    return undefined;
  const cluster = clusterName(request.manifest, environment);
  try {
    const images = await Promise.all([
      ...services.map(async (service) => {
        const running = await readRunningRevision(context.services, { cluster, service: service.name });
        return await releasedImage(context, request, service, running);
      }),
      ...existing.map(async (target) => {
        const at = contextAt(context, environment, target.place, 'read');
        const running = await readRunningRevision(at.services, target.place);
        return await releasedImage(at, request, target, running);
      }),
    ]);
    if (images.includes(undefined)) return undefined;
    const names = [...services, ...existing].map(({ name }) => name);
    return Object.fromEntries(names.map((name, index) => [name, digestOfReference(images[index] ?? '')]));
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

/** The image that a service runs, whole, where that is what the run would release. */
export async function releasedImage(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Pick<Service, 'name'>,
  running: RunningRevision | undefined,
): Promise<string | undefined> {
  if (!running?.isSteady) return undefined;
  const release = await readRelease(context.services, ledgerOf(request, service));
  if (!release || !isAskedFor(context, request, service, release)) return undefined;
  return running.images.includes(release.image) ? release.image : undefined;
}

function isAskedFor(
  { commit }: EnvironmentContext,
  { images, buildArgs }: EnvironmentRequest,
  { name, preDeploy }: Pick<Service, 'name' | 'preDeploy'>,
  { image, repository, commit: released, proven, preDeploy: first }: Release,
): boolean {
  if (!proven || first === 'pending' || preDeploy?.when === 'always') return false;
  const given = images[name];
  if (given !== undefined) return digestOfReference(given) === digestOfReference(image);
  // Another value of an argument makes another image of the same commit.
  if (Object.keys(images).length > 0 || Object.keys(buildArgs).length > 0 || released === '') return false;
  return released === commit.commit && (repository === '' || repository === commit.repository);
}
