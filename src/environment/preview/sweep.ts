import { RateBucket } from '../../core/network/rate-limiter.ts';
import { reasonOf } from '../../core/errors.ts';
import type { PullRequestState } from '../../github/pulls.ts';
import type { PreviewContext, PreviewRequest } from './context.ts';
import { activePreviewsSince, pullRequestStates, retireDeployments } from './records.ts';
import {
  deleteTags,
  emptyRemoval,
  isStopped,
  previewTags,
  type PreviewTag,
  removedAnything,
  TAGS_PER_CALL,
} from './remove.ts';
import type { SweptItem, SweptPreviews } from './result.ts';
import { haveExpired, previewStacks, type PreviewStack } from './stacks.ts';
import { CHECKED_AT_ONCE, deleteStacks, reasonsToKeep, type SweptPreview } from './sweep-stacks.ts';
import { sentence } from '../../core/text.ts';

/**
 * The rate of write requests to GitHub: a burst of 40, then one per second. "If you are making a large number of POST,
 * PATCH, PUT, or DELETE requests, wait at least one second between each request."
 *
 * @see https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
 */
const WRITES = { perSecond: 1, burst: 40 };

/**
 * Removes the previews of closed pull requests, with their image tags and deployments, and the stacks that have expired. A
 * preview whose pull request is not found is kept until it expires, because the token may only lack the permission to read
 * the pull request.
 *
 * Everything is listed once for all previews, and each batch is checked again right before its deletion. After the
 * request's timeout no further deletion starts; the rest is reported and left for the next sweep.
 */
export async function sweepPreviews(
  context: PreviewContext,
  request: PreviewRequest,
): Promise<SweptPreviews> {
  const beginUntilMs = context.clock.now() + request.timeoutMs;
  const stacks = await previewStacks(context, request);
  const states = await pullRequestStates(context, numbersOf(stacks));
  const { previews, kept } = sort(stacks, states, context.clock.now());
  if (request.dryRun) {
    const tags = await tagsOfClosed(context, request, previews);
    return sweptResult(request, [...previews.flatMap(plannedStacks), ...tags.map(plannedTag), ...kept], []);
  }
  await removeStacks(context, request, previews, beginUntilMs);
  const tags: SweptTag[] = [];
  const closed = previews.filter((preview) => preview.cause === 'closed' && canContinue(preview));
  await attempt(context, 'image tags', closed, async () => {
    tags.push(...(await tagsOfClosed(context, request, previews)));
    await removeTags(context, request, tags);
  });
  const writes = new RateBucket(WRITES, context.clock);
  await retire(context, request, previews, writes);
  await comment(context, previews, writes);
  const items = previews.flatMap((preview) => itemsOf(preview, tags));
  const undeleted = previews.flatMap(({ removal }) => removal.undeleted);
  return sweptResult(request, [...items, ...kept], undeleted);
}

/** The previews to remove, and the stacks to keep. */
function sort(
  stacks: readonly PreviewStack[],
  states: ReadonlyMap<number, PullRequestState>,
  nowMs: number,
): { previews: SweptPreview[]; kept: SweptItem[] } {
  const previews: SweptPreview[] = [];
  const kept: SweptItem[] = [];
  for (const pullRequest of numbersOf(stacks)) {
    const own = stacks.filter((stack) => stack.pullRequest === pullRequest);
    const state = states.get(pullRequest);
    if (state?.open === false) {
      previews.push(newPreview(pullRequest, state, own, 'closed'));
    } else if (haveExpired(own, nowMs)) {
      previews.push(newPreview(pullRequest, state, own, 'expired'));
    } else {
      const why = state
        ? 'its pull request is open'
        : `pull request ${pullRequest} was not found, so it is kept until it expires`;
      kept.push(...own.map(({ stackName: what }): SweptItem => ({ what, pullRequest, state: 'kept', why })));
    }
  }
  return { previews, kept };
}

function newPreview(
  pullRequest: number,
  state: PullRequestState | undefined,
  stacks: readonly PreviewStack[],
  cause: SweptPreview['cause'],
): SweptPreview {
  // If the pull request was not found, its deployments may have any age.
  const createdAt = state?.createdAt ?? new Date(0).toISOString();
  return { pullRequest, createdAt, cause, stacks, removal: emptyRemoval() };
}

function numbersOf(found: readonly { pullRequest: number }[]): number[] {
  return [...new Set(found.map(({ pullRequest }) => pullRequest))].sort((a, b) => a - b);
}

