import { send } from '../../../aws/send.ts';
import type { Context } from '../../../core/context.ts';
import { PlatformError } from '../../../core/errors.ts';
import { readManifest, readManifests } from '../manifest-reader.ts';
import { type ImageRepository, repositoryOf } from '../repository.ts';
import { type Copied, copyAttachments, copyWhole } from './copier.ts';
import { ecrStore } from './ecr-store.ts';

type CopyContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** The result of copying one image. */
export interface CopyReport extends Copied {
  digest: string;
  /** `same`: source and target are the same repository. `present`: the target already had everything. */
  state: 'copied' | 'present' | 'same';
}

/** Tags that are not copied: mutable tags (environments, caches), tags for builds, and tags with referrers of an image. */
const NOT_COPIED = /^(?:env-|cache-|content-|sha256-|latest$)/;
const NOTHING_COPIED: Copied = {
  copiedBlobs: 0,
  copiedBytes: 0,
  mountedBlobs: 0,
  presentBlobs: 0,
  presentBytes: 0,
  manifests: 0,
  attachments: 0,
  tags: [],
  notes: [],
};

/**
 * Copies an image from one ECR repository to another, with its permanent tags and its attachments: see copyWhole. If the
 * target already has the image, only missing attachments are copied.
 *
 * @param knownInTarget whether the target has the image, if the caller knows.
 * @throws PlatformError if the source does not have the image, or a repository rejects a part of it.
 */
export async function copyImage(
  source: ImageRepository,
  target: ImageRepository,
  digest: string,
  context: CopyContext,
  knownInTarget?: boolean,
): Promise<CopyReport> {
  const inTarget = knownInTarget === false ? undefined : await readManifest(target, digest, context);
  if (source.uri === target.uri) {
    if (!inTarget) throw missingImage(source, digest);
    return { digest, ...NOTHING_COPIED, state: 'same' };
  }
  const [from, to] = [ecrStore(source, context), ecrStore(target, context)];
  if (inTarget) {
    const copied = await copyAttachments(from, to, inTarget);
    return { digest, state: copied.attachments > 0 ? 'copied' : 'present', ...copied };
  }
  const root = await readManifest(source, digest, context);
  if (!root) throw missingImage(source, digest);
  const copied = await copyWhole(from, to, root, () => permanentTags(source, target, digest, context));
  return { digest, state: 'copied', ...copied };
}

/**
 * The tags for the image in the target: its tags in the source that the target does not use yet. There is at least one,
 * because an untagged image expires and is then not available for a rollback.
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
  const own = (imageDetails[0]?.imageTags ?? []).filter((tag) => !NOT_COPIED.test(tag));
  const ids = own.map((imageTag) => ({ imageTag }));
  const taken = new Set((await readManifests(target, ids, context)).map(({ tag }) => tag));
  const free = own.filter((tag) => !taken.has(tag));
  return free.length > 0 ? free : [`release-${digest.slice('sha256:'.length, 'sha256:'.length + 16)}`];
}

function missingImage({ name }: ImageRepository, digest: string): PlatformError {
  return new PlatformError(
    'not-found',
    `The image ${digest} does not exist in the source repository ${name}`,
  );
}
