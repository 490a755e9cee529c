import { PlatformError } from '../core/errors.ts';
import { duration } from '../core/text.ts';
import type { ImageBuildContext, ImageRequest } from './context.ts';
import { type ContentImages, findGenerations, type Generation, readPushTime } from './generations.ts';
import type { Manifest } from './registry/manifest.ts';
import type { ImageSource } from './source.ts';

/** Whether a run reuses an image of the repository. */
export interface Reuse {
  /** The reused image; absent if a new one is created. */
  existing?: Manifest;
  /** The generation of the reused or new image of a build. */
  generation: number;
  /** Whether a new image is built without a cache, because the one of the same content is too old. */
  fresh: boolean;
  content: ContentImages;
}

const NO_IMAGES: ContentImages = { generations: [], tagged: new Map() };

/**
 * Looks for an image of the same content, and decides whether to reuse it.
 *
 * @throws PlatformError `tag-conflict` for `reuse: false` if an image of this content has an immutable tag of the request.
 */
export async function findReuse(
  source: ImageSource,
  request: ImageRequest,
  build: ImageBuildContext,
): Promise<Reuse> {
  if (source.kind !== 'build') {
    const digest = source.kind === 'layout' ? source.layout.root.digest : source.digest;
    return withoutContent(await build.registry.manifest(digest));
  }
  const { contentTag } = source;
  if (contentTag === undefined) return withoutContent(undefined);
  const content = await findGenerations(imageRepository(build), contentTag, request.tags, build.context);
  const newest = content.generations.at(-1);
  if (!newest) return { ...withoutContent(undefined), content };
  const pinned = request.numberTags ? [] : pinnedGenerations(content, request, build);
  const next = { generation: newest.number + 1, content };
  if (!request.reuse) {
    if (pinned[0]) throw pinnedError(pinned[0], request);
    return { ...next, fresh: false };
  }
  const [reusable = newest] = pinned;
  const isDue = await isRebuildDue(reusable.manifest, request, build);
  if (isDue && pinned.length === 0) return { ...next, fresh: true };
  if (isDue) build.progress.note(`The image is not rebuilt: ${immutable(pinned[0]?.tag ?? '', request)}.`);
  return { existing: reusable.manifest, generation: reusable.number, fresh: false, content };
}

function withoutContent(existing: Manifest | undefined): Reuse {
  return { ...(existing && { existing }), generation: 1, fresh: false, content: NO_IMAGES };
}

interface PinnedGeneration extends Generation {
  tag: string;
}

/** The images of this content that have a requested tag that is immutable. */
function pinnedGenerations(
  { generations, tagged }: ContentImages,
  { tags }: ImageRequest,
  { repository }: ImageBuildContext,
): PinnedGeneration[] {
  return tags
    .filter((tag) => repository.isImmutable(tag))
    .flatMap((tag) => {
      const own = generations.find(({ manifest }) => manifest.digest === tagged.get(tag));
      return own ? [{ ...own, tag }] : [];
    });
}

/** Age is measured by the registry's push time. An image of unknown age is rebuilt. */
async function isRebuildDue(
  { digest }: Manifest,
  { rebuildAfterMs }: ImageRequest,
  build: ImageBuildContext,
): Promise<boolean> {
  if (rebuildAfterMs === undefined) return false;
  const { context, progress } = build;
  const pushedAt = await readPushTime(imageRepository(build), digest, context);
  if (!pushedAt) {
    progress.note(`The image ${digest} is rebuilt, because ECR did not return its push time.`);
    return true;
  }
  const age = context.clock.now() - pushedAt.getTime();
  if (age <= rebuildAfterMs) return false;
  const limit = duration(rebuildAfterMs);
  progress.note(
    `The image of the same content was pushed at ${pushedAt.toISOString()}, more than ${limit} ago, so it is rebuilt.`,
  );
  return true;
}

/**
 * The tags for an image. If an older build of the same content has an immutable tag, the number of the image is appended:
 * `<commit>-2`.
 */
export function tagsFor(
  { digest }: Manifest,
  { content, generation }: Reuse,
  { tags, numberTags }: ImageRequest,
  { repository, progress }: ImageBuildContext,
): string[] {
  if (!numberTags) return [...tags];
  const older = new Set(content.generations.map(({ manifest }) => manifest.digest));
  return tags.map((tag) => {
    const current = content.tagged.get(tag);
    if (current === undefined || current === digest) return tag;
    if (!repository.isImmutable(tag) || !older.has(current)) return tag;
    const numbered = `${tag}-${generation}`;
    progress.note(
      `The tag ${tag} is immutable and points to ${current}, an older build of this content. The tag ${numbered} is set instead.`,
    );
    return numbered;
  });
}

function imageRepository({ client, repository: { name, uri } }: ImageBuildContext) {
  return { client, name, uri };
}

function immutable(tag: string, { repository }: ImageRequest): string {
  return `the tag ${tag} of ${repository} is immutable and points to an earlier build of this content`;
}

function pinnedError({ tag, manifest: { digest } }: PinnedGeneration, request: ImageRequest): PlatformError {
  return new PlatformError(
    'tag-conflict',
    `The rebuild was not started: ${immutable(tag, request)}, ${digest}`,
    {
      fix: `Set \`tags\` to another tag, such as ${tag}-2, or omit it: the default tag is numbered.`,
    },
  );
}