/** Deletes the stacks. After an error, the stacks that were deleted before it are still reported. */
async function removeStacks(
  context: PreviewContext,
  request: PreviewRequest,
  previews: readonly SweptPreview[],
  beginUntilMs: number,
): Promise<void> {
  try {
    await deleteStacks(context, request, previews, beginUntilMs);
  } catch (error) {
    context.signal.throwIfAborted();
    const undone = previews.filter(
      ({ stacks, removal }) =>
        !isStopped(removal) && stacks.some(({ stackName }) => !removal.stacks.includes(stackName)),
    );
    if (undone.length === 0) throw error;
    for (const preview of undone) {
      preview.removal.failures.push(sentence(`Failed to remove the stacks: ${reasonOf(error)}`));
      preview.left = 'the sweep stopped';
    }
  }
  // A cancelled job ends with its own reason, regardless of its deletions.
  if (previews.some(({ removal }) => removal.interrupted?.verdict === 'cancelled')) {
    context.signal.throwIfAborted();
  }
}

/** Whether the stacks of a preview are deleted, so that the rest can be removed too. */
function canContinue({ left, removal }: SweptPreview): boolean {
  return left === undefined && !isStopped(removal);
}

/** An image tag and its preview. */
interface SweptTag extends PreviewTag {
  preview: SweptPreview;
}

/**
 * The image tags of closed pull requests whose stacks are deleted. They are listed after the deletion to include later
 * pushes. Adds a preview for each pull request that only has tags. The images of an expired preview are kept, because its
 * pull request is open and the next push uses them.
 */
async function tagsOfClosed(
  context: PreviewContext,
  request: PreviewRequest,
  previews: SweptPreview[],
): Promise<SweptTag[]> {
  const tags = await previewTags(context, request);
  const known = new Map(previews.map((preview) => [preview.pullRequest, preview]));
  const others = numbersOf(tags).filter((number) => !known.has(number));
  for (const [number, state] of await pullRequestStates(context, others)) {
    if (state.open) continue;
    const preview = newPreview(number, state, [], 'closed');
    known.set(number, preview);
    previews.push(preview);
  }
  return tags.flatMap((tag) => {
    const preview = known.get(tag.pullRequest);
    const isWanted = preview?.cause === 'closed' && canContinue(preview);
    return isWanted ? [{ ...tag, preview }] : [];
  });
}

/** Deletes tags, up to 100 per call. A failure for one pull request does not stop the others. */
async function removeTags(
  context: PreviewContext,
  request: PreviewRequest,
  tags: readonly SweptTag[],
): Promise<void> {
  for (const repository of new Set(tags.map((tag) => tag.repository))) {
    const own = tags.filter((tag) => tag.repository === repository);
    for (const some of chunks(own, TAGS_PER_CALL)) {
      const wanted = await withoutKept(context, request, some);
      if (wanted.length === 0) continue;
      const affected = wanted.map(({ preview }) => preview);
      await attempt(context, 'image tags', affected, async () => {
        const failures = await deleteTags(context, repository, wanted);
        for (const { tag, preview } of wanted) {
          const failure = failures.get(tag);
          if (failure === undefined) preview.removal.tags.push(`${repository}:${tag}`);
          else preview.removal.failures.push(sentence(`Failed to remove the image tags: ${failure}`));
        }
      });
    }
  }
}

/** Sets the deployments of removed previews to inactive. */
async function retire(
  context: PreviewContext,
  request: PreviewRequest,
  previews: readonly SweptPreview[],
  writes: RateBucket,
): Promise<void> {
  const gone = previews.filter(canContinue);
  const [since] = gone.map(({ createdAt }) => createdAt).sort();
  if (since === undefined) return;
  await attempt(context, 'deployments', gone, async () => {
    const active = await activePreviewsSince(context, since);
    const retired = gone.flatMap((preview) =>
      (active.get(preview.pullRequest) ?? []).map((id) => ({ preview, id })),
    );
    for (const some of chunks(retired, CHECKED_AT_ONCE)) {
      for (const one of await withoutKept(context, request, some)) {
        await attempt(context, 'deployments', [one.preview], async () => {
          await writes.take({ signal: context.signal });
          await retireDeployments(context, [one.id]);
          one.preview.removal.deployments++;
        });
      }
    }
  });
}

/** The items whose previews may still be removed, checked right before the removal. The others are kept from then on. */
async function withoutKept<T extends { preview: SweptPreview }>(
  context: PreviewContext,
  request: PreviewRequest,
  wanted: readonly T[],
): Promise<T[]> {
  context.signal.throwIfAborted();
  const previews = wanted.map(({ preview }) => preview);
  for (const [number, why] of await reasonsToKeep(context, request, previews)) {
    for (const { pullRequest, removal } of previews) if (pullRequest === number) removal.kept = why;
  }
  return wanted.filter(({ preview }) => preview.removal.kept === undefined);
}

