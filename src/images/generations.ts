import { isNotFound } from '../aws/errors.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';
import type { Manifest } from './registry/manifest.ts';
import { readManifests } from './registry/manifest-reader.ts';
import { type ImageRepository, repositoryOf } from './registry/repository.ts';

/**
 * An image of some content. The first one has the tag `content-<hash>`, and each rebuild of the same content has the next
 * number: `content-<hash>-2`. Each number is used once, so the tags can be immutable.
 */
export interface Generation {
  /** From 1. */
  number: number;
  manifest: Manifest;
}

/** The images of some content in a repository. */
export interface ContentImages {
  /** The oldest first. Old ones may have expired. */
  generations: readonly Generation[];
  /** The digests of the other requested tags that exist. */
  tagged: ReadonlyMap<string, string>;
}

/** The limit of BatchGetImage. */
const TAGS_A_CALL = 100;

/** The tag of a generation of some content. */
export function generationTag(contentTag: string, number: number): string {
  return number === 1 ? contentTag : `${contentTag}-${number}`;
}

/** Finds the images of some content, and the digests of other tags: one call, unless there are very many. */
export async function findGenerations(
  repository: ImageRepository,
  contentTag: string,
  others: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<ContentImages> {
  const generations: Generation[] = [];
  const tagged = new Map<string, string>();
  let [requested, last] = [0, 0];
  // Old generations may have expired. There can be more only if the last one that was requested exists.
  while (last === requested) {
    const size = requested === 0 ? Math.max(TAGS_A_CALL - others.length, 1) : TAGS_A_CALL;
    const numbers = Array.from({ length: size }, (_, index) => requested + index + 1);
    const tags = new Map(numbers.map((number) => [generationTag(contentTag, number), number]));
    const names = [...tags.keys(), ...(requested === 0 ? others : [])];
    requested += size;
    const found = await readManifests(
      repository,
      names.map((imageTag) => ({ imageTag })),
      context,
    );
    for (const { manifest, tag = '' } of found) {
      const number = tags.get(tag);
      if (number === undefined) tagged.set(tag, manifest.digest);
      else generations.push({ number, manifest });
    }
    generations.sort((a, b) => a.number - b.number);
    last = generations.at(-1)?.number ?? 0;
  }
  return { generations, tagged };
}

/**
 * When an image was pushed, by the clock of the registry; undefined if it is not known. The time in an image's config is
 * not reliable: builds from a cache or with SOURCE_DATE_EPOCH have an older time.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
 */
export async function readPushTime(
  repository: ImageRepository,
  imageDigest: string,
  context: Pick<Context, 'signal'>,
): Promise<Date | undefined> {
  const { DescribeImagesCommand } = await import('@aws-sdk/client-ecr');
  const command = new DescribeImagesCommand({ ...repositoryOf(repository), imageIds: [{ imageDigest }] });
  try {
    const { imageDetails = [] } = await send(repository.client, command, context);
    return imageDetails[0]?.imagePushedAt;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
