import { stopSignal } from '../../core/cancellation.ts';
import { reasonOf } from '../../core/errors.ts';
import { CancelUpdateStackCommand, DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { classify, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { deleteChangeSet, removeShell } from '../change-set/remove.ts';
import { type PendingWork, changesSoFar, type CommandRun } from '../command-run.ts';
import { describeStack, isInProgress, isRollback, isShell } from '../stack.ts';
import type { CloudFormationContext } from '../context.ts';

/** The runner kills a step 7.5 s after its signal; the cancellation must complete before. */
const CANCEL_MS = 5_500;
/** After an error there is time to clean up. */
const CLEAN_UP_MS = 60_000;
const RETRY_MS = 300;
/** Right after a request, DescribeStacks may still return the previous state. */
const STALE_LOOKS = 4;

/**
 * Stops what a cancelled run has started, within 5.5 s: cancels an update, deletes a stack that is being created, and
 * deletes the run's change set together with the empty stack created for it.
 * @returns what was stopped and what state remains, in sentences.
 */
export async function cancelPending(run: CommandRun): Promise<string> {
  const context = { ...run.context, signal: stopSignal(CANCEL_MS) };
  const { operation } = run.pending;
  try {
    if (operation?.kind === 'update') return await cancelUpdate(context, operation, run.pending);
    if (operation?.kind === 'create') return await cancelCreation(context, operation);
    if (operation?.kind === 'delete')
      return `The deletion of stack ${operation.stackName} goes on at AWS: it cannot be stopped.`;
    if (operation)
      return `The rollback of stack ${operation.stackName} goes on at AWS: it cannot be stopped.`;
    if (!run.pending.changeSet) return `${changesSoFar(run)}.`;
    return `${changesSoFar(run)}. ${await deletePendingChangeSet(context, run.pending)}`;
  } catch (error) {
    return `${describePending(run.pending)} could not be stopped (${reasonOf(error)}): look at the stack.`;
  }
}

/** Deletes the run's change set after an error, when nothing was executed. A failure is only logged. */
export async function discardChangeSet(run: CommandRun): Promise<void> {
  if (!run.pending.changeSet) return;
  const context = { ...run.context, signal: stopSignal(CLEAN_UP_MS) };
  try {
    run.context.log.info(await deletePendingChangeSet(context, run.pending, CLEAN_UP_MS));
  } catch (error) {
    run.context.log.warning(`${describePending(run.pending)} could not be deleted: ${reasonOf(error)}`);
  }
}

function describePending({ operation, changeSet }: PendingWork): string {
  if (operation) return `The ${operation.kind} of stack ${operation.stackName}`;
  return `The change set ${changeSet?.changeSetName ?? ''} of stack ${changeSet?.stackName ?? ''}`;
}

/**
 * Cancels an update. If CloudFormation has not received the request yet, the change set is deleted instead; if that
 * is too late, the update can be cancelled.
 */
async function cancelUpdate(
  context: CloudFormationContext,
  { stackName, stackId }: NonNullable<PendingWork['operation']>,
  pending: PendingWork,
): Promise<string> {
  for (let look = 1; ; look++) {
    try {
      await send(context.client, new CancelUpdateStackCommand({ StackName: stackId }), context);
      return `The update of stack ${stackName} was cancelled; CloudFormation rolls it back to what it was before.`;
    } catch (error) {
      if (classify(error) !== 'validation') throw error;
    }
    const { status = 'gone' } = (await describeStack(context, stackId)) ?? {};
    if (isRollback(status) && isInProgress(status))
      return `Stack ${stackName} was rolling back already and goes on with it.`;
    if (isInProgress(status) && status !== 'UPDATE_IN_PROGRESS')
      return `The update of stack ${stackName} was complete already (${status}).`;
    if (!isInProgress(status)) {
      if (!pending.changeSet && look >= STALE_LOOKS) {
        return `The update of stack ${stackName} had ended already: it is ${status}.`;
      }
      const removed =
        pending.changeSet && (await deletePendingChangeSet(context, pending).catch(() => undefined));
      if (removed !== undefined)
        return `The update of stack ${stackName} had not begun: it is ${status}. ${removed}`;
    }
    await context.clock.sleep(RETRY_MS, context.signal);
  }
}

/** Deletes a stack that is being created. A finished creation is kept. */
async function cancelCreation(
  context: CloudFormationContext,
  { stackName, stackId }: NonNullable<PendingWork['operation']>,
): Promise<string> {
  const { status = 'DELETE_COMPLETE' } = (await describeStack(context, stackId)) ?? {};
  if (status.startsWith('DELETE_')) return `Stack ${stackName} is being deleted already.`;
  if (status !== 'CREATE_IN_PROGRESS' && !isShell(status)) {
    return `The creation of stack ${stackName} had ended already: it is ${status}.`;
  }
  await send(context.client, new DeleteStackCommand({ StackName: stackId }), context);
  return `Stack ${stackName} was being created; its deletion was requested and goes on at AWS.`;
}

async function deletePendingChangeSet(
  context: CloudFormationContext,
  pending: PendingWork,
  limitMs = CANCEL_MS,
): Promise<string> {
  const { changeSet } = pending;
  if (!changeSet) return '';
  const { changeSetName, stackId, stackName, shellIsOurs } = changeSet;
  try {
    await deleteChangeSet(context, changeSet, limitMs);
    const shell = shellIsOurs && (await removeShell(context, stackId, limitMs));
    delete pending.changeSet;
    return `The change set ${changeSetName} was deleted${shell ? `, and the empty stack ${stackName} made for it` : ''}.`;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    delete pending.changeSet;
    return `The change set ${changeSetName} is gone.`;
  }
}
