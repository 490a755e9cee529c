import { inParallel } from '../../../core/concurrency.ts';
import { PlatformError } from '../../../core/errors.ts';
import { type Descriptor, type Manifest, MEDIA_TYPES, storedBlobs } from '../manifest.ts';
import { putAttachments } from './attach.ts';
import { type Attachments, findAllAttachments, type TaggedManifest } from './attachments.ts';
import { mergeTagged } from './merge.ts';
import type { ImageStore } from './store.ts';

const PUTS_AT_ONCE = 6;
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

/** What was copied of one image. */
export interface Copied extends CopiedBlobs {
  /** Number of manifests that were put: the image's, those of its platforms, and attachments. */
  manifests: number;
  /** Number of signatures, SBOMs and attestations that were copied. */
  attachments: number;
  /** Tags that were set on the image in the target. */
  tags: readonly string[];
  /** What was merged, and what the target still lacks, a sentence each. */
  notes: readonly string[];
}

/**
 * Copies an image by its exact manifest: blobs that are missing, then the images of an index, then the index with
 * its tags, then signatures and SBOMs, so that every image that is visible in the target is complete. At the end
 * the image is read back from the target and its digest compared.
 *
 * @param findTags the tags for the image in the target; without one it has none.
 */
export async function copyWhole(
  source: ImageStore,
  target: ImageStore,
  root: Manifest,
  findTags?: () => Promise<readonly string[]>,
): Promise<Copied> {
  const image = await withChildren(source, root);
  const digests = image.map(({ digest }) => digest);
  // Attachments and tags are read while the layers are copied.
  const [moved, attachments, tags] = await Promise.all([
    copyBlobs(source, target, image),
    findAllAttachments(source, target, digests),
    findTags?.() ?? [],
  ]);
  await putAll(target, image.slice(0, -1));
  for (const tag of tags.length > 0 ? tags : [undefined]) await target.putManifest(root, tag);
  const attached = await copyFound(source, target, attachments);
  addBlobs(moved, attached);
  await requireImage(target, root.digest);
  return { ...attached, ...moved, manifests: image.length + attached.manifests, tags };
}

/**
 * Copies the signatures, SBOMs and attestations that a target lacks of an image that it has. What the target has of its
 * own stays.
 */
export async function copyAttachments(
  source: ImageStore,
  target: ImageStore,
  root: Manifest,
): Promise<Copied> {
  return copyFound(source, target, await findAllAttachments(source, target, await partsOf(source, root)));
}

async function copyFound(source: ImageStore, target: ImageStore, attachments: Attachments): Promise<Copied> {
  const tagged = await lackedTags(target, attachments.tagged);
  const parts = await withAllChildren(source, [
    ...attachments.referrers,
    ...tagged.map(({ manifest }) => manifest),
  ]);
  const moved = await copyBlobs(source, target, parts);
  const own = new Set([...attachments.referrers, ...tagged.map(({ manifest }) => manifest)]);
  await putAll(
    target,
    parts.filter((part) => !own.has(part)),
  );
  const { put, notes } = await putAttachments(target, { ...attachments, tagged });
  return {
    ...moved,
    manifests: put === 0 ? 0 : parts.length,
    attachments: put,
    tags: [],
    notes: [...attachments.notes, ...notes],
  };
}

/** The tags that hold something in the source that they do not hold in the target. */
async function lackedTags(target: ImageStore, tagged: readonly TaggedManifest[]): Promise<TaggedManifest[]> {
  const found = await target.manifests(tagged.map(({ tag }) => ({ imageTag: tag })));
  const theirs = new Map(found.map(({ manifest, tag }) => [tag, manifest]));
  return tagged.filter(({ manifest, tag }) => mergeTagged(tag, manifest, theirs.get(tag)).kind !== 'present');
}

function addBlobs(sum: CopiedBlobs, more: CopiedBlobs): void {
  sum.copiedBlobs += more.copiedBlobs;
  sum.copiedBytes += more.copiedBytes;
  sum.mountedBlobs += more.mountedBlobs;
  sum.presentBlobs += more.presentBlobs;
  sum.presentBytes += more.presentBytes;
}