/** Runs one step of a removal. A failure does not stop the others. */
async function attempt(
  context: PreviewContext,
  what: string,
  affected: readonly SweptPreview[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.signal.throwIfAborted();
    if (affected.length === 0) throw error;
    const failure = sentence(`Failed to remove the ${what}: ${reasonOf(error)}`);
    for (const { removal } of new Set(affected)) removal.failures.push(failure);
  }
}

/** Updates the comments of the removed previews. A preview that was deployed again has the comment of that run. */
async function comment(
  context: PreviewContext,
  previews: readonly SweptPreview[],
  writes: RateBucket,
): Promise<void> {
  for (const preview of previews) {
    const { removal, left, pullRequest } = preview;
    const ok = removal.failures.length === 0;
    if ((left !== undefined && ok) || removal.kept !== undefined || (ok && !removedAnything(removal)))
      continue;
    const reason = ok
      ? `The preview was removed because ${whyOf(preview)}.`
      : `The preview was only partly removed. ${removal.failures.map(sentence).join(' ')}`;
    await writes.take({ signal: context.signal });
    await context.updateComment({ kind: 'removal', pullRequest, ok, reason });
  }
}

function whyOf({ cause, stacks }: SweptPreview): string {
  if (cause === 'closed') return 'its pull request is closed';
  const [{ expires } = {}] = stacks;
  return `it has expired (${expires?.toISOString() ?? ''})`;
}

function plannedStacks(preview: SweptPreview): SweptItem[] {
  const { pullRequest, stacks } = preview;
  const why = whyOf(preview);
  return stacks.map(({ stackName: what }) => ({ what, pullRequest, state: 'would be removed', why }));
}

function plannedTag({ preview, pullRequest, ...tag }: SweptTag): SweptItem {
  return { what: nameOf(tag), pullRequest, state: 'would be removed', why: whyOf(preview) };
}

/** The result for each part of a pull request's preview. */
function itemsOf(preview: SweptPreview, tags: readonly SweptTag[]): SweptItem[] {
  const { pullRequest, removal, left, stacks } = preview;
  const gone = new Set([...removal.stacks, ...removal.tags]);
  const removed = [...gone].map((what): SweptItem => {
    return { what, pullRequest, state: 'removed', why: whyOf(preview) };
  });
  const failed = removal.failures.map((why): SweptItem => {
    return { what: `pull request ${pullRequest}`, pullRequest, state: 'failed', why };
  });
  if (left === undefined && removal.kept === undefined) return [...removed, ...failed];
  const own = tags.filter((tag) => tag.pullRequest === pullRequest);
  const names = [...stacks.map(({ stackName }) => stackName), ...own.map(nameOf)];
  const rest = names
    .filter((what) => !gone.has(what))
    .map((what): SweptItem => {
      const why = removal.kept ?? `${left ?? ''}; the next sweep removes it`;
      return { what, pullRequest, state: removal.kept === undefined ? 'left' : 'kept', why };
    });
  return [...removed, ...failed, ...rest];
}

function sweptResult(
  { dryRun }: PreviewRequest,
  items: readonly SweptItem[],
  undeleted: SweptPreviews['undeleted'],
): SweptPreviews {
  const count = (state: SweptItem['state']): number => items.filter((item) => item.state === state).length;
  const failures = items.filter(({ state }) => state === 'failed').map(({ why }) => why);
  const counts = dryRun
    ? `${count('would be removed')} would be removed`
    : `${count('removed')} removed${failures.length > 0 ? `, ${failures.length} failed` : ''}`;
  const left = count('left') > 0 ? ` ${count('left')} left for the next sweep.` : '';
  const reasons = [...new Set(failures)].map((why) => ` ${sentence(why)}`).join('');
  return {
    kind: 'swept',
    verdict: failures.length > 0 ? 'failed' : count('removed') > 0 ? 'swept' : 'unchanged',
    reason: `Stacks and image tags of previews: ${counts}, ${count('kept')} kept.${left}${reasons}`,
    dryRun,
    items: [...items].sort((one, other) => one.pullRequest - other.pullRequest),
    undeleted,
  };
}

function nameOf({ repository, tag }: Pick<PreviewTag, 'repository' | 'tag'>): string {
  return `${repository}:${tag}`;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
