import {
  DeleteChangeSetCommand,
  DeleteStackCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { awsNameOf, classify, isNotFound, isThrottle } from '../../aws/errors.ts';
import { stopSignal } from '../../core/cancellation.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { abandonChangeSet } from './abandon.ts';
import type { Plan } from './changes.ts';
import {
  changeSetAddress,
  type ChangeSetId,
  type ChangeSetRequest,
  describePage,
  findChangeSet,
  intervalMs,
} from './create.ts';
import { describeStack, isShell } from '../stack.ts';
import type { CloudFormationContext } from '../context.ts';

export const CLEAN_UP_MS = 60_000;

/**
 * Cleans up after a failure or a cancellation: deletes the change set if it has this request's nonce, and the empty stack
 * created for it. Failures are logged. Never throws.
 */
export async function removeChangeSet(
  context: CloudFormationContext,
  request: ChangeSetRequest,
): Promise<void> {
  if (context.signal.aborted) {
    const { stackName, changeSetName, kind, made } = request;
    const named = { stackName, changeSetName, stackId: made?.stackId, isShellOurs: kind === 'create' };
    context.log.info(await abandonChangeSet(context, named));
    return;
  }
  const fresh = { ...context, signal: stopSignal(CLEAN_UP_MS) };
  let remains = `change set ${request.changeSetName} of ${request.stackName}`;
  try {
    const ours = request.made ?? (await findChangeSet(fresh, request));
    if (!ours) return;
    await deleteChangeSet(fresh, ours, CLEAN_UP_MS);
    remains = `empty stack ${request.stackName}`;
    if (request.kind === 'create') await removeShell(fresh, ours.stackId, CLEAN_UP_MS);
  } catch (error) {
    context.log.warning(`The ${remains} may not have been deleted: ${reasonOf(error)}`);
  }
}

/** Deletes the change set of a plan that will not be executed. Failures are logged. Never throws. */
export async function discardPlan(
  context: CloudFormationContext,
  plan: Pick<Plan, 'stackName' | 'stackId' | 'changeSetName' | 'changeSetId'>,
): Promise<void> {
  if (context.signal.aborted) {
    context.log.info(await abandonChangeSet(context, { ...plan, isShellOurs: false }));
    return;
  }
  try {
    await deleteChangeSet({ ...context, signal: stopSignal(CLEAN_UP_MS) }, plan, CLEAN_UP_MS);
  } catch (error) {
    context.log.warning(
      `The change set ${plan.changeSetName} of ${plan.stackName} may not have been deleted: ${reasonOf(error)}`,
    );
  }
}

/**
 * Deletes a change set with its nested ones, and waits for the end. A change set that does not exist is not an error; one
 * that is still being created is deleted as soon as CloudFormation allows it.
 */
export async function deleteChangeSet(
  context: CloudFormationContext,
  made: ChangeSetId,
  timeoutMs: number,
): Promise<void> {
  const { changeSetId } = made;
  const address = changeSetAddress(made);
  const what = `the deletion of the change set ${changeSetId}`;
  await poll(context, { what, timeoutMs, intervalMs, isThrottle }, async () => {
    try {
      await send(context.client, new DeleteChangeSetCommand({ ...address }), context);
    } catch (error) {
      if (isNotFound(error)) return true;
      if (awsNameOf(error) !== 'InvalidChangeSetStatusException') throw error;
    }
    const set = await describePage(context, address).catch(ignoreDenied);
    if (set?.Status === 'DELETE_FAILED') {
      throw new PlatformError(
        'conflict',
        `The change set ${changeSetId} could not be deleted: ${set.StatusReason ?? 'no reason given'}`,
      );
    }
    return set === undefined || set.Status === 'DELETE_COMPLETE' ? true : undefined;
  });
}

/** Without permission to read the change set, the accepted request counts as the deletion. */
function ignoreDenied(error: unknown): undefined {
  if (classify(error) !== 'denied') throw error;
}

/**
 * Deletes the empty stack that a CREATE change set leaves behind, unless it has resources or another change set.
 * Returns whether it was deleted.
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
        `The empty stack ${stack.stackName} could not be deleted: ${now.statusReason ?? 'no reason given'}`,
      );
    }
    return !now || now.status === 'DELETE_COMPLETE' ? true : undefined;
  });
}

async function hasChangeSets(context: CloudFormationContext, stackId: string): Promise<boolean> {
  const answer = await send(context.client, new ListChangeSetsCommand({ StackName: stackId }), context);
  return (answer.Summaries ?? []).some((summary) => !(summary.Status ?? '').startsWith('DELETE_'));
}
