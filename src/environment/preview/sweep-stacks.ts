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
import { deleteAll, isStopped, unlessReopened } from './remove.ts';
import type { Removal } from './result.ts';
import { haveExpired, type PreviewStack, previewStacks, unlessRenewed } from './stacks.ts';

/** A preview that a sweep removes, and how far that is. */
export interface SweptPreview {
  pullRequest: number;
  /** Of the pull request, in ISO 8601. */
  createdAt: string;
  /** Why it is removed. `expired`: only the stacks that were found, and no images. */
  cause: 'closed' | 'expired';
  stacks: readonly PreviewStack[];
  removal: Removal;
  /** Why not all of its stacks were begun with: they are left for the next sweep. */
  left?: string;
}

/** A deletion takes minutes, and one listing of the stacks watches all of them. */
const STACKS_AT_ONCE = 40;
/** So few are asked about before their deletion that the answer is about a second old for the last of them. */
export const ASKED_AT_ONCE = 10;
/** Deletions by the command of deploy-stack, which waits for other operations and says why one failed. */
const COMMANDS_AT_ONCE = 5;
/** A deployment that is under way may make a stack again after it was deleted. */
const ROUNDS = 3;
const QUICK_POLLS_MS = 15_000;
const POLL_MS = 5000;
/** After this a stack that is not being deleted although CloudFormation accepted it is left to the command. */
const STALE_MS = 60_000;

/** Why previews stay after all, by pull request: read for all of them at once, right before they are changed. */
export async function objectionsTo(
  context: PreviewContext,
  request: PreviewRequest,
  previews: readonly SweptPreview[],
): Promise<Map<number, string>> {
  const objections = new Map<number, string>();
  const numbersOf = (cause: SweptPreview['cause']): number[] => [
    ...new Set(previews.filter((one) => one.cause === cause).map(({ pullRequest }) => pullRequest)),
  ];
  for (const [number, { open }] of await pullRequestStates(context, numbersOf('closed'))) {
    if (open) objections.set(number, `Pull request ${number} was reopened`);
  }
  const expired = numbersOf('expired');
  const stacks = expired.length > 0 ? await previewStacks(context, request) : [];
  for (const number of expired) {
    const own = stacks.filter(({ pullRequest }) => pullRequest === number);
    if (haveExpired(own, context.clock.now())) continue;
    objections.set(number, `The preview of pull request ${number} was deployed again`);
  }
  return objections;
}

/**
 * Deletes the stacks of previews, 40 at once, watched by one listing. What that does not delete (an operation is under
 * way, the deletion failed, a deployment created it again) is deleted by the command of deploy-stack. No deletion begins
 * after `beginUntilMs`; one that is under way then is followed to its end.
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
        if (removal.failures.length === 0) removal.failures = [`Stacks of the preview come back: ${names}.`];
      } else if (context.clock.now() >= beginUntilMs) {
        preview.left = outOfTime(request);
      } else {
        const objection =
          cause === 'closed'
            ? unlessReopened(context, pullRequest)
            : unlessRenewed(context, request, pullRequest);
        removal.failures = await deleteAll(context, request, stacks, removal, objection);
      }
    });
  }
}

function outOfTime({ timeoutMs }: PreviewRequest): string {
  return `no deletion begins after the timeout of ${duration(timeoutMs)}`;
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

/** A stack whose deletion is wanted, and since when it is under way. */
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
  // Stacks that cannot be deleted must not keep the others from it, sweep after sweep.
  const failed = wanted.filter(({ stack }) => stack.status === 'DELETE_FAILED');
  const waiting = [...wanted.filter(({ stack }) => canBeDeleted(stack)), ...failed];
  const running = new Map<string, Deletion>();
  for (;;) {
    while (waiting.length > 0 && running.size < STACKS_AT_ONCE && clock.now() < beginUntilMs) {
      const some = waiting.splice(0, Math.min(ASKED_AT_ONCE, STACKS_AT_ONCE - running.size));
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

/** CloudFormation deletes a stack that is being created, but waits for no other operation. */
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
  const objections = await objectionsTo(
    context,
    request,
    wanted.map(({ preview }) => preview),
  );
  const begun = await Promise.all(
    wanted.map(async ({ preview, stack }): Promise<Deletion[]> => {
      const kept = objections.get(preview.pullRequest);
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

/** Whether CloudFormation accepts the deletion; what it refuses is left to the command, which tells why. */
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

/** Takes the deletions that are over off those that are running. */
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
