import { errorText } from '../../aws/errors.ts';
import { presentedStack } from '../stack-outcome.ts';
import { inParallel } from '../../core/concurrency.ts';
import { previewTags, removeTags } from './images.ts';
import { retireDeployments } from './records.ts';
import type { PreviewContext, PreviewRequest } from './preview.ts';
import { deletePreviewStack, previewStacks, type PreviewStack } from './stacks.ts';

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
