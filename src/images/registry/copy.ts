import { awsNameOf } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { inParallel } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import type { RegistryClient } from './client.ts';
import { openEcrRegistry } from './open.ts';
import { download } from './http.ts';
import { blobsOf, type Descriptor, type Manifest } from './manifest.ts';
import { type FoundManifest, readManifest, readManifests, withChildren } from './manifest-reader.ts';
import { downloadAddress } from './layer-download.ts';
import { type ImageRepository, registryUri, repositoryOf } from './repository.ts';

type CopyContext = Pick<Context, 'clock' | 'signal' | 'log'>;

const PUTS_AT_ONCE = 6;

/** What the copy of one image did. */
export interface CopyReport extends CopiedBlobs {
  digest: string;
  /** `same`: both names are one repository. `present`: the target had all of it. */
  state: 'copied' | 'present' | 'same';
  /** Number of manifests that were put: the image's, those of its platforms, and attachments. */
  manifests: number;
  /** Number of signatures, SBOMs and attestations that were copied. */
  attachments: number;
  /** Tags that were set on the image in the target. */
  tags: string[];
}

/** Tags that move from image to image (environments, caches) or that only builds use; they are not copied. */
const MOVABLE = /^(?:env-|cache-|content-|latest$)/;
const NOTHING: CopiedBlobs = {
  copiedBlobs: 0,
  copiedBytes: 0,
  mountedBlobs: 0,
  presentBlobs: 0,
  presentBytes: 0,
};

/**
 * Copies an image by its exact manifest: blobs that are missing, then the images of an index, then the index with
 * its tags, then signatures and SBOMs, so that every image that is visible in the target is complete. At the end
 * the image is read back from the target and its digest compared.
 *
 * @param knownInTarget whether the target has the image, where the caller knows.
 * @throws PlatformError when the source does not have the image, or a repository rejects a part of it.
 */
export async function copyImage(
  source: ImageRepository,
  target: ImageRepository,
  digest: string,
  context: CopyContext,
  knownInTarget?: boolean,
): Promise<CopyReport> {
  const inTarget = knownInTarget ?? (await readManifest(target, digest, context)) !== undefined;
  const nothing = { digest, ...NOTHING, manifests: 0, attachments: 0, tags: [] };
  if (source.uri === target.uri) {
    if (!inTarget) throw missingImage(source, digest);
    return { ...nothing, state: 'same' };
  }
  return inTarget
    ? copyNewAttachments(source, target, nothing, context)
    : copyAll(source, target, digest, context);
}

async function copyAll(
  source: ImageRepository,
  target: ImageRepository,
  digest: string,
  context: CopyContext,
): Promise<CopyReport> {
  const root = await readManifest(source, digest, context);
  if (!root) throw missingImage(source, digest);
  const image = await withChildren(source, root, context);
  const digests = image.map((manifest) => manifest.digest);
  // Attachments and tags are read while the layers are copied.
  const [moved, attached, tags] = await Promise.all([
    copyBlobs(source, target, image, context),
    findAllAttachments(source, digests, context),
    permanentTags(source, target, digest, context),
  ]);
  const parts = await withAllChildren(source, attached, context);
  if (parts.length > 0) addBlobs(moved, await copyBlobs(source, target, parts, context));
  await putAll(target, image.slice(0, -1), context);
  for (const tag of tags) await putManifest(target, root, tag, context);
  await putAttached(target, attached, parts, context);
  await requireImage(target, digest, context);
  const manifests = image.length + parts.length;
  return { digest, state: 'copied', ...moved, manifests, attachments: attached.length, tags };
}

function addBlobs(sum: CopiedBlobs, more: CopiedBlobs): void {
  sum.copiedBlobs += more.copiedBlobs;
  sum.copiedBytes += more.copiedBytes;
  sum.mountedBlobs += more.mountedBlobs;
  sum.presentBlobs += more.presentBlobs;
  sum.presentBytes += more.presentBytes;
}

/** Copies the signatures and attestations that were added since the image itself was copied. */
async function copyNewAttachments(
  source: ImageRepository,
  target: ImageRepository,
  nothing: Omit<CopyReport, 'state'>,
  context: CopyContext,
): Promise<CopyReport> {
  const known = async (digests: readonly string[]): Promise<Set<string>> => {
    const ids = digests.map((imageDigest) => ({ imageDigest }));
    return new Set((await readManifests(target, ids, context)).map(({ manifest }) => manifest.digest));
  };
  const fresh = await findAttachments(source, [nothing.digest], known, context);
  if (fresh.length === 0) return { ...nothing, state: 'present' };
  const parts = await withAllChildren(source, fresh, context);
  const moved = await copyBlobs(source, target, parts, context);
  await putAttached(target, fresh, parts, context);
  return { ...nothing, ...moved, state: 'copied', manifests: parts.length, attachments: fresh.length };
}

