import type { PullRequest } from '../../github/pulls.ts';
import type { PreviewContext, PreviewRequest } from './context.ts';
import { pullRequestNow } from './records.ts';
import {
  deleteAll,
  emptyRemoval,
  previewTags,
  type PreviewTag,
  removedAnything,
  removePreview,
  retire,
  unlessReopened,
} from './remove.ts';
import type { Removal, SweptItem, SweptPreviews } from './result.ts';
import { type Objection, previewStacks, type PreviewStack } from './stacks.ts';

/** A pull request with what there is of its preview. */
interface Found {
  pullRequest: number;
  now: PullRequest | undefined;
  stacks: readonly PreviewStack[];
  tags: readonly PreviewTag[];
}

/**
 * Removes the previews whose pull request is closed, with their images' tags and deployments, and the stacks that
 * have expired. One whose pull request GitHub does not show is kept until it expires: a token that may not read
 * must not look like a pull request that is gone.
 */
export async function sweepPreviews(
  context: PreviewContext,
  request: PreviewRequest,
): Promise<SweptPreviews> {
  const swept: Swept[] = [];
  for (const found of await findPreviews(context, request)) {
    context.signal.throwIfAborted();
    swept.push(await sweepOne(context, request, found));
  }
  const items = swept.flatMap((one) => one.items);
  const undeleted = swept.flatMap((one) => one.undeleted);
  const { dryRun } = request;
  return { kind: 'swept', ...judgeSweep(dryRun, items), dryRun, items, undeleted };
}

/** What a sweep did about one pull request. */
type Swept = Pick<SweptPreviews, 'items' | 'undeleted'>;

async function findPreviews(context: PreviewContext, request: PreviewRequest): Promise<Found[]> {
  const [stacks, tags] = await Promise.all([previewStacks(context, request), previewTags(context, request)]);
  const numbers = new Set([...stacks, ...tags].map(({ pullRequest }) => pullRequest));
  const found: Found[] = [];
  for (const pullRequest of [...numbers].sort((a, b) => a - b)) {
    found.push({
      pullRequest,
      now: await pullRequestNow(context, pullRequest),
      stacks: stacks.filter((stack) => stack.pullRequest === pullRequest),
      tags: tags.filter((tag) => tag.pullRequest === pullRequest),
    });
  }
  return found;
}

async function sweepOne(context: PreviewContext, request: PreviewRequest, found: Found): Promise<Swept> {
  const { now, stacks, pullRequest } = found;
  if (now && !now.open) return sweepClosed(context, request, found);
  if (stacks.length > 0 && haveExpired(stacks, context.clock.now())) {
    return sweepExpired(context, request, pullRequest, stacks);
  }
  const why = now
    ? 'its pull request is open'
    : `GitHub shows no pull request ${pullRequest}; it goes when it expires`;
  return planned(stacks.map((stack) => itemOf(stack, 'kept', why)));
}

/** A preview expires as a whole: a deployment renews its services one after the other. */
function haveExpired(stacks: readonly PreviewStack[], nowMs: number): boolean {
  return stacks.every(({ expires, status }) => {
    // Somebody at work on a stack is about to give it a new expiry, or to remove it.
    const atWork = status.endsWith('_IN_PROGRESS') && !IDLE.has(status);
    return expires !== undefined && expires.getTime() <= nowMs && !atWork;
  });
}

const IDLE = new Set(['REVIEW_IN_PROGRESS', 'DELETE_IN_PROGRESS']);

/** Keeps a preview that was deployed again. */
function unlessRenewed(context: PreviewContext, request: PreviewRequest, pullRequest: number): Objection {
  return async () => {
    const stacks = await previewStacks(context, request, pullRequest);
    const expired = haveExpired(stacks, context.clock.now());
    return expired ? undefined : `The preview of pull request ${pullRequest} was deployed again`;
  };
}

