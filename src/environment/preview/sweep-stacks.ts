import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { clientRequestToken } from '../../cloudformation/command-run.ts';
import { isInProgress } from '../../cloudformation/stack.ts';
import { inParallel } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import { duration } from '../../core/text.ts';
import type { PreviewContext, PreviewRequest } from './context.ts';
import { pullRequestStates } from './records.ts';
import { deleteAll, isStopped, keepIfReopened } from './remove.ts';
import type { Removal } from './result.ts';
import { haveExpired, type PreviewStack, previewStacks, keepIfRenewed } from './stacks.ts';

/** A preview that a sweep removes, and the progress of its removal. */
export interface SweptPreview {
  pullRequest: number;
  /** When the pull request was created, in ISO 8601. */
  createdAt: string;
  /** Why it is removed. For `expired`, only the stacks that were found are removed, and no images. */
  cause: 'closed' | 'expired';
  stacks: readonly PreviewStack[];
  removal: Removal;
  /** Why the deletion of some stacks was not started. They are left for the next sweep. */
  left?: string;
}

/** A deletion takes minutes, and one list of the stacks shows the progress of all. */
const STACKS_AT_ONCE = 40;
/** The size of a batch that is checked before its deletion, so that the check is only about a second old at the end. */
export const CHECKED_AT_ONCE = 10;
/** Deletions by deploy-stack's command, which waits for other operations and reports why a deletion failed. */
const COMMANDS_AT_ONCE = 5;
/** A deployment in progress may create a stack again after it was deleted. */
const ROUNDS = 3;
const QUICK_POLLS_MS = 15_000;
const POLL_MS = 5000;
/** After this, a stack that is not being deleted although CloudFormation accepted the request is deleted by the command. */
const STALE_MS = 60_000;

/** Why previews must be kept, by pull request. All are read together, right before they are removed. */
export async function reasonsToKeep(
  context: PreviewContext,
  request: PreviewRequest,
  previews: readonly SweptPreview[],
): Promise<Map<number, string>> {
  const reasons = new Map<number, string>();
  const numbersOf = (cause: SweptPreview['cause']): number[] => [
    ...new Set(previews.filter((one) => one.cause === cause).map(({ pullRequest }) => pullRequest)),
  ];
  for (const [number, { open }] of await pullRequestStates(context, numbersOf('closed'))) {
    if (open) reasons.set(number, `Pull request ${number} was reopened`);
  }
  const expired = numbersOf('expired');
  const stacks = expired.length > 0 ? await previewStacks(context, request) : [];
  for (const number of expired) {
    const own = stacks.filter(({ pullRequest }) => pullRequest === number);
    if (haveExpired(own, context.clock.now())) continue;
    reasons.set(number, `The preview of pull request ${number} was deployed again`);
  }
  return reasons;
}

/**
 * Deletes the stacks of previews, 40 at once. The rest (another operation is in progress, the deletion failed, a deployment
 * created the stack again) is deleted with deploy-stack's command. No deletion starts after `beginUntilMs`; deletions in
 * progress are followed to their end.
 */
export async function deleteStacks(
  context: PreviewContext,
  request: PreviewRequest,
  previews: readonly SweptPreview[],
  beginUntilMs: number,
): Promise<void> {
  await deleteTogether(context, request, previews, beginUntilMs);
  for (let round = 1; round <= ROUNDS; round++) {
    const remaining = await remainingStacks(context, request, previews);
    if (remaining.length === 0) return;
    const isLast = round === ROUNDS;
    await inParallel(remaining, COMMANDS_AT_ONCE, async ({ preview, stacks }) => {
      const { removal, pullRequest, cause } = preview;
      if (isLast) {
        const names = stacks.map(({ stackName }) => stackName).join(', ');
        if (removal.failures.length === 0)
          removal.failures = [`Stacks of the preview were created again after their deletion: ${names}.`];
      } else if (context.clock.now() >= beginUntilMs) {
        preview.left = outOfTime(request);
      } else {
        const keepCheck =
          cause === 'closed'
            ? keepIfReopened(context, pullRequest)
            : keepIfRenewed(context, request, pullRequest);
        removal.failures = await deleteAll(context, request, stacks, removal, keepCheck);
      }
    });
  }
}

function outOfTime({ timeoutMs }: PreviewRequest): string {
  return `the timeout of ${duration(timeoutMs)} was reached`;
}

interface Remaining {
  preview: SweptPreview;
  stacks: readonly PreviewStack[];
}

async function remainingStacks(
  context: PreviewContext,
  request: PreviewRequest,
  previews: readonly SweptPreview[],
): Promise<Remaining[]> {
  const open = previews.filter((preview) => !isStopped(preview.removal) && preview.left === undefined);
  if (open.every(({ stacks }) => stacks.length === 0)) return [];
  const stacks = await previewStacks(context, request);
  return open
    .map((preview) => ({ preview, stacks: stacks.filter((stack) => isOf(preview, stack)) }))
    .filter((remaining) => remaining.stacks.length > 0);
}