/** The manifests of attachments and of their children, which they rarely have. */
async function withAllChildren(
  source: ImageRepository,
  attached: readonly FoundManifest[],
  context: CopyContext,
): Promise<Manifest[]> {
  const all = await Promise.all(attached.map(({ manifest }) => withChildren(source, manifest, context)));
  return [...new Map(all.flat().map((manifest) => [manifest.digest, manifest])).values()];
}

async function putAttached(
  target: ImageRepository,
  attached: readonly FoundManifest[],
  parts: readonly Manifest[],
  context: CopyContext,
): Promise<void> {
  const tagOf = new Map(attached.map(({ manifest, tag }) => [manifest.digest, tag]));
  for (const part of parts) await putManifest(target, part, tagOf.get(part.digest), context);
}

/** Puts images before the indexes that refer to them; `withChildren` lists children before their parents. */
async function putAll(
  target: ImageRepository,
  manifests: readonly Manifest[],
  context: CopyContext,
): Promise<void> {
  const images = manifests.filter(({ kind }) => kind === 'image');
  await inParallel(images, PUTS_AT_ONCE, (manifest) => putManifest(target, manifest, undefined, context));
  for (const manifest of manifests) {
    if (manifest.kind === 'index') await putManifest(target, manifest, undefined, context);
  }
}

/**
 * The tags for the image in the target: its own from the source that the target does not use yet. It gets at least
 * one, because an untagged image expires and could not be rolled back to.
 */
async function permanentTags(
  source: ImageRepository,
  target: ImageRepository,
  digest: string,
  context: CopyContext,
): Promise<string[]> {
  const { DescribeImagesCommand } = await import('@aws-sdk/client-ecr');
  const imageIds = [{ imageDigest: digest }];
  const command = new DescribeImagesCommand({ ...repositoryOf(source), imageIds });
  const { imageDetails = [] } = await send(source.client, command, context);
  const own = (imageDetails[0]?.imageTags ?? []).filter((tag) => !MOVABLE.test(tag));
  const ids = own.map((imageTag) => ({ imageTag }));
  const taken = new Set((await readManifests(target, ids, context)).map(({ tag }) => tag));
  const free = own.filter((tag) => !taken.has(tag));
  return free.length > 0 ? free : [`release-${digest.slice('sha256:'.length, 'sha256:'.length + 16)}`];
}

async function requireImage(target: ImageRepository, digest: string, context: CopyContext): Promise<void> {
  if (await readManifest(target, digest, context)) return;
  throw new PlatformError(
    'digest-mismatch',
    `${target.name} does not give back ${digest}, which was copied to it`,
  );
}

function missingImage({ name }: ImageRepository, digest: string): PlatformError {
  return new PlatformError(
    'not-found',
    `The image ${digest} is not in the repository ${name} that it should be copied from`,
  );
}

const DIGESTS_A_CALL = 100;
const BLOBS_AT_ONCE = 6;

/** Blobs by how they got to the target. Sizes in bytes. */
interface CopiedBlobs {
  copiedBlobs: number;
  copiedBytes: number;
  /** Shared within one registry, without a transfer. */
  mountedBlobs: number;
  /** Already in the target. */
  presentBlobs: number;
  presentBytes: number;
}

/**
 * Copies every blob that the manifests need and that the target lacks: by a mount within one registry where that is
 * allowed, otherwise by streaming it through this process, without using the disk.
 */
async function copyBlobs(
  source: ImageRepository,
  target: ImageRepository,
  manifests: readonly Manifest[],
  context: CopyContext,
): Promise<CopiedBlobs> {
  const blobs = uniqueBlobs(manifests);
  const missing = await missingBlobs(target, blobs, context);
  const present = blobs.filter((blob) => !missing.includes(blob));
  const moved: CopiedBlobs = {
    copiedBlobs: 0,
    copiedBytes: 0,
    mountedBlobs: 0,
    presentBlobs: present.length,
    presentBytes: present.reduce((sum, { size }) => sum + size, 0),
  };
  if (missing.length === 0) return moved;
  const registry = await openEcrRegistry(target, context);
  let mountable = registryUri(source) === registryUri(target);
  // The largest first, so that no long upload is left for the end.
  const order = missing.toSorted((a, b) => b.size - a.size);
  await inParallel(order, BLOBS_AT_ONCE, async (blob) => {
    if (mountable && (await registry.mount(blob.digest, mountName(source)))) {
      moved.mountedBlobs++;
      return;
    }
    // The account does not share blobs between repositories: another request would only start an unused upload.
    mountable = false;
    await copyBlob(source, registry, blob, context);
    moved.copiedBlobs++;
    moved.copiedBytes += blob.size;
  });
  return moved;
}

