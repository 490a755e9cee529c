import { errorText } from '../../aws/errors.ts';
import type { PullRequest } from '../../github/pulls.ts';
import { removedSections, sweepSections } from '../../present/preview.ts';
import type { Outcome } from '../../core/outcome.ts';
import {
  deleteAll,
  type PreviewTag,
  previewTags,
  type Removal,
  removedAnything,
  removePreview,
} from './remove.ts';
import { outcomeOf } from './outcome.ts';
import { pullRequestNow, retireDeployments, writeComment } from './records.ts';
import type { PreviewContext, PreviewRequest, Verdict } from './preview.ts';
import { previewStacks, type PreviewStack } from './stacks.ts';
/** One thing that a sweep looked at. */
interface Row {
  what: string;
  pullRequest: number;
  state: 'removed' | 'kept' | 'would be removed' | 'failed';
  why: string;
}

/** A pull request with what there is of its preview. */
interface Found {
  pullRequest: number;
  now: PullRequest | undefined;
  stacks: PreviewStack[];
  tags: PreviewTag[];
}

/**
 * Removes the previews whose pull request is closed, with their images' tags and deployments, and the stacks that
 * have expired. One whose pull request GitHub does not show is kept until it expires: a token that may not read
 * must not look like a pull request that is gone.
 */
export async function sweepPreviews(context: PreviewContext, request: PreviewRequest): Promise<Outcome> {
  const rows: Row[] = [];
  for (const found of await lookAround(context, request)) {
    context.signal.throwIfAborted();
    rows.push(...(await sweepOne(context, request, found)));
  }
  return swept(request, rows);
}

async function lookAround(context: PreviewContext, request: PreviewRequest): Promise<Found[]> {
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

async function sweepOne(context: PreviewContext, request: PreviewRequest, found: Found): Promise<Row[]> {
  const { now, stacks } = found;
  if (now && !now.open) return sweepClosed(context, request, found);
  const expired = stacks.filter((stack) => hasExpired(stack, context.clock.now()));
  const kept = stacks.filter((stack) => !expired.includes(stack));
  const why = now
    ? 'its pull request is open'
    : `GitHub shows no pull request ${found.pullRequest}; it goes when it expires`;
  return [
    ...(await sweepExpired(context, request, found.pullRequest, expired)),
    ...kept.map((stack) => row(stack, 'kept', why)),
  ];
}

/** Somebody at work on a stack is about to give it a new expiry, or to remove it. */
function hasExpired({ expires, status }: PreviewStack, nowMs: number): boolean {
  const atWork = status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS';
  return expires !== undefined && expires.getTime() <= nowMs && !atWork;
}

async function sweepClosed(
  context: PreviewContext,
  request: PreviewRequest,
  { pullRequest, stacks, tags }: Found,
): Promise<Row[]> {
  const why = 'its pull request is closed';
  if (request.dryRun) {
    const names = [...stacks.map(({ stackName }) => stackName), ...tags.map(nameOf)];
    return names.map((what) => ({ what, pullRequest, state: 'would be removed', why }));
  }
  const removal = await removePreview(context, request, pullRequest);
  return told(context, request, pullRequest, removal, why);
}

/** Its images stay: the pull request is open, and the next push wants them. */
async function sweepExpired(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  stacks: readonly PreviewStack[],
): Promise<Row[]> {
  if (stacks.length === 0) return [];
  const [{ expires } = {}] = stacks;
  const why = `it has expired (${expires?.toISOString() ?? ''})`;
  if (request.dryRun) return stacks.map((stack) => row(stack, 'would be removed', why));
  const removal: Removal = { stacks: [], tags: [], deployments: 0, failures: [] };
  removal.failures = await deleteAll(context, request, stacks, removal);
  try {
    removal.deployments = await retireDeployments(context, pullRequest);
  } catch (error) {
    context.signal.throwIfAborted();
    removal.failures.push(`The deployments could not be set inactive: ${errorText(error)}`);
  }
  return told(context, request, pullRequest, removal, why);
}

/** Tells the pull request that its preview is gone, and the sweep what became of it. */
async function told(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  removal: Removal,
  why: string,
): Promise<Row[]> {
  if (removal.broken?.verdict === 'cancelled') context.signal.throwIfAborted();
  const ok = removal.failures.length === 0;
  const reason = ok
    ? `The preview was removed: ${why}.`
    : `The preview was not removed to the end: ${removal.failures.join(' ')}`;
  if (removedAnything(removal) || !ok) {
    const sections = removedSections({ pullRequest, ok, reason, runUrl: context.github.runUrl });
    await writeComment(context, request, pullRequest, sections);
  }
  return [
    ...[...removal.stacks, ...removal.tags].map((what): Row => ({
      what,
      pullRequest,
      state: 'removed',
      why,
    })),
    ...removal.failures.map((failure): Row => ({
      what: `pull request ${pullRequest}`,
      pullRequest,
      state: 'failed',
      why: failure,
    })),
  ];
}

function swept({ dryRun }: PreviewRequest, rows: readonly Row[]): Outcome {
  const of = (state: Row['state']): Row[] => rows.filter((candidate) => candidate.state === state);
  const [removed, failed, kept, planned] = [of('removed'), of('failed'), of('kept'), of('would be removed')];
  const verdict: Verdict = failed.length > 0 ? 'failed' : removed.length > 0 ? 'swept' : 'unchanged';
  const counts = dryRun
    ? `${planned.length} would be removed`
    : `${removed.length} removed${failed.length > 0 ? `, ${failed.length} failed` : ''}`;
  const reasons = failed.map(({ why }) => ` ${why}`).join('');
  const reason = `Stacks and image tags of previews: ${counts}, ${kept.length} kept.${reasons}`;
  const stacks = removed.map(({ what }) => what).filter((what) => !what.includes(':'));
  return outcomeOf(undefined, verdict, reason, {
    outputs: { stacks: JSON.stringify(stacks) },
    result: { dryRun, removed, failed, kept, planned },
    summary: sweepSections({ ok: failed.length === 0, reason, rows }),
  });
}

function row({ stackName, pullRequest }: PreviewStack, state: Row['state'], why: string): Row {
  return { what: stackName, pullRequest, state, why };
}

function nameOf({ repository, tag }: PreviewTag): string {
  return `${repository}:${tag}`;
}
