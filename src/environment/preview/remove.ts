import { BatchDeleteImageCommand, DescribeRepositoriesCommand, ListImagesCommand } from '@aws-sdk/client-ecr';
import { errorText, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { inParallel } from '../../core/concurrency.ts';
import { presentedStack } from '../stack-outcome.ts';
import type { PreviewContext, PreviewRequest } from './preview.ts';
import { retireDeployments } from './records.ts';
import { deletePreviewStack, type PreviewStack, previewStacks } from './stacks.ts';

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
async function removeTags(context: PreviewContext, tags: readonly PreviewTag[]): Promise<void> {
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

const STACKS_AT_ONCE = 5;
/** A deployment that is under way may make a stack again after it was deleted. */
const ROUNDS = 3;

/** What was taken away of a pull request's preview, and what could not be. */
export interface Removal {
  /** Names of stacks. */
  stacks: string[];
  /** `repository:tag` */
  tags: string[];
  deployments: number;
  /** A sentence each. */
  failures: string[];
  /** The ending of a deletion that did not come to its end. */
  broken?: { verdict: 'cancelled' | 'timed-out'; reason: string };
}

/**
 * Removes all that is left of a pull request's preview: its stacks (found by their tags) with their rules and
 * target groups, its image tags, and its active deployments. What is gone already is no failure, so it may run
 * twice, or beside itself.
 */
export async function removePreview(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Removal> {
  const removal: Removal = { stacks: [], tags: [], deployments: 0, failures: [] };
  await removeStacks(context, request, pullRequest, removal);
  if (removal.broken) return removal;
  await attempt(removal, context, 'image tags', async () => {
    const tags = (await previewTags(context, request)).filter((tag) => tag.pullRequest === pullRequest);
    await removeTags(context, tags);
    removal.tags = tags.map(({ repository, tag }) => `${repository}:${tag}`);
  });
  await attempt(removal, context, 'deployments', async () => {
    removal.deployments = await retireDeployments(context, pullRequest);
  });
  return removal;
}

async function removeStacks(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  removal: Removal,
): Promise<void> {
  for (let round = 1; ; round++) {
    const stacks = await previewStacks(context, request, pullRequest);
    if (stacks.length === 0) return;
    const failures = await deleteAll(context, request, stacks, removal);
    if (removal.broken) return;
    if (round < ROUNDS) continue;
    removal.failures.push(
      ...(failures.length > 0 ? failures : [`Stacks of the preview come back: ${names(stacks)}.`]),
    );
    return;
  }
}

/** Deletes stacks side by side; what failed is told, and the others go on. */
export async function deleteAll(
  context: PreviewContext,
  request: PreviewRequest,
  stacks: readonly PreviewStack[],
  removal: Pick<Removal, 'stacks' | 'broken'>,
): Promise<string[]> {
  const failures: string[] = [];
  await inParallel(stacks, STACKS_AT_ONCE, async (stack) => {
    const outcome = presentedStack(context, await deletePreviewStack(context, request, stack));
    if (outcome.ok) removal.stacks.push(stack.stackName);
    else failures.push(outcome.reason);
    const { verdict, reason } = outcome;
    if (verdict === 'cancelled' || verdict === 'timed-out') removal.broken ??= { verdict, reason };
  });
  removal.stacks = [...new Set(removal.stacks)].sort();
  return failures;
}

/** One part that fails must not keep the others. */
async function attempt(
  removal: Removal,
  context: PreviewContext,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.signal.throwIfAborted();
    removal.failures.push(`The ${what} could not be removed: ${errorText(error)}`);
  }
}

function names(stacks: readonly PreviewStack[]): string {
  return stacks.map(({ stackName }) => stackName).join(', ');
}

export function removedAnything({ stacks, tags, deployments }: Removal): boolean {
  return stacks.length + tags.length + deployments > 0;
}

/** What was removed, as a sentence without its full stop. */
export function removedText({ stacks, tags, deployments }: Removal): string {
  const parts = [
    counted(stacks.length, 'stack'),
    counted(tags.length, 'image tag'),
    ...(deployments > 0 ? [`${counted(deployments, 'deployment')} set inactive`] : []),
  ];
  return parts.filter((part) => !part.startsWith('0 ')).join(', ');
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
