import type { ECRClient, ImageDetail } from '@aws-sdk/client-ecr';
import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import type { RegistryClient } from './client.ts';
import { RegistryError } from './error.ts';
import { type Manifest, MEDIA_TYPES } from './manifest.ts';
import { type ProofContext, requireTag, requireTags, UnprovenError } from './proof.ts';
import { type PlatformImage, readImage } from './manifest-reader.ts';
import type { Repository } from './repository.ts';

const TAG = /^\w[\w.-]{0,127}$/;

/** Whether a text is a valid tag: at most 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** An immutable tag already belongs to another image. */
class TagConflictError extends PlatformError {
  override readonly name = 'TagConflictError';

  constructor(tag: string, repository: string, current: string | undefined, wanted: string) {
    const other = current === undefined ? 'another image' : current;
    super(
      'tag-conflict',
      `The tag ${tag} of ${repository} is immutable and points to ${other}, not to ${wanted}. ` +
        'Use another tag for this image.',
    );
  }
}

/**
 * Sets tags on an image in the repository. All tags are checked before the first one is set, so that a conflict leaves
 * all of them unchanged. Tags that were set are then verified.
 *
 * @returns the tags that were set.
 * @throws TagConflictError if an immutable tag points to another image; UnprovenError.
 */
export async function putTags(
  registry: RegistryClient,
  repository: Repository,
  manifest: Manifest,
  tags: readonly string[],
  context: ProofContext,
): Promise<string[]> {
  const current = await Promise.all(
    tags.map(async (tag) => [tag, (await registry.manifest(tag))?.digest] as const),
  );
  const wanted = current.filter(([, digest]) => digest !== manifest.digest);
  for (const [tag, digest] of wanted) {
    if (digest !== undefined && repository.isImmutable(tag)) {
      throw new TagConflictError(tag, repository.name, digest, manifest.digest);
    }
  }
  for (const [tag] of wanted) await putTag(registry, repository, manifest, tag);
  const put = wanted.map(([tag]) => tag);
  await requireTags({ registry, name: repository.name }, manifest.digest, put, context);
  return put;
}

/**
 * Sets a tag on an image unless another image already has it. If the tag is mutable, two concurrent jobs may both succeed.
 *
 * @returns the image that has the tag.
 * @throws UnprovenError if the registry accepted the tag but does not return it.
 */
export async function claimTag(
  registry: RegistryClient,
  repository: Repository,
  manifest: Manifest,
  tag: string,
  context: ProofContext,
): Promise<Manifest> {
  const current = await registry.manifest(tag);
  if (current) return current;
  try {
    await putTag(registry, repository, manifest, tag);
    await requireTag({ registry, name: repository.name }, manifest.digest, tag, context);
    return manifest;
  } catch (error) {
    const isTaken = error instanceof TagConflictError || (error instanceof UnprovenError && error.isOther);
    const winner = isTaken ? await registry.manifest(tag) : undefined;
    if (winner) return winner;
    throw error;
  }
}

async function putTag(
  registry: RegistryClient,
  repository: Repository,
  manifest: Manifest,
  tag: string,
): Promise<void> {
  try {
    await registry.putManifest(tag, manifest);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.registryCode !== 'TAG_INVALID') throw error;
    // Another job has set it in the meantime, or the response to the first attempt was lost.
    const digest = (await registry.manifest(tag))?.digest;
    if (digest !== manifest.digest) {
      throw new TagConflictError(tag, repository.name, digest, manifest.digest);
    }
  }
}

export interface PreviousImage {
  digest: string;
  tags: readonly string[];
  platforms: readonly PlatformImage[];
}

const CONFIG_TYPES: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];
const IMAGE_TYPES: readonly string[] = [...MEDIA_TYPES.image, ...MEDIA_TYPES.index];

/** The image that was pushed last, ignoring caches and artifacts; undefined if the repository has none. */
export async function findPreviousImage(
  client: ECRClient,
  repositoryName: string,
  registry: RegistryClient,
  context: Pick<Context, 'signal'>,
): Promise<PreviousImage | undefined> {
  const { DescribeImagesCommand } = await import('@aws-sdk/client-ecr');
  let newest: ImageDetail | undefined;
  let nextToken: string | undefined;
  do {
    const command = new DescribeImagesCommand({
      repositoryName,
      filter: { tagStatus: 'TAGGED' },
      maxResults: 1000,
      nextToken,
    });
    const page = await send(client, command, context);
    for (const image of (page.imageDetails ?? []).filter(isRelease)) {
      if (pushedAt(image) >= pushedAt(newest)) newest = image;
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  const manifest =
    newest?.imageDigest === undefined ? undefined : await registry.manifest(newest.imageDigest);
  if (!manifest) return undefined;
  const tags = newest?.imageTags ?? [];
  return { digest: manifest.digest, tags, platforms: await readImage(registry, manifest) };
}

/** Build caches, signatures and other artifacts also have an image manifest, but with another type of config. */
function isRelease(image: ImageDetail): boolean {
  const { imageManifestMediaType = '', artifactMediaType, imageTags = [] } = image;
  const isImage = artifactMediaType === undefined || CONFIG_TYPES.includes(artifactMediaType);
  const isCache = imageTags.every((tag) => tag.startsWith('cache-'));
  return IMAGE_TYPES.includes(imageManifestMediaType) && isImage && !isCache;
}

function pushedAt(image: ImageDetail | undefined): number {
  return image?.imagePushedAt?.getTime() ?? 0;
}
