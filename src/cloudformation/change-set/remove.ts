import {
  DeleteChangeSetCommand,
  DeleteStackCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { awsNameOf, classify, isNotFound, isThrottle } from '../../aws/errors.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { type ChangeSetRequest, describePage, findChangeSet, intervalMs } from './create.ts';
import { describeStack, isShell } from '../stack.ts';
import type { CloudFormationContext } from '../context.ts';

export const CLEAN_UP_MS = 60_000;
/** A cancelled job is killed 7.5 s after its signal. */
const CANCELLED_CLEAN_UP_MS = 4_500;

/**
 * Leaves nothing of ours behind after a failure or a cancel: the change set goes if it is there and carries our
 * nonce, and with it the empty stack that was made for it. What cannot be removed is named; nothing is thrown.
 */
export async function removeChangeSet(
  context: CloudFormationContext,
  request: ChangeSetRequest,
): Promise<void> {
  const limit = context.signal.aborted ? CANCELLED_CLEAN_UP_MS : CLEAN_UP_MS;
  const fresh = { ...context, signal: AbortSignal.timeout(limit) };
  try {
    const ours = request.made ?? (await findChangeSet(fresh, request));
    if (!ours) return;
    await deleteChangeSet(fresh, ours.changeSetId, limit);
    if (request.kind === 'create') await removeShell(fresh, ours.stackId, limit);
  } catch (error) {
    context.log.warning(
      `The change set ${request.changeSetName} of ${request.stackName} may be left behind: ${reasonOf(error)}`,
    );
  }
}

/**
 * Deletes a change set, with those of its nested stacks, and waits until it is gone. One that is gone already is
 * fine; one that is still being made is deleted as soon as CloudFormation lets us.
 */
export async function deleteChangeSet(
  context: CloudFormationContext,
  changeSetId: string,
  timeoutMs: number,
): Promise<void> {
  const what = `the deletion of the change set ${changeSetId}`;
  await poll(context, { what, timeoutMs, intervalMs, isThrottle }, async () => {
    try {
      await send(context.client, new DeleteChangeSetCommand({ ChangeSetName: changeSetId }), context);
    } catch (error) {
      if (isNotFound(error)) return true;
      if (awsNameOf(error) !== 'InvalidChangeSetStatusException') throw error;
    }
    const set = await describePage(context, changeSetId).catch(mayNotRead);
    if (set?.Status === 'DELETE_FAILED') {
      throw new PlatformError(
        'conflict',
        `The change set ${changeSetId} cannot be deleted: ${set.StatusReason ?? 'no reason given'}`,
      );
    }
    return set === undefined || set.Status === 'DELETE_COMPLETE' ? true : undefined;
  });
}

/** Whoever may delete but not read takes the accepted request for the end. */
function mayNotRead(error: unknown): undefined {
  if (classify(error) !== 'denied') throw error;
}

/**
 * Deletes the empty stack that a CREATE change set leaves behind, unless it is no shell any more or another
 * change set waits in it. Returns whether it is gone.
 */
export async function removeShell(
  context: CloudFormationContext,
  stackId: string,
  timeoutMs: number,
): Promise<boolean> {
  const stack = await describeStack(context, stackId);
  if (!stack || stack.status === 'DELETE_COMPLETE') return true;
  if (!isShell(stack.status) || (await hasChangeSets(context, stackId))) return false;
  await send(context.client, new DeleteStackCommand({ StackName: stackId }), context);
  const what = `the deletion of the empty stack ${stack.stackName}`;
  return await poll(context, { what, timeoutMs, intervalMs, isThrottle }, async () => {
    const now = await describeStack(context, stackId);
    if (now?.status === 'DELETE_FAILED') {
      throw new PlatformError(
        'conflict',
        `The empty stack ${stack.stackName} cannot be deleted: ${now.statusReason ?? 'no reason given'}`,
      );
    }
    return !now || now.status === 'DELETE_COMPLETE' ? true : undefined;
  });
}

async function hasChangeSets(context: CloudFormationContext, stackId: string): Promise<boolean> {
  const answer = await send(context.client, new ListChangeSetsCommand({ StackName: stackId }), context);
  return (answer.Summaries ?? []).some((summary) => !(summary.Status ?? '').startsWith('DELETE_'));
}