async function copyBlob(
  source: ImageRepository,
  registry: RegistryClient,
  { digest, size }: Descriptor,
  context: CopyContext,
): Promise<void> {
  // The first download address is requested while the upload starts. Addresses are short-lived, so each retry
  // requests a new one.
  let first: Promise<URL> | undefined = downloadAddress(source, digest, context);
  first.catch(() => undefined);
  const open = async function* (): AsyncIterable<Buffer> {
    const address = first ?? downloadAddress(source, digest, context);
    first = undefined;
    yield* download(await address, size, context.signal);
  };
  await registry.upload({ digest, size, open });
}

async function missingBlobs(
  target: ImageRepository,
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

/** Each blob once, without foreign layers: those are not stored in a registry. */
function uniqueBlobs(manifests: readonly Manifest[]): Descriptor[] {
  const blobs = manifests.flatMap((manifest) => (manifest.kind === 'image' ? blobsOf(manifest) : []));
  const own = blobs.filter(({ mediaType }) => !/foreign|nondistributable/.test(mediaType));
  return [...new Map(own.map((blob) => [blob.digest, blob])).values()];
}

/** The source's path in the registry that it shares with the target. */
function mountName({ uri }: ImageRepository): string {
  return uri.slice(uri.indexOf('/') + 1);
}

/** Puts a manifest byte for byte, and a tag on it. It is no error if the repository has both already. */
export async function putManifest(
  repository: ImageRepository,
  manifest: Manifest,
  tag: string | undefined,
  context: CopyContext,
): Promise<void> {
  const { PutImageCommand } = await import('@aws-sdk/client-ecr');
  const command = new PutImageCommand({
    ...repositoryOf(repository),
    imageManifest: manifest.bytes.toString('utf8'),
    imageManifestMediaType: manifest.mediaType,
    imageDigest: manifest.digest,
    ...(tag !== undefined && { imageTag: tag }),
  });
  try {
    await send(repository.client, command, context);
  } catch (error) {
    if (awsNameOf(error) !== 'ImageAlreadyExistsException') throw error;
  }
}

/** Endings of the tags by which cosign attaches artifacts where it does not use the OCI referrers API. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'];
const IMAGES_A_CALL = 30;

/**
 * Signatures, SBOMs and attestations that refer to images, by the OCI referrers API or by cosign's tags. Attestations
 * inside an index are part of the image and not listed.
 *
 * @returns only what `known` does not have already.
 */
export async function findAttachments(
  repository: ImageRepository,
  digests: readonly string[],
  known: (found: readonly string[]) => Promise<ReadonlySet<string>>,
  context: CopyContext,
): Promise<FoundManifest[]> {
  const [referring, tagged] = await Promise.all([
    Promise.all(digests.map((digest) => referrersOf(repository, digest, context))),
    cosignTagged(repository, digests, context),
  ]);
  const there = await known([...tagged.map(({ manifest }) => manifest.digest), ...referring.flat()]);
  const isFresh = (digest: string): boolean => !there.has(digest);
  const read = tagged.filter(({ manifest }) => isFresh(manifest.digest));
  const unread = [...new Set(referring.flat())]
    .filter(isFresh)
    .filter((digest) => !tagged.some(({ manifest }) => manifest.digest === digest));
  const ids = unread.map((imageDigest) => ({ imageDigest }));
  return [...read, ...(await readManifests(repository, ids, context))];
}

/** All attachments of images, and the attachments of attachments. */
async function findAllAttachments(
  repository: ImageRepository,
  digests: readonly string[],
  context: CopyContext,
): Promise<FoundManifest[]> {
  const all = new Map<string, FoundManifest>();
  let asked = digests;
  while (asked.length > 0) {
    const seen = new Set(all.keys());
    const fresh = await findAttachments(repository, asked, () => Promise.resolve(seen), context);
    for (const one of fresh) all.set(one.manifest.digest, one);
    asked = fresh.map(({ manifest }) => manifest.digest);
  }
  return [...all.values()];
}

async function referrersOf(
  repository: ImageRepository,
  digest: string,
  context: CopyContext,
): Promise<string[]> {
  const { ListImageReferrersCommand } = await import('@aws-sdk/client-ecr');
  const digests: string[] = [];
  let nextToken: string | undefined;
  do {
    const subjectId = { imageDigest: digest };
    const command = new ListImageReferrersCommand({ ...repositoryOf(repository), subjectId, nextToken });
    const page = await send(repository.client, command, context);
    for (const { digest: referrer } of page.referrers ?? [])
      if (referrer !== undefined) digests.push(referrer);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return digests;
}

async function cosignTagged(
  repository: ImageRepository,
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
    found.push(...(await readManifests(repository, ids, context)));
  }
  return found;
}
