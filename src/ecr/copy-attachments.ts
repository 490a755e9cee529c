import { send } from '../aws/send.ts';
import { readManifests } from './copy-manifests.ts';
import type { FoundManifest } from './copy-manifests.ts';
import { repositoryOf } from './copy-place.ts';
import type { CopyContext, ImagePlace } from './copy-place.ts';

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
