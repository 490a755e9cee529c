import type { FoundManifest } from '../manifest-reader.ts';
import type { ImageStore } from './store.ts';

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
  store: ImageStore,
  digests: readonly string[],
  known: (found: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<FoundManifest[]> {
  const [referring, tagged] = await Promise.all([
    Promise.all(digests.map((digest) => store.referrers(digest))),
    cosignTagged(store, digests),
  ]);
  const there = await known([...tagged.map(({ manifest }) => manifest.digest), ...referring.flat()]);
  const isFresh = (digest: string): boolean => !there.has(digest);
  const read = tagged.filter(({ manifest }) => isFresh(manifest.digest));
  const unread = [...new Set(referring.flat())]
    .filter(isFresh)
    .filter((digest) => !tagged.some(({ manifest }) => manifest.digest === digest));
  return [...read, ...(await store.manifests(unread.map((imageDigest) => ({ imageDigest }))))];
}

/** All attachments of images, and the attachments of attachments. */
export async function findAllAttachments(
  store: ImageStore,
  digests: readonly string[],
): Promise<FoundManifest[]> {
  const all = new Map<string, FoundManifest>();
  let asked = digests;
  while (asked.length > 0) {
    const seen = new Set(all.keys());
    const fresh = await findAttachments(store, asked, () => Promise.resolve(seen));
    for (const one of fresh) all.set(one.manifest.digest, one);
    asked = fresh.map(({ manifest }) => manifest.digest);
  }
  return [...all.values()];
}

async function cosignTagged(store: ImageStore, digests: readonly string[]): Promise<FoundManifest[]> {
  const found: FoundManifest[] = [];
  for (let from = 0; from < digests.length; from += IMAGES_A_CALL) {
    const ids = digests
      .slice(from, from + IMAGES_A_CALL)
      .flatMap((digest) =>
        COSIGN_SUFFIXES.map((suffix) => ({ imageTag: `${digest.replace(':', '-')}.${suffix}` })),
      );
    found.push(...(await store.manifests(ids)));
  }
  return found;
}
