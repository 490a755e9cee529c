import { BatchDeleteImageCommand, DescribeRepositoriesCommand, ListImagesCommand } from '@aws-sdk/client-ecr';
import { isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { STACK_VERDICTS } from '../../cloudformation/commands/result.ts';
import { inParallel } from '../../core/concurrency.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { listOf, plural, sentence, withoutAccount } from '../../core/text.ts';
import type { PreviewContext, PreviewRequest } from './context.ts';
import { activePreviews, pullRequestNow, retireDeployments } from './records.ts';
import { PREVIEW_VERDICTS, type Removal, type RemovedPreview } from './result.ts';
import { deletePreviewStack, type KeepCheck, type PreviewStack, previewStacks } from './stacks.ts';

/** "A list of image ID references that correspond to images to delete": at most 100. */
export const TAGS_PER_CALL = 100;
/** ECR's default page has 100 items: "This value can be between 1 and 1000." */
const PAGE = { maxResults: 1000 };

/** An image tag of a pull request's preview. */
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
 * Deletes tags; ECR deletes an image with its last tag. Tags that do not exist count as deleted. `keepCheck` is called
 * before each request, because a pull request that was reopened may use the same tag again.
 *
 * @throws PlatformError for a tag that ECR did not delete.
 */
async function removeTags(
  context: PreviewContext,
  tags: readonly PreviewTag[],
  removal: Removal,
  keepCheck: KeepCheck,
): Promise<void> {
  for (const name of new Set(tags.map(({ repository }) => repository))) {
    const own = tags.filter(({ repository }) => repository === name);
    for (let from = 0; from < own.length; from += TAGS_PER_CALL) {
      const kept = await keepCheck();
      if (kept !== undefined) {
        removal.kept = kept;
        return;
      }
      const some = own.slice(from, from + TAGS_PER_CALL);
      const [failure] = (await deleteTags(context, name, some)).values();
      if (failure !== undefined) throw new PlatformError('request-rejected', failure);
      removal.tags.push(...some.map(({ repository, tag }) => `${repository}:${tag}`));
    }
  }
}

/**
 * Deletes at most 100 tags of one repository in one call. Tags that do not exist count as deleted.
 *
 * @returns the failures, by tag.
 */
export async function deleteTags(
  context: PreviewContext,
  repositoryName: string,
  tags: readonly PreviewTag[],
): Promise<Map<string, string>> {
  const imageIds = tags.map(({ tag }) => ({ imageTag: tag }));
  const command = new BatchDeleteImageCommand({ repositoryName, imageIds });
  const { failures = [] } = await send(await context.ecr(), command, context);
  return new Map(
    failures
      .filter(({ failureCode }) => failureCode !== 'ImageNotFound')
      .map(({ imageId, failureReason = '' }) => {
        const tag = imageId?.imageTag ?? '';
        return [tag, `${repositoryName}:${tag} could not be deleted: ${failureReason}`];
      }),
  );
}

async function projectRepositories(
  context: PreviewContext,
  { project, repositories }: PreviewRequest,
): Promise<string[]> {
  const client = await context.ecr();
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const command = new DescribeRepositoriesCommand({ ...PAGE, ...(nextToken && { nextToken }) });
    const page = await send(client, command, context);
    names.push(...(page.repositories ?? []).map(({ repositoryName = '' }) => repositoryName));
    nextToken = page.nextToken;
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
        ...PAGE,
        ...(nextToken && { nextToken }),
      });
      const page = await send(client, command, context);
      for (const { imageTag } of page.imageIds ?? []) if (imageTag !== undefined) found.add(imageTag);
      nextToken = page.nextToken;
    } while (nextToken);
  } catch (error) {
    // The repository was deleted in the meantime, together with its tags.
    if (!isNotFound(error)) throw error;
  }
  return [...found].flatMap((tag) => {
    const number = /^pr-([1-9]\d*)(?:-|$)/.exec(tag)?.[1];
    return number === undefined ? [] : [{ repository, tag, pullRequest: Number(number) }];
  });
}

const STACKS_AT_ONCE = 5;
/** A deployment in progress may create a stack again after it was deleted. */
const ROUNDS = 3;

/** Keeps the preview of a pull request that was reopened. */
export function keepIfReopened(context: PreviewContext, pullRequest: number): KeepCheck {
  return async () => {
    const now = await pullRequestNow(context, pullRequest);
    return now?.open ? `Pull request ${pullRequest} was reopened` : undefined;
  };
}

/**
 * Removes a pull request's preview: its stacks, found by their tags, its image tags, and its active deployments. It is
 * idempotent and may run concurrently. `keepCheck` is called before each deletion, and a reason to keep the preview ends
 * the removal.
 */
export async function removePreview(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  keepCheck: KeepCheck,
): Promise<Removal> {
  const removal = emptyRemoval();
  await removeStacks(context, request, pullRequest, removal, keepCheck);
  if (isStopped(removal)) return removal;
  await attempt(removal, context, 'image tags', async () => {
    const tags = (await previewTags(context, request)).filter((tag) => tag.pullRequest === pullRequest);
    await removeTags(context, tags, removal, keepCheck);
  });
  if (isStopped(removal)) return removal;
  await retire(context, pullRequest, removal, keepCheck);
  return removal;
}

