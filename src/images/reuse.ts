import { PlatformError } from '../core/errors.ts';
import { duration } from '../core/text.ts';
import type { ImageBuildContext, ImageRequest } from './context.ts';
import { type ContentImages, findGenerations, type Generation, readPushTime } from './generations.ts';
import type { Manifest } from './registry/manifest.ts';
import type { ImageSource } from './source.ts';

/** What the repository has for a source, and what a run does with it. */
export interface Reuse {
  /** The image that serves; absent: one is made. */
  existing?: Manifest;
  /** Of a build: the number of the image that serves, or of the one that is made. */
  generation: number;
  /** Whether the image is made since the one of the same content is too old: with nothing from a cache. */
  fresh: boolean;
  content: ContentImages;
}

const NOTHING: ContentImages = { generations: [], tagged: new Map() };

/**
 * Looks for the image of the same content, and decides whether it serves.
 *
 * @throws PlatformError `tag-conflict` for `reuse: false` with an immutable tag that an image of this content has.
 */
export async function findReuse(
  source: ImageSource,
  request: ImageRequest,
  build: ImageBuildContext,
): Promise<Reuse> {
  if (source.kind !== 'build') {
    const digest = source.kind === 'layout' ? source.layout.root.digest : source.digest;
    return made(await build.registry.manifest(digest));
  }
  const { contentTag } = source;
  if (contentTag === undefined) return made(undefined);
  const content = await findGenerations(imageRepository(build), contentTag, request.tags, build.context);
  const newest = content.generations.at(-1);
  if (!newest) return { ...made(undefined), content };
  const pinned = request.numberTags ? [] : pinnedGenerations(content, request, build);
  const next = { generation: newest.number + 1, content };
  if (!request.reuse) {
    if (pinned[0]) throw pinnedError(pinned[0], request);
    return { ...next, fresh: false };
  }
  const [serving = newest] = pinned;
  const isDue = await isRebuildDue(serving.manifest, request, build);
  if (isDue && pinned.length === 0) return { ...next, fresh: true };
  if (isDue) build.progress.note(`The image is not rebuilt: ${immutable(pinned[0]?.tag ?? '', request)}.`);
  return { existing: serving.manifest, generation: serving.number, fresh: false, content };
}

function made(existing: Manifest | undefined): Reuse {
  return { ...(existing && { existing }), generation: 1, fresh: false, content: NOTHING };
}

interface PinnedGeneration extends Generation {
  tag: string;
}

/** The images of this content that have one of the requested tags, where it cannot move. */
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

/** The age is that of the registry's own time. An image whose age is not known is not proven to be young. */
async function isRebuildDue(
  { digest }: Manifest,
  { rebuildAfterMs }: ImageRequest,
  build: ImageBuildContext,
): Promise<boolean> {
  if (rebuildAfterMs === undefined) return false;
  const { context, progress } = build;
  const pushedAt = await readPushTime(imageRepository(build), digest, context);
  if (!pushedAt) {
    progress.note(`The image ${digest} is rebuilt: ECR gives no time for its push.`);
    return true;
  }
  const age = context.clock.now() - pushedAt.getTime();
  if (age <= rebuildAfterMs) return false;
  const limit = duration(rebuildAfterMs);
  progress.note(
    `The image of the same content is from ${pushedAt.toISOString()}, older than ${limit}: it is due for a rebuild.`,
  );
  return true;
}

/**
 * The tags for an image. One that cannot move, and that an older build of the same content has, gets the number of
 * the image: `<commit>-2`.
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
      `The tag ${tag} cannot move from ${current}, an older build of this content: ${numbered} is set.`,
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
      fix: `Give the rebuilt image another tag, such as ${tag}-2, or leave \`tags\` out: the default is numbered.`,
    },
  );
}
