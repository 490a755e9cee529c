import { send } from '../../../aws/send.ts';
import type { Context } from '../../../core/context.ts';
import { PlatformError } from '../../../core/errors.ts';
import { readManifest, readManifests } from '../manifest-reader.ts';
import { type ImageRepository, repositoryOf } from '../repository.ts';
import { type Copied, copyAttachments, copyWhole } from './copier.ts';
import { ecrStore } from './ecr-store.ts';

type CopyContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** What the copy of one image did. */
export interface CopyReport extends Copied {
  digest: string;
  /** `same`: both names are one repository. `present`: the target had all of it. */
  state: 'copied' | 'present' | 'same';
}

/**
 * Tags that move from image to image (environments, caches), that only builds use, or by which clients list what refers
 * to an image; they are not copied.
 */
const MOVABLE = /^(?:env-|cache-|content-|sha256-|latest$)/;
const NOTHING: Copied = {
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
 * Copies an image from one repository of ECR to another, with its permanent tags and its attachments; see copyWhole.
 * Of an image that the target has, the attachments that it lacks are copied.
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
  const inTarget = knownInTarget === false ? undefined : await readManifest(target, digest, context);
  if (source.uri === target.uri) {
    if (!inTarget) throw missingImage(source, digest);
    return { digest, ...NOTHING, state: 'same' };
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

function missingImage({ name }: ImageRepository, digest: string): PlatformError {
  return new PlatformError(
    'not-found',
    `The image ${digest} is not in the repository ${name} that it should be copied from`,
  );
}
