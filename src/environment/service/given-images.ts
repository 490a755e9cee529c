import { isNotFound } from '../../aws/errors.ts';
import { type Expectation, InputError, PlatformError, reasonOf } from '../../core/errors.ts';
import { digestOfReference, type Manifest } from '../../images/registry/manifest.ts';
import { readArchitecturesIn } from '../../images/registry/image-reader.ts';
import { readManifest } from '../../images/registry/manifest-reader.ts';
import type { ImageRepository } from '../../images/registry/repository.ts';
import { requireSignedImage } from '../../images/signature/verify.ts';
import { readRelease } from '../../delivery/ledger.ts';
import type { TargetCheck } from '../doctor/targets/check.ts';
import { signerOf } from '../manifest/places.ts';
import { contextAt, type EnvironmentContext, type EnvironmentRequest } from '../run/context.ts';
import { existingUri } from '../run/images.ts';
import { ledgerOf, serviceRepository } from './first-release.ts';

/** An image from the `images` input, and where it must exist. */
interface GivenImage {
  service: string;
  digest: string;
  repository: string;
  context: EnvironmentContext;
}

/**
 * Rejects given images that do not exist, or that no task definition in the service's stack can run, before any stack
 * is created or changed. In an environment with `promote-from`, they may still exist only upstream.
 *
 * @throws InputError with the service and the digest.
 */
export async function requireGivenImages(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  checks: readonly Pick<TargetCheck, 'stack' | 'architectures'>[],
): Promise<void> {
  if (request.choice.environment.promoteFrom !== undefined) return;
  await Promise.all(
    givenImages(context, request).map(async (image) => {
      const found = await findImage(image);
      if (!found) {
        const { repository } = image;
        throw refused(image, `expected the digest of an image in the repository ${repository}`);
      }
      const declared = checks.find(({ stack }) => stack === image.service)?.architectures ?? [];
      if (declared.length > 0) await requireArchitecture(image, found, declared);
    }),
  );
}

/**
 * Rejects given images that would be released but are not signed as the environment requires, before anything changes.
 * In an environment with `promote-from`, images are verified upstream, before they are copied.
 *
 * @param access the access that existing services are opened with.
 * @throws UnverifiedError
 */
export async function requireSignedImages(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  access: 'read' | 'change',
): Promise<void> {
  const { environment, services, existing } = request.choice;
  if (!environment.verify || environment.promoteFrom !== undefined) return;
  const own = services.map((service) => ({
    service,
    at: context,
    uri: async () => (await serviceRepository(context, service)).uri,
  }));
  const others = existing.map((service) => {
    const at = contextAt(context, environment, service.place, access);
    return { service, at, uri: () => existingUri(at, service.place) };
  });
  await Promise.all(
    [...own, ...others].map(async ({ service, at, uri }) => {
      const given = request.images[service.name];
      const signer = signerOf(environment, service, context.workspace);
      if (given === undefined || !signer) return;
      const image = `${await uri()}@${digestOfReference(given)}`;
      const known = await readRelease(at.services, ledgerOf(request, service));
      if (known?.image !== image) await requireSignedImage(image, signer, at.services);
    }),
  );
}

function givenImages(context: EnvironmentContext, { images, choice }: EnvironmentRequest): GivenImage[] {
  const { environment, services, existing } = choice;
  const all = [
    ...services.map(({ name, repository }) => ({ service: name, repository, context })),
    // Another registry reports missing images to the tasks itself.
    ...existing.flatMap(({ name, place }) =>
      place.repository.kind === 'own'
        ? {
            service: name,
            repository: place.repository.name,
            context: contextAt(context, environment, place, 'change'),
          }
        : [],
    ),
  ];
  return all.flatMap((one) => {
    const image = images[one.service];
    return image === undefined ? [] : [{ ...one, digest: digestOfReference(image) }];
  });
}

interface FoundImage {
  repository: ImageRepository;
  manifest: Manifest;
}

async function findImage({ context, repository: name, digest }: GivenImage): Promise<FoundImage | undefined> {
  try {
    const repository = await serviceRepository(context, { repository: name });
    const manifest = await readManifest(repository, digest, context);
    return manifest && { repository, manifest };
  } catch (error) {
    if (isNotFound(error) || (error instanceof PlatformError && error.code === 'not-found')) return undefined;
    throw error;
  }
}

/** If the image's architecture cannot be read, the checks of the release report that. */
async function requireArchitecture(
  image: GivenImage,
  { repository, manifest }: FoundImage,
  declared: readonly string[],
): Promise<void> {
  const { context } = image;
  const built = await readArchitecturesIn(repository, manifest, context).catch((error: unknown) => {
    context.signal.throwIfAborted();
    context.log.debug(`Cannot read the architecture of ${image.digest}: ${reasonOf(error)}`);
    return [];
  });
  if (built.length === 0 || built.some((one) => declared.includes(one))) return;
  throw refused(
    image,
    `expected an image for ${declared.join(' or ')}, as the stack's task definition declares. It is built for ${built.join(', ')}`,
  );
}

function refused({ service, digest }: GivenImage, expected: Expectation): InputError {
  return new InputError('images', `${service}: ${digest}`, expected);
}
