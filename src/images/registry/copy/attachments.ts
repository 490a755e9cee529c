import { inParallel } from '../../../core/concurrency.ts';
import { type Descriptor, type Manifest, MEDIA_TYPES } from '../manifest.ts';
import type { FoundManifest } from '../manifest-reader.ts';
import type { ImageStore } from './store.ts';

/** The suffixes of the tags with which cosign attaches artifacts if it does not use the OCI referrers API. */
const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'];
const IMAGES_A_CALL = 30;
const LISTS_AT_ONCE = 8;
const COPYABLE: readonly string[] = [...MEDIA_TYPES.image, ...MEDIA_TYPES.index];

/** A manifest with a tag of cosign. */
export interface TaggedManifest extends FoundManifest {
  tag: string;
}

/** Signatures, SBOMs and attestations that refer to an image, to its parts, or to each other. */
export interface Attachments {
  /** Attachments with a subject that the target does not have yet. */
  referrers: readonly Manifest[];
  /** The referrers of each manifest in the source. Manifests without referrers are omitted. */
  lists: ReadonlyMap<string, readonly Descriptor[]>;
  /** Attachments with cosign's tags. The target may have some of them. */
  tagged: readonly TaggedManifest[];
  /** Attachments that cannot be copied, one sentence each. */
  notes: readonly string[];
}

/**
 * The attachments of images from the OCI referrers API and from cosign's tags. Attestations inside an index are part of
 * the image and not included.
 */
export async function findAttachments(
  store: ImageStore,
  digests: readonly string[],
): Promise<FoundManifest[]> {
  const [lists, tagged] = await Promise.all([referrerLists(store, digests), cosignTagged(store, digests)]);
  const referring = await store.manifests(idsOf([...lists.values()].flat()));
  return [...referring, ...tagged];
}

/**
 * All attachments of the parts of an image in the source, and of those attachments. Of attachments with a subject, only
 * manifests that the target does not have are read.
 */
export async function findAllAttachments(
  source: ImageStore,
  target: ImageStore,
  parts: readonly string[],
): Promise<Attachments> {
  const lists = new Map<string, readonly Descriptor[]>();
  const referrers: Manifest[] = [];
  const tagged: TaggedManifest[] = [];
  const notes: string[] = [];
  const visited = new Set<string>();
  for (let next = [...new Set(parts)]; next.length > 0;) {
    for (const digest of next) visited.add(digest);
    const [found, byTag] = await Promise.all([referrerLists(source, next), cosignTagged(source, next)]);
    const known = await copyable(source, target, found);
    for (const [subject, list] of known.lists) lists.set(subject, list);
    referrers.push(...known.fresh);
    notes.push(...known.notes);
    tagged.push(...byTag);
    const digests = [...[...known.lists.values()].flat(), ...byTag.map(({ manifest }) => manifest)];
    next = [...new Set(digests.map(({ digest }) => digest))].filter((digest) => !visited.has(digest));
  }
  return { referrers, lists, tagged, notes };
}

/** The referrers that can be copied, and the manifests among them that the target does not have. */
async function copyable(
  source: ImageStore,
  target: ImageStore,
  found: ReadonlyMap<string, readonly Descriptor[]>,
): Promise<{ lists: Map<string, Descriptor[]>; fresh: Manifest[]; notes: string[] }> {
  const all = [...found.values()].flat();
  const present = new Set(digestsOf(await target.manifests(idsOf(all.filter(isCopyable)))));
  const wanted = all.filter((one) => isCopyable(one) && !present.has(one.digest));
  const fresh = (await source.manifests(idsOf(wanted))).map(({ manifest }) => manifest);
  const given = new Set([...present, ...fresh.map(({ digest }) => digest)]);
  const notes = all
    .filter(({ digest }) => !given.has(digest))
    .map((one) =>
      isCopyable(one)
        ? `${source.name} lists the attachment ${one.digest} of the image, but does not contain it.`
        : `The attachment ${one.digest} of the image in ${source.name} was not copied, because its type ${one.mediaType} is not supported.`,
    );
  const lists = new Map(
    [...found].map(([subject, list]) => [subject, list.filter(({ digest }) => given.has(digest))]),
  );
  return { lists, fresh, notes };
}

/** Only some registries accept manifests of a type from drafts of the OCI specification. */
function isCopyable({ mediaType }: Descriptor): boolean {
  return COPYABLE.includes(mediaType);
}

async function referrerLists(
  store: ImageStore,
  digests: readonly string[],
): Promise<Map<string, Descriptor[]>> {
  const lists = new Map<string, Descriptor[]>();
  await inParallel(digests, LISTS_AT_ONCE, async (digest) => {
    const list = await store.referrers(digest);
    if (list.length > 0) lists.set(digest, list);
  });
  return lists;
}

async function cosignTagged(store: ImageStore, digests: readonly string[]): Promise<TaggedManifest[]> {
  const found: FoundManifest[] = [];
  for (let from = 0; from < digests.length; from += IMAGES_A_CALL) {
    const ids = digests
      .slice(from, from + IMAGES_A_CALL)
      .flatMap((digest) =>
        COSIGN_SUFFIXES.map((suffix) => ({ imageTag: `${tagOfDigest(digest)}.${suffix}` })),
      );
    found.push(...(await store.manifests(ids)));
  }
  return found.flatMap(({ manifest, tag }) => (tag === undefined ? [] : [{ manifest, tag }]));
}

/** The tag with the list of a digest's referrers, in registries without the referrers API. */
export function tagOfDigest(digest: string): string {
  return digest.replace(':', '-');
}

function idsOf(descriptors: readonly Descriptor[]): { imageDigest: string }[] {
  return [...new Set(descriptors.map(({ digest }) => digest))].map((imageDigest) => ({ imageDigest }));
}

function digestsOf(found: readonly FoundManifest[]): string[] {
  return found.map(({ manifest }) => manifest.digest);
}
