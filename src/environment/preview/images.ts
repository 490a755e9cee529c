import { BatchDeleteImageCommand, DescribeRepositoriesCommand, ListImagesCommand } from '@aws-sdk/client-ecr';
import { isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import type { PreviewContext, PreviewRequest } from './preview.ts';

const DELETED_AT_ONCE = 100;

/** A tag that only a pull request's preview uses. */
export interface PreviewTag {
  repository: string;
  tag: string;
  pullRequest: number;
}

/** The tags `pr-<number>` and `pr-<number>-…` in all repositories of the project. */
export async function previewTags(context: PreviewContext, request: PreviewRequest): Promise<PreviewTag[]> {
  const repositories = await projectRepositories(context, request);
  const tags = await Promise.all(repositories.map((repository) => tagsOf(context, repository)));
  return tags.flat();
}

/**
 * Removes tags; an image with none left goes with its last one. Those that are gone already count as removed.
 *
 * @throws Error that names what ECR would not remove.
 */
export async function removeTags(context: PreviewContext, tags: readonly PreviewTag[]): Promise<void> {
  for (const name of new Set(tags.map(({ repository }) => repository))) {
    const own = tags.filter(({ repository }) => repository === name);
    for (let from = 0; from < own.length; from += DELETED_AT_ONCE) {
      await removeSome(context, name, own.slice(from, from + DELETED_AT_ONCE));
    }
  }
}

async function removeSome(
  context: PreviewContext,
  repositoryName: string,
  tags: readonly PreviewTag[],
): Promise<void> {
  const imageIds = tags.map(({ tag }) => ({ imageTag: tag }));
  const command = new BatchDeleteImageCommand({ repositoryName, imageIds });
  const { failures = [] } = await send(await context.ecr(), command, context);
  const [failure] = failures.filter(({ failureCode }) => failureCode !== 'ImageNotFound');
  if (!failure) return;
  const { imageId, failureReason = '' } = failure;
  throw new Error(`${repositoryName}:${imageId?.imageTag ?? ''} was not removed: ${failureReason}`);
}

async function projectRepositories(
  context: PreviewContext,
  { project, repositories }: PreviewRequest,
): Promise<string[]> {
  const client = await context.ecr();
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const answer = await send(
      client,
      new DescribeRepositoriesCommand(nextToken ? { nextToken } : {}),
      context,
    );
    names.push(...(answer.repositories ?? []).map(({ repositoryName = '' }) => repositoryName));
    nextToken = answer.nextToken;
  } while (nextToken);
  return names.filter((name) => name.startsWith(`${project}/`) || repositories.includes(name));
}

async function tagsOf(context: PreviewContext, repository: string): Promise<PreviewTag[]> {
  const client = await context.ecr();
  const found = new Set<string>();
  let nextToken: string | undefined;
  try {
    do {
      const filter = { tagStatus: 'TAGGED' as const };
      const command = new ListImagesCommand({
        repositoryName: repository,
        filter,
        ...(nextToken && { nextToken }),
      });
      const answer = await send(client, command, context);
      for (const { imageTag } of answer.imageIds ?? []) if (imageTag !== undefined) found.add(imageTag);
      nextToken = answer.nextToken;
    } while (nextToken);
  } catch (error) {
    if (!isNotFound(error)) throw error; // The repository was deleted meanwhile, and its tags with it.
  }
  return [...found].flatMap((tag) => {
    const number = /^pr-([1-9]\d*)(?:-|$)/.exec(tag)?.[1];
    return number === undefined ? [] : [{ repository, tag, pullRequest: Number(number) }];
  });
}