/** Sets the deployments of a removed preview to inactive. */
async function retire(
  context: PreviewContext,
  pullRequest: number,
  removal: Removal,
  keepCheck: KeepCheck,
): Promise<void> {
  await attempt(removal, context, 'deployments', async () => {
    const active = await activePreviews(context, pullRequest);
    removal.kept = await keepCheck();
    if (removal.kept !== undefined) return;
    await retireDeployments(context, active);
    removal.deployments = active.length;
  });
}

/** Whether the removal ended early. */
export function isStopped({ interrupted, kept }: Removal): boolean {
  return interrupted !== undefined || kept !== undefined;
}

async function removeStacks(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  removal: Removal,
  keepCheck: KeepCheck,
): Promise<void> {
  for (let round = 1; ; round++) {
    const stacks = await previewStacks(context, request, pullRequest);
    if (stacks.length === 0) return;
    const failures = await deleteAll(context, request, stacks, removal, keepCheck);
    if (isStopped(removal)) return;
    if (round < ROUNDS) continue;
    removal.failures.push(
      ...(failures.length > 0
        ? failures
        : [`Stacks of the preview were created again after their deletion: ${names(stacks)}.`]),
    );
    return;
  }
}

/** Deletes stacks in parallel, and returns a sentence for each failure. A failure does not stop the others. */
export async function deleteAll(
  context: PreviewContext,
  request: PreviewRequest,
  stacks: readonly PreviewStack[],
  removal: Removal,
  keepCheck: KeepCheck,
): Promise<string[]> {
  const failures: string[] = [];
  removal.undeleted = [];
  await inParallel(stacks, STACKS_AT_ONCE, async (stack) => {
    const result = await deletePreviewStack(context, request, stack, keepCheck);
    if ('kept' in result) {
      removal.kept = result.kept;
      return;
    }
    const { verdict } = result;
    if (STACK_VERDICTS[verdict].ok) {
      removal.stacks.push(stack.stackName);
      return;
    }
    const reason = withoutAccount(result.reason);
    failures.push(reason);
    removal.undeleted.push(result);
    if (verdict === 'cancelled' || verdict === 'timed-out') removal.interrupted ??= { verdict, reason };
  });
  removal.stacks = [...new Set(removal.stacks)].sort();
  return failures;
}

/** Runs one step of a removal. A failure does not stop the others. */
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
    removal.failures.push(sentence(`Failed to remove the ${what}: ${reasonOf(error)}`));
  }
}

function names(stacks: readonly PreviewStack[]): string {
  return stacks.map(({ stackName }) => stackName).join(', ');
}

export function emptyRemoval(): Removal {
  return { stacks: [], tags: [], deployments: 0, failures: [], undeleted: [] };
}

export function removedAnything({ stacks, tags, deployments }: Removal): boolean {
  return stacks.length + tags.length + deployments > 0;
}

/**
 * The result of a removal. The comment is updated too, unless the preview was deployed again.
 *
 * @param why a sentence without its full stop.
 */
export async function removalResult(
  context: PreviewContext,
  pullRequest: number,
  removal: Removal,
  why: string,
): Promise<RemovedPreview> {
  const judged = judgeRemoval(removal, why);
  const { verdict, reason } = judged;
  if (verdict !== 'unchanged' && verdict !== 'skipped') {
    const { ok } = PREVIEW_VERDICTS[verdict];
    await context.updateComment({ kind: 'removal', pullRequest, ok, reason });
  }
  return { kind: 'removed', ...judged, pullRequest, removal };
}

function judgeRemoval(removal: Removal, why: string): Pick<RemovedPreview, 'verdict' | 'reason'> {
  const { interrupted, kept, failures } = removal;
  const any = removedAnything(removal);
  const done = any ? `Removed ${removedText(removal)}.` : 'There was nothing to remove.';
  if (interrupted) {
    return { verdict: interrupted.verdict, reason: `${interrupted.reason} ${done}` };
  }
  if (kept !== undefined) {
    const text = any ? `Removed ${removedText(removal)} before that` : 'Nothing was changed';
    const reason = `${kept}. The rest of its preview was kept. ${text}.`;
    return { verdict: 'skipped', reason };
  }
  if (failures.length > 0) {
    return { verdict: 'failed', reason: `${failures.map(sentence).join(' ')} ${done}` };
  }
  return {
    verdict: any ? 'removed' : 'unchanged',
    reason: any ? `${why}: ${removedText(removal)}.` : `${why}: there was nothing to remove.`,
  };
}

/** `2 stacks, 1 image tag and 1 deployment (set to inactive)`. */
function removedText({ stacks, tags, deployments }: Removal): string {
  const parts = [
    ...(stacks.length > 0 ? [plural(stacks.length, 'stack')] : []),
    ...(tags.length > 0 ? [plural(tags.length, 'image tag')] : []),
    ...(deployments > 0 ? [`${plural(deployments, 'deployment')} (set to inactive)`] : []),
  ];
  return listOf(parts);
}
