import { awsNameOf } from '../../aws/errors.ts';
import type { ImageIdentifier } from '@aws-sdk/client-ecr';
import { send } from '../../aws/send.ts';
import { inParallel } from '../../core/concurrency.ts';
import { DigestMismatchError, type RegistryClient } from './client.ts';
import { type CopyContext, type ImagePlace, openRegistry, registryUri, repositoryOf } from './copy.ts';
import { download } from './http.ts';
import { blobsOf, type Descriptor, type Manifest, MEDIA_TYPES, parseManifest } from './manifest.ts';

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

const IDS_A_CALL = 100;

/** A manifest as the repository has it, and the tag that it was asked for by. */
export interface FoundManifest {
  manifest: Manifest;
  tag: string | undefined;
}

/**
 * Reads manifests by digest or tag, byte for byte; those that are not there are left out. Each digest is computed
 * from the bytes, not believed.
 */
export async function readManifests(
  place: ImagePlace,
  ids: readonly ImageIdentifier[],
  context: CopyContext,
): Promise<FoundManifest[]> {
  const { BatchGetImageCommand } = await import('@aws-sdk/client-ecr');
  const found: FoundManifest[] = [];
  for (let from = 0; from < ids.length; from += IDS_A_CALL) {
    const command = new BatchGetImageCommand({
      ...repositoryOf(place),
      imageIds: ids.slice(from, from + IDS_A_CALL),
      acceptedMediaTypes: [...MEDIA_TYPES.image, ...MEDIA_TYPES.index],
    });
    const { images = [], failures = [] } = await send(place.client, command, context);
    const broken = failures.find(({ failureCode }) => failureCode !== 'ImageNotFound');
    if (broken) {
      const { imageDigest, imageTag } = broken.imageId ?? {};
      const reason = broken.failureReason ?? broken.failureCode ?? 'no reason given';
      throw new Error(`${place.name} does not give ${imageTag ?? imageDigest ?? 'an image'}: ${reason}`);
    }
    for (const { imageId = {}, imageManifest = '', imageManifestMediaType } of images) {
      const manifest = parseManifest(Buffer.from(imageManifest), imageManifestMediaType);
      if (imageId.imageDigest !== manifest.digest) {
        throw new DigestMismatchError(
          `${place.name} gave a manifest for ${imageId.imageDigest ?? ''} that has the digest ${manifest.digest}`,
        );
      }
      found.push({ manifest, tag: imageId.imageTag });
    }
  }
  return found;
}

/** One manifest by digest; undefined when the repository does not have it. */
export async function readManifestOf(
  place: ImagePlace,
  digest: string,
  context: CopyContext,
): Promise<Manifest | undefined> {
  return (await readManifests(place, [{ imageDigest: digest }], context))[0]?.manifest;
}

/** A manifest and everything below it, each after what it names: the order in which a registry takes them. */
export async function withChildren(
  place: ImagePlace,
  root: Manifest,
  context: CopyContext,
): Promise<Manifest[]> {
  if (root.kind === 'image') return [root];
  const wanted = [...new Set(root.children.map(({ digest }) => digest))];
  const ids = wanted.map((imageDigest) => ({ imageDigest }));
  const children = (await readManifests(place, ids, context)).map(({ manifest }) => manifest);
  const missing = wanted.find((digest) => !children.some((child) => child.digest === digest));
  if (missing !== undefined) throw new Error(`${place.name} lacks ${missing}, a part of ${root.digest}`);
  const below = await Promise.all(children.map((child) => withChildren(place, child, context)));
  return [...below.flat(), root];
}

/** Puts a manifest, exactly as it is, and a tag on it. One that is there already is fine. */
export async function putManifestTo(
  place: ImagePlace,
  manifest: Manifest,
  tag: string | undefined,
  context: CopyContext,
): Promise<void> {
  const { PutImageCommand } = await import('@aws-sdk/client-ecr');
  const command = new PutImageCommand({
    ...repositoryOf(place),
    imageManifest: manifest.bytes.toString('utf8'),
    imageManifestMediaType: manifest.mediaType,
    imageDigest: manifest.digest,
    ...(tag !== undefined && { imageTag: tag }),
  });
  try {
    await send(place.client, command, context);
  } catch (error) {
    if (awsNameOf(error) !== 'ImageAlreadyExistsException') throw error;
  }
}

/** How cosign names what belongs to an image, where it does not use the registry's own references. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'];
const IMAGES_A_CALL = 30;

/**
 * What refers to images: signatures, SBOMs, attestations, by the registry's references or by cosign's tags. What
 * is part of an index is not among them.
 *
 * @returns only what `known` does not have already.
 */
export async function attachmentsOf(
  place: ImagePlace,
  digests: readonly string[],
  known: (found: readonly string[]) => Promise<ReadonlySet<string>>,
  context: CopyContext,
): Promise<FoundManifest[]> {
  const [referring, tagged] = await Promise.all([
    Promise.all(digests.map((digest) => referrersOf(place, digest, context))),
    cosignTagged(place, digests, context),
  ]);
  const there = await known([...tagged.map(({ manifest }) => manifest.digest), ...referring.flat()]);
  const isFresh = (digest: string): boolean => !there.has(digest);
  const read = tagged.filter(({ manifest }) => isFresh(manifest.digest));
  const unread = [...new Set(referring.flat())]
    .filter(isFresh)
    .filter((digest) => !tagged.some(({ manifest }) => manifest.digest === digest));
  const ids = unread.map((imageDigest) => ({ imageDigest }));
  return [...read, ...(await readManifests(place, ids, context))];
}

/** All that refers to images, and to what refers to them. */
export async function allAttachmentsOf(
  place: ImagePlace,
  digests: readonly string[],
  context: CopyContext,
): Promise<FoundManifest[]> {
  const all = new Map<string, FoundManifest>();
  let asked = digests;
  while (asked.length > 0) {
    const seen = new Set(all.keys());
    const fresh = await attachmentsOf(place, asked, () => Promise.resolve(seen), context);
    for (const one of fresh) all.set(one.manifest.digest, one);
    asked = fresh.map(({ manifest }) => manifest.digest);
  }
  return [...all.values()];
}

async function referrersOf(place: ImagePlace, digest: string, context: CopyContext): Promise<string[]> {
  const { ListImageReferrersCommand } = await import('@aws-sdk/client-ecr');
  const digests: string[] = [];
  let nextToken: string | undefined;
  do {
    const subjectId = { imageDigest: digest };
    const command = new ListImageReferrersCommand({ ...repositoryOf(place), subjectId, nextToken });
    const page = await send(place.client, command, context);
    for (const { digest: referrer } of page.referrers ?? [])
      if (referrer !== undefined) digests.push(referrer);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return digests;
}

async function cosignTagged(
  place: ImagePlace,
  digests: readonly string[],
  context: CopyContext,
): Promise<FoundManifest[]> {
  const found: FoundManifest[] = [];
  for (let from = 0; from < digests.length; from += IMAGES_A_CALL) {
    const ids = digests
      .slice(from, from + IMAGES_A_CALL)
      .flatMap((digest) =>
        COSIGN_SUFFIXES.map((suffix) => ({ imageTag: `${digest.replace(':', '-')}.${suffix}` })),
      );
    found.push(...(await readManifests(place, ids, context)));
  }
  return found;
}
