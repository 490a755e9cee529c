import { reasonOf } from '../../core/errors.ts';
import { readReleases, type Release } from '../../delivery/ledger.ts';
import { readRunningRevision } from '../../ecs/running-revision.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import type { Service } from '../manifest/manifest.ts';
import type { EnvironmentContext, EnvironmentRequest } from '../run/context.ts';
import { clusterName } from '../run/targets.ts';
import { ledgerOf } from './first-release.ts';

/**
 * The images of an environment, service → digest, where each service already runs what this run would release: the
 * given image, or one that was built of the same commit. Undefined where any service has to be released, where
 * images come by promotion, and where a service cannot be read.
 */
export async function releasedImages(
  context: EnvironmentContext,
  request: EnvironmentRequest,
): Promise<Record<string, string> | undefined> {
  const { services, environment } = request.choice;
  if (environment.promoteFrom !== undefined || services.length === 0) return undefined;
  try {
    const known = await readReleases(
      context.services,
      services.map((service) => ledgerOf(request, service)),
    );
    const images = await Promise.all(
      services.map(async (service, index) => {
        const release = known[index];
        if (!release || !isAskedFor(context, request, service, release)) return undefined;
        return (await isRunning(context, request, service, release)) ? release.image : undefined;
      }),
    );
    if (images.includes(undefined)) return undefined;
    return Object.fromEntries(
      services.map(({ name }, index) => [name, digestOfReference(images[index] ?? '')]),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(`Cannot compare the services with this commit: ${reasonOf(error)}`);
    return undefined;
  }
}

function isAskedFor(
  { commit }: EnvironmentContext,
  { images }: EnvironmentRequest,
  { name }: Service,
  { image, repository, commit: released, proven, preDeploy }: Release,
): boolean {
  if (!proven || preDeploy === 'pending') return false;
  const given = images[name];
  if (given !== undefined) return digestOfReference(given) === digestOfReference(image);
  if (Object.keys(images).length > 0 || released === '') return false;
  return released === commit.commit && (repository === '' || repository === commit.repository);
}

async function isRunning(
  { services }: EnvironmentContext,
  { manifest, choice }: EnvironmentRequest,
  { name }: Service,
  { image }: Release,
): Promise<boolean> {
  const cluster = clusterName(manifest, choice.environment);
  const running = await readRunningRevision(services, { cluster, service: name });
  return running !== undefined && running.isSteady && running.images.includes(image);
}