/** The digests of an image and of all that it consists of. */
async function partsOf(source: ImageStore, root: Manifest): Promise<string[]> {
  if (root.kind === 'image') return [root.digest];
  const isIndex = ({ mediaType }: Descriptor): boolean =>
    (MEDIA_TYPES.index as readonly string[]).includes(mediaType);
  const nested = root.children.filter(isIndex).map(({ digest }) => ({ imageDigest: digest }));
  const indexes = nested.length > 0 ? await source.manifests(nested) : [];
  const below = await Promise.all(indexes.map(({ manifest }) => partsOf(source, manifest)));
  return [...new Set([root.digest, ...root.children.map(({ digest }) => digest), ...below.flat()])];
}

/** A manifest and all its descendants, children first: the order in which a registry accepts them. */
async function withChildren(source: ImageStore, root: Manifest): Promise<Manifest[]> {
  if (root.kind === 'image') return [root];
  const wanted = [...new Set(root.children.map(({ digest }) => digest))];
  const ids = wanted.map((imageDigest) => ({ imageDigest }));
  const children = (await source.manifests(ids)).map(({ manifest }) => manifest);
  const missing = wanted.find((digest) => !children.some((child) => child.digest === digest));
  if (missing !== undefined) {
    throw new PlatformError('image-invalid', `${source.name} lacks ${missing}, a part of ${root.digest}`);
  }
  const below = await Promise.all(children.map((child) => withChildren(source, child)));
  return [...below.flat(), root];
}

/** The manifests of attachments and of their children, which they rarely have. */
async function withAllChildren(source: ImageStore, attached: readonly Manifest[]): Promise<Manifest[]> {
  const all = await Promise.all(attached.map((manifest) => withChildren(source, manifest)));
  return [...new Map(all.flat().map((manifest) => [manifest.digest, manifest])).values()];
}

/** Puts images before the indexes that refer to them; `withChildren` lists children before their parents. */
async function putAll(target: ImageStore, manifests: readonly Manifest[]): Promise<void> {
  const images = manifests.filter(({ kind }) => kind === 'image');
  await inParallel(images, PUTS_AT_ONCE, (manifest) => target.putManifest(manifest, undefined));
  for (const manifest of manifests) {
    if (manifest.kind === 'index') await target.putManifest(manifest, undefined);
  }
}

async function requireImage(target: ImageStore, digest: string): Promise<void> {
  if ((await target.manifests([{ imageDigest: digest }])).length > 0) return;
  throw new PlatformError(
    'digest-mismatch',
    `${target.name} does not give back ${digest}, which was copied to it`,
  );
}

/**
 * Copies every blob that the manifests need and that the target lacks: by a mount within one registry where that is
 * allowed, otherwise by streaming it through this process, without using the disk.
 */
async function copyBlobs(
  source: ImageStore,
  target: ImageStore,
  manifests: readonly Manifest[],
): Promise<CopiedBlobs> {
  const blobs = storedBlobs(manifests);
  const missing = await target.missingBlobs(blobs);
  const present = blobs.filter((blob) => !missing.includes(blob));
  const moved: CopiedBlobs = {
    copiedBlobs: 0,
    copiedBytes: 0,
    mountedBlobs: 0,
    presentBlobs: present.length,
    presentBytes: present.reduce((sum, { size }) => sum + size, 0),
  };
  if (missing.length === 0) return moved;
  const registry = await target.registry();
  let mountable = source.registryUri === target.registryUri;
  // The largest first, so that no long upload is left for the end.
  const order = missing.toSorted((a, b) => b.size - a.size);
  await inParallel(order, BLOBS_AT_ONCE, async (blob) => {
    if (mountable && (await registry.mount(blob.digest, mountName(source)))) {
      moved.mountedBlobs++;
      return;
    }
    // The account does not share blobs between repositories: another request would only start an unused upload.
    mountable = false;
    const { digest, size } = blob;
    await registry.upload({ digest, size, open: source.blobReader(blob) });
    moved.copiedBlobs++;
    moved.copiedBytes += size;
  });
  return moved;
}

/** The source's path in the registry that it shares with the target. */
function mountName({ uri }: ImageStore): string {
  return uri.slice(uri.indexOf('/') + 1);
}