function isOf({ pullRequest, cause, stacks }: SweptPreview, stack: PreviewStack): boolean {
  if (stack.pullRequest !== pullRequest) return false;
  return cause === 'closed' || stacks.some(({ stackId }) => stackId === stack.stackId);
}

/** A stack that is being deleted. */
interface Deletion {
  preview: SweptPreview;
  stack: PreviewStack;
  sinceMs: number;
}

async function deleteTogether(
  context: PreviewContext,
  request: PreviewRequest,
  previews: readonly SweptPreview[],
  beginUntilMs: number,
): Promise<void> {
  const { clock, signal } = context;
  const wanted = previews.flatMap((preview) => preview.stacks.map((stack) => ({ preview, stack })));
  // Stacks whose deletion failed before come last, so that they do not delay the others in every sweep.
  const failed = wanted.filter(({ stack }) => stack.status === 'DELETE_FAILED');
  const waiting = [...wanted.filter(({ stack }) => canBeDeleted(stack)), ...failed];
  const running = new Map<string, Deletion>();
  for (;;) {
    while (waiting.length > 0 && running.size < STACKS_AT_ONCE && clock.now() < beginUntilMs) {
      const some = waiting.splice(0, Math.min(CHECKED_AT_ONCE, STACKS_AT_ONCE - running.size));
      for (const deletion of await begin(context, request, some)) {
        running.set(deletion.stack.stackId, deletion);
      }
    }
    if (running.size === 0) break;
    const longest = Math.max(...[...running.values()].map(({ sinceMs }) => clock.now() - sinceMs));
    await clock.sleep(longest < QUICK_POLLS_MS ? 1000 : POLL_MS, signal);
    await follow(context, request, running);
  }
  for (const { preview } of waiting) preview.left = outOfTime(request);
}

/** CloudFormation accepts the deletion of a stack that is being created, but not during other operations. */
function canBeDeleted({ status }: PreviewStack): boolean {
  if (status === 'DELETE_FAILED') return false;
  return !isInProgress(status) || status === 'CREATE_IN_PROGRESS' || status === 'DELETE_IN_PROGRESS';
}

async function begin(
  context: PreviewContext,
  request: PreviewRequest,
  some: readonly Omit<Deletion, 'sinceMs'>[],
): Promise<Deletion[]> {
  const wanted = some.filter(({ preview }) => preview.removal.kept === undefined);
  const reasons = await reasonsToKeep(
    context,
    request,
    wanted.map(({ preview }) => preview),
  );
  const begun = await Promise.all(
    wanted.map(async ({ preview, stack }): Promise<Deletion[]> => {
      const kept = reasons.get(preview.pullRequest);
      if (kept !== undefined) {
        preview.removal.kept = kept;
        return [];
      }
      const requested = await requestDeletion(context, request, stack);
      return requested ? [{ preview, stack, sinceMs: context.clock.now() }] : [];
    }),
  );
  return begun.flat();
}

/** Whether CloudFormation accepted the deletion. If not, the command deletes the stack and reports the reason. */
async function requestDeletion(
  context: PreviewContext,
  { roleArn }: PreviewRequest,
  { stackId, stackName }: PreviewStack,
): Promise<boolean> {
  const { runId: id, runAttempt: attempt } = context.github;
  const command = new DeleteStackCommand({
    StackName: stackId,
    ClientRequestToken: clientRequestToken({ id, attempt, workspace: '' }, 'sweep', stackId),
    ...(roleArn !== undefined && { RoleARN: roleArn }),
  });
  try {
    await send(await context.cloudformation(), command, context);
    context.log.info(`Deleting stack ${stackName}.`);
    return true;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isNotFound(error)) context.log.debug(`${stackName}: ${reasonOf(error)}`);
    return false;
  }
}

/** Removes the finished deletions from those in progress. */
async function follow(
  context: PreviewContext,
  request: PreviewRequest,
  running: Map<string, Deletion>,
): Promise<void> {
  const stacks = await previewStacks(context, request);
  const byId = new Map(stacks.map((stack) => [stack.stackId, stack]));
  for (const [id, { preview, stack, sinceMs }] of running) {
    const waitedMs = context.clock.now() - sinceMs;
    const status = byId.get(id)?.status;
    if (status === 'DELETE_IN_PROGRESS' && waitedMs >= request.timeoutMs) {
      const reason = `Stack ${stack.stackName} is still being deleted after ${duration(waitedMs)}. It was not stopped and continues on AWS.`;
      preview.removal.failures.push(reason);
      preview.removal.interrupted ??= { verdict: 'timed-out', reason };
    }
    if (status === undefined) preview.removal.stacks.push(stack.stackName);
    const isRunning = status === 'DELETE_IN_PROGRESS' ? waitedMs < request.timeoutMs : waitedMs < STALE_MS;
    if (status === undefined || status === 'DELETE_FAILED' || !isRunning) running.delete(id);
  }
}
