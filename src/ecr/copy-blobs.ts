import { send } from '../aws/send.ts';
import { inParallel } from '../runtime/parallel.ts';
import { openRegistry, registryUri, repositoryOf } from './copy-place.ts';
import type { CopyContext, ImagePlace } from './copy-place.ts';
import { download } from './download.ts';
import { blobsOf } from './manifest.ts';
import type { Descriptor, Manifest } from './manifest.ts';
import type { RegistryClient } from './registry.ts';

const DIGESTS_A_CALL = 100;
const BLOBS_AT_ONCE = 6;

/** Blobs by what was done about them. Sizes in bytes. */
export interface MovedBlobs {
  copiedBlobs: number;
  copiedBytes: number;
  /** Shared within one registry, without a byte moved. */
  mountedBlobs: number;
  /** The target had them. */
  presentBlobs: number;
  presentBytes: number;
}

/**
 * Brings every blob that manifests need to the target: nothing when it is there, a mount within one registry
 * where that is allowed, and the bytes themselves, through this process and not its disk, for the rest.
 */
export async function moveBlobs(
  source: ImagePlace,
  target: ImagePlace,
  manifests: readonly Manifest[],
  context: CopyContext,
): Promise<MovedBlobs> {
  const blobs = uniqueBlobs(manifests);
  const missing = await missingBlobs(target, blobs, context);
  const present = blobs.filter((blob) => !missing.includes(blob));
  const moved: MovedBlobs = {
    copiedBlobs: 0,
    copiedBytes: 0,
    mountedBlobs: 0,
    presentBlobs: present.length,
    presentBytes: present.reduce((sum, { size }) => sum + size, 0),
  };
  if (missing.length === 0) return moved;
  const registry = await openRegistry(target, context);
  let mountable = registryUri(source) === registryUri(target);
  // The largest first: the last upload is then a short one.
  const order = missing.toSorted((a, b) => b.size - a.size);
  await inParallel(order, BLOBS_AT_ONCE, async (blob) => {
    if (mountable && (await registry.mount(blob.digest, mountName(source)))) {
      moved.mountedBlobs++;
      return;
    }
    // The account does not share blobs: asking again would only begin uploads that nobody ends.
    mountable = false;
    await copyBlob(source, registry, blob, context);
    moved.copiedBlobs++;
    moved.copiedBytes += blob.size;
  });
  return moved;
}

async function copyBlob(
  source: ImagePlace,
  registry: RegistryClient,
  { digest, size }: Descriptor,
  context: CopyContext,
): Promise<void> {
  // The first address is asked for while the upload begins. Each attempt gets one of its own: they are short-lived.
  let first: Promise<URL> | undefined = addressOf(source, digest, context);
  first.catch(() => undefined);
  const open = async function* (): AsyncIterable<Buffer> {
    const address = first ?? addressOf(source, digest, context);
    first = undefined;
    yield* download(await address, size, context.signal);
  };
  await registry.upload({ digest, size, open });
}

async function addressOf(source: ImagePlace, digest: string, context: CopyContext): Promise<URL> {
  const { GetDownloadUrlForLayerCommand } = await import('@aws-sdk/client-ecr');
  const command = new GetDownloadUrlForLayerCommand({ ...repositoryOf(source), layerDigest: digest });
  const { downloadUrl = '' } = await send(source.client, command, context);
  return new URL(downloadUrl);
}

async function missingBlobs(
  target: ImagePlace,
  blobs: readonly Descriptor[],
  context: CopyContext,
): Promise<Descriptor[]> {
  const { BatchCheckLayerAvailabilityCommand } = await import('@aws-sdk/client-ecr');
  const available = new Set<string>();
  for (let from = 0; from < blobs.length; from += DIGESTS_A_CALL) {
    const layerDigests = blobs.slice(from, from + DIGESTS_A_CALL).map(({ digest }) => digest);
    const command = new BatchCheckLayerAvailabilityCommand({ ...repositoryOf(target), layerDigests });
    const { layers = [] } = await send(target.client, command, context);
    for (const { layerDigest, layerAvailability } of layers) {
      if (layerAvailability === 'AVAILABLE' && layerDigest !== undefined) available.add(layerDigest);
    }
  }
  return blobs.filter(({ digest }) => !available.has(digest));
}

/** Each blob once. Layers that may not be distributed are where their manifest says, and in no registry. */
function uniqueBlobs(manifests: readonly Manifest[]): Descriptor[] {
  const blobs = manifests.flatMap((manifest) => (manifest.kind === 'image' ? blobsOf(manifest) : []));
  const own = blobs.filter(({ mediaType }) => !/foreign|nondistributable/.test(mediaType));
  return [...new Map(own.map((blob) => [blob.digest, blob])).values()];
}

/** The source as the target's registry knows it. */
function mountName({ uri }: ImagePlace): string {
  return uri.slice(uri.indexOf('/') + 1);
}
