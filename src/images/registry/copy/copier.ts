import { inParallel } from '../../../core/concurrency.ts';
import { PlatformError } from '../../../core/errors.ts';
import { type Descriptor, type Manifest, MEDIA_TYPES, storedBlobs } from '../manifest.ts';
import { putAttachments } from './attach.ts';
import { type Attachments, findAllAttachments, type TaggedManifest } from './attachments.ts';
import { mergeTagged } from './merge.ts';
import type { ImageStore } from './store.ts';

const PUTS_AT_ONCE = 6;
const BLOBS_AT_ONCE = 6;

/** Blobs by how they were transferred to the target. Sizes are in bytes. */
interface CopiedBlobs {
  copiedBlobs: number;
  copiedBytes: number;
  /** Shared within one registry, without a transfer. */
  mountedBlobs: number;
  /** Already in the target. */
  presentBlobs: number;
  presentBytes: number;
}

/** What was copied for one image. */
export interface Copied extends CopiedBlobs {
  /** The number of manifests: of the image, its platforms and attachments. */
  manifests: number;
  /** The number of signatures, SBOMs and attestations. */
  attachments: number;
  /** The tags that were set in the target. */
  tags: readonly string[];
  /** Merged and missing attachments, one sentence each. */
  notes: readonly string[];
}

/**
 * Copies an image with its exact manifest: missing blobs, then the images of an index, then the index with its tags, then
 * signatures and SBOMs. Every image that is visible in the target is therefore complete. Finally, the image is read back
 * from the target by its digest.
 *
 * @param findTags the tags for the image in the target; absent: none.
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
 * Copies the missing signatures, SBOMs and attestations of an image that the target already has. Other attachments in the
 * target are kept.
 */
export async function copyAttachments(
  source: ImageStore,
  target: ImageStore,
  root: Manifest,
): Promise<Copied> {
  return copyFound(source, target, await findAllAttachments(source, target, await partsOf(source, root)));
}

async function copyFound(source: ImageStore, target: ImageStore, attachments: Attachments): Promise<Copied> {
  const tagged = await incompleteTags(target, attachments.tagged);
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

/** The tags that have content in the source that is missing in the target. */
async function incompleteTags(
  target: ImageStore,
  tagged: readonly TaggedManifest[],
): Promise<TaggedManifest[]> {
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

/** The digests of an image and of all its descendants. */
async function partsOf(source: ImageStore, root: Manifest): Promise<string[]> {
  if (root.kind === 'image') return [root.digest];
  const isIndex = ({ mediaType }: Descriptor): boolean =>
    (MEDIA_TYPES.index as readonly string[]).includes(mediaType);
  const nested = root.children.filter(isIndex).map(({ digest }) => ({ imageDigest: digest }));
  const indexes = nested.length > 0 ? await source.manifests(nested) : [];
  const below = await Promise.all(indexes.map(({ manifest }) => partsOf(source, manifest)));
  return [...new Set([root.digest, ...root.children.map(({ digest }) => digest), ...below.flat()])];
}

/** A manifest and all its descendants. Children come first, because registries require that order. */
async function withChildren(source: ImageStore, root: Manifest): Promise<Manifest[]> {
  if (root.kind === 'image') return [root];
  const wanted = [...new Set(root.children.map(({ digest }) => digest))];
  const ids = wanted.map((imageDigest) => ({ imageDigest }));
  const children = (await source.manifests(ids)).map(({ manifest }) => manifest);
  const missing = wanted.find((digest) => !children.some((child) => child.digest === digest));
  if (missing !== undefined) {
    throw new PlatformError(
      'image-invalid',
      `${source.name} does not contain ${missing}, a part of ${root.digest}`,
    );
  }
  const below = await Promise.all(children.map((child) => withChildren(source, child)));
  return [...below.flat(), root];
}

/** The manifests of attachments and of their children, which are rare. */
async function withAllChildren(source: ImageStore, attached: readonly Manifest[]): Promise<Manifest[]> {
  const all = await Promise.all(attached.map((manifest) => withChildren(source, manifest)));
  return [...new Map(all.flat().map((manifest) => [manifest.digest, manifest])).values()];
}

/** Pushes images before the indexes that refer to them. `withChildren` lists children before their parents. */
async function putAll(target: ImageStore, manifests: readonly Manifest[]): Promise<void> {
  const images = manifests.filter(({ kind }) => kind === 'image');
  await inParallel(images, PUTS_AT_ONCE, (manifest) => target.putManifest(manifest, undefined));
  for (const manifest of manifests) {
    if (manifest.kind === 'index') await target.putManifest(manifest, undefined);
  }
}

async function requireImage(target: ImageStore, digest: string): Promise<void> {
  if ((await target.manifests([{ imageDigest: digest }])).length > 0) return;
  throw new PlatformError('digest-mismatch', `${target.name} accepted ${digest}, but then did not return it`);
}

/**
 * Copies all missing blobs of the manifests: by mounting them if that is possible within the registry, or else by
 * streaming them through this process without using the disk.
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
  // The largest first, so that no long upload remains at the end.
  const order = missing.toSorted((a, b) => b.size - a.size);
  await inParallel(order, BLOBS_AT_ONCE, async (blob) => {
    if (mountable && (await registry.mount(blob.digest, mountName(source)))) {
      moved.mountedBlobs++;
      return;
    }
    // The registry does not share blobs between repositories. Further requests would only start unused uploads.
    mountable = false;
    const { digest, size } = blob;
    await registry.upload({ digest, size, open: source.blobReader(blob) });
    moved.copiedBlobs++;
    moved.copiedBytes += size;
  });
  return moved;
}

/** The path of the source in its registry. */
function mountName({ uri }: ImageStore): string {
  return uri.slice(uri.indexOf('/') + 1);
}
