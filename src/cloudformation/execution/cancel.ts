import { stopSignal } from '../../core/cancellation.ts';
import { reasonOf } from '../../core/errors.ts';
import { CancelUpdateStackCommand, DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { classify, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { abandonChangeSet } from '../change-set/abandon.ts';
import { deleteChangeSet, removeShell } from '../change-set/remove.ts';
import { currentStatus } from '../current-status.ts';
import { type PendingWork, changesSoFar, type CommandRun } from '../command-run.ts';
import { isComplete } from './watch.ts';
import { describeStack, isInProgress, isRollback, isShell } from '../stack.ts';
import type { CloudFormationContext } from '../context.ts';

/** The limit for cancelling, in ms. A cancelled job has less time and aborts the calls itself. */
const CANCEL_MS = 20_000;
/** The limit for cleaning up after an error, in ms. */
const CLEAN_UP_MS = 60_000;
const RETRY_MS = 300;
/** Right after a request, DescribeStacks may still return the previous state. */
const STALE_READS = 4;
/** The limit for reading a stack's status, in ms; after it, the last known status is used. */
const STATUS_MS = 1500;

type PendingOperation = NonNullable<PendingWork['operation']>;

/** The end of a run's work that was stopped. */
interface Cancellation {
  /** Sentences about what was stopped and the state that remains. */
  remains: string;
  /** Whether the stack operation had completed before it could be stopped. */
  completed: boolean;
}

/**
 * Stops what a run has started: cancels an update, deletes a stack that is being created, and deletes the run's change set
 * together with the empty stack created for it. With `on-failure: keep` an operation continues. What could not be stopped
 * in time is reported with the command that stops it. Never throws.
 */
export async function cancelPending(run: CommandRun): Promise<Cancellation> {
  const { operation, changeSet } = run.pending;
  if (operation) return await cancelOperation(run, operation);
  const completed = run.done !== undefined;
  if (!changeSet) return { remains: `${changesSoFar(run)}.`, completed };
  delete run.pending.changeSet;
  const text = await abandonChangeSet(run.context, { ...changeSet, isShellOurs: changeSet.shellIsOurs });
  return { remains: `${changesSoFar(run)}. ${text}`, completed };
}

async function cancelOperation(run: CommandRun, operation: PendingOperation): Promise<Cancellation> {
  const { context, inputs, pending } = run;
  const { kind, stackName } = operation;
  if (kind === 'delete' || kind === 'rollback') {
    const what = kind === 'delete' ? 'deletion' : 'rollback';
    return notCompleted(`The ${what} of stack ${stackName} continues on AWS: it cannot be cancelled.`);
  }
  const what = `The ${kind === 'update' ? 'update' : 'creation'} of stack ${stackName}`;
  if (inputs.onFailure === 'keep') return notCompleted(`${what} continues on AWS (on-failure: keep).`);
  const stopping = { ...context, signal: stopSignal(CANCEL_MS) };
  const command = `aws cloudformation ${kind === 'update' ? 'cancel-update-stack' : 'delete-stack'} --stack-name ${stackName} --region ${context.session.region}`;
  let completed = false;
  const remains = await context.unstopped.during({ what, command }, async () => {
    const end = await (kind === 'update'
      ? cancelUpdate(stopping, operation, pending)
      : cancelCreation(stopping, operation));
    completed = end.completed;
    return end.remains;
  });
  return { remains, completed };
}

function notCompleted(remains: string): Cancellation {
  return { remains, completed: false };
}

/** Deletes the run's change set after an error, if it was not executed. A failure is only logged. */
export async function discardChangeSet(run: CommandRun): Promise<void> {
  if (!run.pending.changeSet) return;
  const context = { ...run.context, signal: stopSignal(CLEAN_UP_MS) };
  try {
    run.context.log.info(await deletePendingChangeSet(context, run.pending, CLEAN_UP_MS));
  } catch (error) {
    run.context.log.warning(`${describePending(run.pending)} could not be deleted: ${reasonOf(error)}`);
  }
}

function describePending({ changeSet }: PendingWork): string {
  return `The change set ${changeSet?.changeSetName ?? ''} of stack ${changeSet?.stackName ?? ''}`;
}

/**
 * Cancels an update. If CloudFormation has not yet received the request to execute the change set, the change set is
 * deleted instead; if it has received it by then, the update is cancelled.
 */
async function cancelUpdate(
  context: CloudFormationContext,
  { stackName, stackId }: PendingOperation,
  pending: PendingWork,
): Promise<Cancellation> {
  for (let attempt = 1; ; attempt++) {
    try {
      await send(context.client, new CancelUpdateStackCommand({ StackName: stackId }), context);
      return notCompleted(
        `The update of stack ${stackName} was cancelled, and CloudFormation is rolling it back.`,
      );
    } catch (error) {
      if (classify(error) !== 'validation') throw error;
    }
    const { status = 'gone' } = (await describeStack(context, stackId)) ?? {};
    if (isRollback(status) && isInProgress(status))
      return notCompleted(`Stack ${stackName} was already rolling back, and the rollback continues.`);
    if (status === 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS')
      return {
        remains: `The update of stack ${stackName} was already complete (${status}).`,
        completed: true,
      };
    if (isInProgress(status) && status !== 'UPDATE_IN_PROGRESS')
      return notCompleted(`Stack ${stackName} is ${status}, which cannot be cancelled.`);
    if (!isInProgress(status)) {
      if (!pending.changeSet && attempt >= STALE_READS) {
        return {
          remains: `The update of stack ${stackName} had already ended: the stack is ${status}.`,
          completed: isComplete({ status }),
        };
      }
      const removed =
        pending.changeSet &&
        (await deletePendingChangeSet(context, pending, CANCEL_MS).catch(() => undefined));
      if (removed !== undefined)
        return notCompleted(
          `The update of stack ${stackName} had not started: the stack is ${status}. ${removed}`,
        );
    }
    await context.clock.sleep(RETRY_MS, context.signal);
  }
}

/** Deletes a stack that is being created. A finished creation is kept. */
async function cancelCreation(
  context: CloudFormationContext,
  { stackName, stackId }: PendingOperation,
): Promise<Cancellation> {
  const status = await currentStatus({ ...context, signal: stopSignal(STATUS_MS) }, stackId).catch(
    // The run was still waiting for the end of the creation.
    () => 'CREATE_IN_PROGRESS',
  );
  if (status === undefined || status.startsWith('DELETE_'))
    return notCompleted(`Stack ${stackName} is already being deleted.`);
  if (status !== 'CREATE_IN_PROGRESS' && !isShell(status)) {
    return {
      remains: `The creation of stack ${stackName} had already ended: the stack is ${status}.`,
      completed: isComplete({ status }),
    };
  }
  await send(context.client, new DeleteStackCommand({ StackName: stackId }), context);
  return notCompleted(
    `Stack ${stackName} was being created. Its deletion was requested and continues on AWS.`,
  );
}

async function deletePendingChangeSet(
  context: CloudFormationContext,
  pending: PendingWork,
  limitMs: number,
): Promise<string> {
  const { changeSet } = pending;
  if (!changeSet) return '';
  const { changeSetName, stackId, stackName, shellIsOurs } = changeSet;
  try {
    await deleteChangeSet(context, changeSet, limitMs);
    const shell = shellIsOurs && (await removeShell(context, stackId, limitMs));
    delete pending.changeSet;
    return `Deleted the change set ${changeSetName}${shell ? ` and the empty stack ${stackName} that was created for it` : ''}.`;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    delete pending.changeSet;
    return `The change set ${changeSetName} no longer exists.`;
  }
}
