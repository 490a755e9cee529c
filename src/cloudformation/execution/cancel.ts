import { CancelUpdateStackCommand, DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { classify, errorText, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { deleteChangeSet, removeShell } from '../change-set/remove.ts';
import { type Begun, nothingChanged, type Work } from '../commands/command-run.ts';
import { describeStack, isInProgress, isRollback, isShell } from '../stack.ts';
import type { CloudFormationContext } from '../types.ts';

/** The runner kills a step 7.5 s after its signal, so everything here has to be done before. */
const CANCEL_MS = 5_500;
/** After an error nobody is in a hurry. */
const CLEAN_UP_MS = 60_000;
const RETRY_MS = 300;
/** Right after a request DescribeStacks may still tell the state before it. */
const STALE_LOOKS = 4;

/**
 * Stops what a cancelled run has begun, within 5.5 s: an update is cancelled, a creation is deleted, a change set of
 * ours is deleted together with the empty stack we made for it.
 * @returns a sentence on what was stopped and what state remains.
 */
export async function cancelBegun(work: Work): Promise<string> {
  const context = { ...work.context, signal: AbortSignal.timeout(CANCEL_MS) };
  const { operation } = work.begun;
  try {
    if (operation?.kind === 'update') return await cancelUpdate(context, operation, work.begun);
    if (operation?.kind === 'create') return await cancelCreation(context, operation);
    if (operation?.kind === 'delete')
      return `The deletion of stack ${operation.stackName} goes on at AWS: it cannot be stopped.`;
    if (operation)
      return `The rollback of stack ${operation.stackName} goes on at AWS: it cannot be stopped.`;
    if (!work.begun.changeSet) return `${nothingChanged(work)}.`;
    return `${nothingChanged(work)}. ${await removeChangeSet(context, work.begun)}`;
  } catch (error) {
    return `${remaining(work.begun)} could not be stopped (${errorText(error)}): look at the stack.`;
  }
}

/** Removes a change set of ours after an error, when nothing has been executed. What is in the way is only told. */
export async function abandonChangeSet(work: Work): Promise<void> {
  if (!work.begun.changeSet) return;
  const context = { ...work.context, signal: AbortSignal.timeout(CLEAN_UP_MS) };
  try {
    work.context.log.info(await removeChangeSet(context, work.begun, CLEAN_UP_MS));
  } catch (error) {
    work.context.log.warning(`${remaining(work.begun)} could not be deleted: ${errorText(error)}`);
  }
}

function remaining({ operation, changeSet }: Begun): string {
  if (operation) return `The ${operation.kind} of stack ${operation.stackName}`;
  return `The change set ${changeSet?.changeSetName ?? ''} of stack ${changeSet?.stackName ?? ''}`;
}

/**
 * Cancels an update. The request for it may still be on its way; then its change set is deleted, and should
 * that be too late, the update can be cancelled after all.
 */
async function cancelUpdate(
  context: CloudFormationContext,
  { stackName, stackId }: NonNullable<Begun['operation']>,
  begun: Begun,
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
      if (!begun.changeSet && look >= STALE_LOOKS) {
        return `The update of stack ${stackName} had ended already: it is ${status}.`;
      }
      const removed = begun.changeSet && (await removeChangeSet(context, begun).catch(() => undefined));
      if (removed !== undefined)
        return `The update of stack ${stackName} had not begun: it is ${status}. ${removed}`;
    }
    await context.clock.sleep(RETRY_MS, context.signal);
  }
}

/** A creation that had ended by itself stays as it is; anything else of it is deleted. */
async function cancelCreation(
  context: CloudFormationContext,
  { stackName, stackId }: NonNullable<Begun['operation']>,
): Promise<string> {
  const { status = 'DELETE_COMPLETE' } = (await describeStack(context, stackId)) ?? {};
  if (status.startsWith('DELETE_')) return `Stack ${stackName} is being deleted already.`;
  if (status !== 'CREATE_IN_PROGRESS' && !isShell(status)) {
    return `The creation of stack ${stackName} had ended already: it is ${status}.`;
  }
  await send(context.client, new DeleteStackCommand({ StackName: stackId }), context);
  return `Stack ${stackName} was being created; its deletion was requested and goes on at AWS.`;
}

async function removeChangeSet(
  context: CloudFormationContext,
  begun: Begun,
  limitMs = CANCEL_MS,
): Promise<string> {
  const { changeSet } = begun;
  if (!changeSet) return '';
  const { changeSetName, changeSetId, stackId, stackName, shellIsOurs } = changeSet;
  try {
    await deleteChangeSet(context, changeSetId, limitMs);
    const shell = shellIsOurs && (await removeShell(context, stackId, limitMs));
    delete begun.changeSet;
    return `The change set ${changeSetName} was deleted${shell ? `, and the empty stack ${stackName} made for it` : ''}.`;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    delete begun.changeSet;
    return `The change set ${changeSetName} is gone.`;
  }
}

/** How long a nicety may take before it is given up, in milliseconds. */
const LIMIT_MS = 5_000;

/**
 * Runs something that makes an answer better but decides nothing: undefined when the endpoint lacks it, refuses it
 * or takes too long. A cancelled job still stops.
 */
export async function bestEffort<T>(
  context: CloudFormationContext,
  what: string,
  run: (context: CloudFormationContext) => Promise<T>,
): Promise<T | undefined> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(LIMIT_MS)]);
  try {
    return await run({ ...context, signal });
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`${what}: ${errorText(error)}`);
    return undefined;
  }
}
