import { awsNameOf } from '../../../aws/errors.ts';
import { plural } from '../../../core/text.ts';
import { RegistryError } from '../error.ts';
import type { Manifest } from '../manifest.ts';
import { type Attachments, tagOfDigest } from './attachments.ts';
import { type Merge, mergeReferrers, mergeTagged } from './merge.ts';
import type { ImageStore } from './store.ts';

/** Another job may write the same tag. There are no conditional writes, so the tag is read again after each write. */
const MOST_WRITES = 3;

/** Pushes the manifests of attachments. Their blobs, and the manifests that they refer to, must be in the target. */
export async function putAttachments(
  target: ImageStore,
  { referrers, lists, tagged }: Attachments,
): Promise<{ put: number; notes: string[] }> {
  for (const manifest of referrers) await target.putManifest(manifest, undefined);
  const results: MergeResult[] = [];
  for (const { manifest, tag } of tagged) {
    results.push(await mergeTag(target, tag, (theirs) => mergeTagged(tag, manifest, theirs)));
  }
  for (const [subject, list] of lists) {
    if (await target.listsReferrers(subject)) continue;
    results.push(
      await mergeTag(target, tagOfDigest(subject), (theirs) => mergeReferrers(subject, list, theirs)),
    );
  }
  const put = results.slice(0, tagged.length).filter(({ isPut }) => isPut).length;
  return { put: referrers.length + put, notes: results.flatMap(({ note }) => note ?? []) };
}

interface MergeResult {
  isPut: boolean;
  note?: string;
}

/** Merges a tag and reads it back, until it is complete. */
async function mergeTag(
  target: ImageStore,
  tag: string,
  merge: (theirs: Manifest | undefined) => Merge,
): Promise<MergeResult> {
  const name = `${target.name}:${tag}`;
  let note: string | undefined;
  for (let writes = 0; ; writes++) {
    const [current] = await target.manifests([{ imageTag: tag }]);
    const next = merge(current?.manifest);
    if (next.kind === 'present') return { isPut: writes > 0, ...(note !== undefined && { note }) };
    if (next.kind === 'conflict')
      return { isPut: false, note: `${name} was not changed, because it ${next.why}.` };
    if (writes === MOST_WRITES) {
      return {
        isPut: false,
        note: `${name} was changed by others in the meantime, so ${missing(next.added)} could not be added.`,
      };
    }
    try {
      await putMerged(target, next, tag);
    } catch (error) {
      if (!isImmutableTag(error)) throw error;
      return { isPut: false, note: immutableNote(name, next.added) };
    }
    if (next.kept > 0) note = `${name}: added ${missing(next.added)} to the existing ${next.kept}.`;
  }
}

async function putMerged(
  target: ImageStore,
  { manifest, config }: Extract<Merge, { kind: 'put' }>,
  tag: string,
): Promise<void> {
  if (config && manifest.kind === 'image') {
    const { digest, size } = manifest.config;
    const registry = await target.registry();
    await registry.upload({ digest, size, open: () => once(config) });
  }
  await target.putManifest(manifest, tag);
}

async function* once(bytes: Buffer): AsyncIterable<Buffer> {
  yield await Promise.resolve(bytes);
}

/**
 * Whether a registry rejected a change of a tag. ECR: "The image tag '…' already exists in the '…' repository and cannot be
 * overwritten because the tag is immutable." Harbor: "… configured as immutable."
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html (ImageTagAlreadyExistsException)
 * @see https://github.com/goharbor/harbor/issues/17332
 */
function isImmutableTag(error: unknown): boolean {
  if (awsNameOf(error) === 'ImageTagAlreadyExistsException') return true;
  return error instanceof RegistryError && /immutable/i.test(error.message);
}

function immutableNote(name: string, added: number): string {
  return (
    `${name} is immutable, so ${missing(added)} could not be added. ` +
    'Fix: Exclude sha256-* from the immutability of the tags of this repository.'
  );
}

function missing(added: number): string {
  return plural(added, 'attachment');
}
