import { InputError, PlatformError } from '../core/errors.ts';
import type { RetryPolicy } from '../core/retry.ts';
import type { ImageBuildContext, ImageContext } from './context.ts';
import type { Progress } from './progress.ts';
import { copyWhole } from './registry/copy/copier.ts';
import { nameError, registrySource, registryStore } from './registry/copy/registry-store.ts';
import type { ImageStore } from './registry/copy/store.ts';
import type { Manifest } from './registry/manifest.ts';
import { openRegistry } from './registry/open.ts';
import { type ImageReference, versionOf } from './registry/reference.ts';

/** An image of another registry, by the digest that its name has now. */
export interface MirrorSource {
  kind: 'mirror';
  store: ImageStore;
  digest: string;
}

/** Blobs are tried again as parts of an upload. */
const RETRY: RetryPolicy = { attempts: 4, baseMs: 250, longestMs: 5000 };

/**
 * Finds the image that is to be mirrored: its digest alone, which Docker Hub does not count as a pull.
 *
 * @throws InputError when there is none.
 */
export async function openMirror(
  image: ImageReference,
  progress: Progress,
  context: ImageContext,
): Promise<MirrorSource> {
  const uri = `${image.registry}/${image.path}`;
  const version = versionOf(image);
  const client = await openRegistry(image, context, { retry: RETRY });
  const digest = await client.digest(version).catch((error: unknown) => {
    throw nameError(error, uri);
  });
  if (digest === undefined) {
    throw new InputError('from', uri, `there is no image ${version} in this repository`);
  }
  progress.run.from = `${uri}@${digest}`;
  context.log.info(`${uri}: ${version} is ${digest}.`);
  return { kind: 'mirror', store: registrySource(client, uri), digest };
}

/** Copies the image by its exact manifest, with its platforms, attestations and signatures. */
export async function mirrorImage(
  { store, digest }: MirrorSource,
  { registry, repository, progress }: ImageBuildContext,
): Promise<Manifest> {
  return progress.runStage('push', async () => {
    const [found] = await store.manifests([{ imageDigest: digest }]);
    if (!found) throw new PlatformError('not-found', `${store.name} does not give ${digest}`);
    const target = registryStore(registry, repository.uri);
    const copied = await copyWhole(store, target, found.manifest, { attachmentsOf: 'image' });
    progress.run.push = {
      pushedBlobs: copied.copiedBlobs,
      pushedBytes: copied.copiedBytes,
      presentBlobs: copied.presentBlobs + copied.mountedBlobs,
      presentBytes: copied.presentBytes,
    };
    return found.manifest;
  });
}