async function sweepClosed(
  context: PreviewContext,
  request: PreviewRequest,
  { pullRequest, stacks, tags }: Found,
): Promise<Swept> {
  const why = 'its pull request is closed';
  if (request.dryRun) {
    const names = [...stacks.map(({ stackName }) => stackName), ...tags.map(nameOf)];
    return planned(names.map((what) => ({ what, pullRequest, state: 'would be removed', why })));
  }
  const objection = unlessReopened(context, pullRequest);
  const removal = await removePreview(context, request, pullRequest, objection);
  return sweptResult(context, { pullRequest, stacks, tags }, removal, why);
}

/** Its images stay: the pull request is open, and the next push wants them. */
async function sweepExpired(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  stacks: readonly PreviewStack[],
): Promise<Swept> {
  const [{ expires } = {}] = stacks;
  const why = `it has expired (${expires?.toISOString() ?? ''})`;
  if (request.dryRun) return planned(stacks.map((stack) => itemOf(stack, 'would be removed', why)));
  const removal = emptyRemoval();
  const objection = unlessRenewed(context, request, pullRequest);
  removal.failures = await deleteAll(context, request, stacks, removal, objection);
  if (removal.kept === undefined) await retire(context, pullRequest, removal, objection);
  return sweptResult(context, { pullRequest, stacks, tags: [] }, removal, why);
}

function planned(items: SweptItem[]): Swept {
  return { items, undeleted: [] };
}

/** What became of a pull request's preview; its comment says so too. */
async function sweptResult(
  context: PreviewContext,
  { pullRequest, stacks, tags }: Omit<Found, 'now'>,
  removal: Removal,
  why: string,
): Promise<Swept> {
  const { kept } = removal;
  if (removal.interrupted?.verdict === 'cancelled') context.signal.throwIfAborted();
  const ok = removal.failures.length === 0;
  const reason = ok
    ? `The preview was removed: ${why}.`
    : `The preview was not removed to the end: ${removal.failures.join(' ')}`;
  // A preview that is there again has a comment of its own run.
  if (kept === undefined && (removedAnything(removal) || !ok)) {
    await context.updateComment({ kind: 'removal', pullRequest, ok, reason });
  }
  const removed = [...removal.stacks, ...removal.tags].map((what): SweptItem => ({
    what,
    pullRequest,
    state: 'removed',
    why,
  }));
  const failed = removal.failures.map((failure): SweptItem => ({
    what: `pull request ${pullRequest}`,
    pullRequest,
    state: 'failed',
    why: failure,
  }));
  const gone = new Set([...removal.stacks, ...removal.tags]);
  const names = [...stacks.map(({ stackName }) => stackName), ...tags.map(nameOf)];
  const left = names
    .filter((what) => kept !== undefined && !gone.has(what))
    .map((what): SweptItem => ({ what, pullRequest, state: 'kept', why: kept ?? '' }));
  return { items: [...removed, ...failed, ...left], undeleted: removal.undeleted };
}

function judgeSweep(dryRun: boolean, items: readonly SweptItem[]): Pick<SweptPreviews, 'verdict' | 'reason'> {
  const count = (state: SweptItem['state']): number => items.filter((item) => item.state === state).length;
  const failed = items.filter(({ state }) => state === 'failed');
  const counts = dryRun
    ? `${count('would be removed')} would be removed`
    : `${count('removed')} removed${failed.length > 0 ? `, ${failed.length} failed` : ''}`;
  const reasons = failed.map(({ why }) => ` ${why}`).join('');
  return {
    verdict: failed.length > 0 ? 'failed' : count('removed') > 0 ? 'swept' : 'unchanged',
    reason: `Stacks and image tags of previews: ${counts}, ${count('kept')} kept.${reasons}`,
  };
}

function itemOf({ stackName, pullRequest }: PreviewStack, state: SweptItem['state'], why: string): SweptItem {
  return { what: stackName, pullRequest, state, why };
}

function nameOf({ repository, tag }: PreviewTag): string {
  return `${repository}:${tag}`;
}
