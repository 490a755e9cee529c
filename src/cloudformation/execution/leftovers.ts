import type { StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { isThrottle } from '../../aws/errors.ts';
import { pathOf } from '../change-set/effects.ts';
import { poll } from '../../core/poll.ts';
import { continueRollback, rollBackUpdate } from './continue-rollback.ts';
import { deleteStack, liftProtection, retainedBy } from '../commands/delete.ts';
import {
  describeStack,
  isAlive,
  isFailed,
  isInProgress,
  isShell,
  isStable,
  listResources,
} from '../stack.ts';
import { diagnose } from '../diagnosis/diagnosis.ts';
import { newestEvent, recentEvents, isOwnRow } from './events.ts';
import { plainReason } from '../diagnosis/hints.ts';
import { STATEFUL_TYPES } from '../change-set/stateful.ts';
import { note, requesterOf, StackBlockedError, timeLeft, type Work } from '../commands/command-run.ts';
import type { StackSnapshot } from '../types.ts';
/** What a command works on, after what earlier operations left has been dealt with. */
export interface Prepared {
  /** The stack as it is; undefined when it is to be created. A shell counts as one to create. */
  stack?: StackSnapshot;
  kind: 'create' | 'update';
}

/**
 * Finds the stack and deals with what is in the way: somebody else's operation is waited for; what a failed
 * creation left is deleted, by `deploy` only; a rollback that is stuck is continued only when asked.
 * @param beforeRemake called before a leftover is deleted; throws when the new stack could not be made anyway.
 * @throws StackBlockedError when a person has to decide; TimeoutError when somebody else's operation does not end.
 */
export async function prepareStack(
  work: Work,
  beforeRemake: () => void = () => undefined,
): Promise<Prepared> {
  const stack = await existingStack(work);
  if (stack?.parentId !== undefined) {
    throw new StackBlockedError(
      `Stack ${stack.stackName} is nested in ${nameOf(stack.parentId)}. A nested stack is changed only through its parent: deploy that one.`,
    );
  }
  if (!stack) return { kind: 'create' };
  if (isShell(stack.status)) return { stack, kind: 'create' };
  if (isStable(stack.status)) return { stack, kind: 'update' };
  return await settle(work, stack, beforeRemake);
}

/** The stack once no operation runs on it; undefined when there is none. */
export async function existingStack(work: Work): Promise<StackSnapshot | undefined> {
  const found = await describeStack(work.context, work.inputs.stackName);
  const stack = found && isInProgress(found.status) ? await waitForOthers(work, found) : found;
  return stack?.status === 'DELETE_COMPLETE' ? undefined : stack;
}

/** A stack whose last operation failed. */
async function settle(work: Work, stack: StackSnapshot, beforeRemake: () => void): Promise<Prepared> {
  const { inputs } = work;
  switch (stack.status) {
    case 'CREATE_FAILED':
      // With rollback off, CloudFormation updates such a stack in place and keeps what it has made.
      return inputs.onFailure === 'keep'
        ? { stack, kind: 'update' }
        : await remake(work, stack, beforeRemake);
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
      return await remake(work, stack, beforeRemake);
    case 'UPDATE_FAILED':
      if (inputs.onFailure === 'keep') return { stack, kind: 'update' };
      return { stack: await goBack(work, stack, rollBackUpdate), kind: 'update' };
    case 'UPDATE_ROLLBACK_FAILED':
      return { stack: await goBack(work, stack, continueRollback), kind: 'update' };
    default:
      throw new StackBlockedError(await explainBlocked(work, stack));
  }
}

/** Deletes what a failed creation left, so that the stack can be created again. */
async function remake(work: Work, stack: StackSnapshot, beforeRemake: () => void): Promise<Prepared> {
  const { inputs } = work;
  if (inputs.command !== 'deploy') {
    throw new StackBlockedError(
      `Stack ${stack.stackName} is ${stack.status}: its creation failed, and CloudFormation takes no change set for it. ` +
        '`deploy` deletes what is left and creates the stack again; `delete` only deletes it.',
    );
  }
  beforeRemake();
  await liftProtection(work, stack);
  const resources = await listResources(work.context, stack.stackId);
  refuseToLose(work, stack, resources.filter(isAlive));
  const execution = await deleteStack(work, stack);
  if (execution.status !== 'DELETE_COMPLETE') {
    const { rootCause } = await diagnose(work.context, execution, stack);
    const why = rootCause ? ` ${pathOf(rootCause)}: ${plainReason(rootCause.reason)}` : '';
    throw new StackBlockedError(
      `Stack ${stack.stackName} was left ${stack.status} by a failed creation and cannot be deleted.${why}`,
    );
  }
  note(work, `What a failed creation had left of stack ${stack.stackName} (${stack.status}) was deleted.`);
  const kept = [
    ...resources.filter((resource) => resource.ResourceStatus === 'DELETE_SKIPPED').map(resourceName),
    ...retainedBy(execution).map(pathOf),
  ];
  if (kept.length > 0) {
    note(
      work,
      `Still there, though no stack knows them any more: ${[...new Set(kept)].join(', ')}. If they have fixed names, creating them again fails.`,
    );
  }
  return { kind: 'create' };
}

/** A failed creation may have made a database that somebody has filled since. */
function refuseToLose({ inputs }: Work, stack: StackSnapshot, alive: readonly StackResourceSummary[]): void {
  const allowed = new Set(inputs.allowDelete);
  const guarded = alive.filter(
    ({ ResourceType: type = '', LogicalResourceId: id = '' }) =>
      STATEFUL_TYPES.has(type) && !allowed.has(type) && !allowed.has(id),
  );
  if (guarded.length === 0) return;
  const names = guarded.map((resource) => `${resourceName(resource)} (${resource.ResourceType ?? ''})`);
  throw new StackBlockedError(
    `Stack ${stack.stackName} is ${stack.status} and would be deleted to create it again, but it holds ${names.join(', ')}. ` +
      `To lose ${guarded.length === 1 ? 'it' : 'them'}, give allow-delete: ${guarded.map(resourceName).join(',')}; to go on from here, on-failure: keep.`,
  );
}

function resourceName(resource: StackResourceSummary): string {
  return resource.LogicalResourceId ?? '';
}

/** Brings a stack that failed halfway back to its last good state, when asked to. */
async function goBack(
  work: Work,
  stack: StackSnapshot,
  back: (work: Work, stack: StackSnapshot) => Promise<StackSnapshot>,
): Promise<StackSnapshot> {
  const { command, continueRollback: asked } = work.inputs;
  if (command !== 'deploy' || !asked) throw new StackBlockedError(await explainBlocked(work, stack));
  return await back(work, stack);
}

/** Why a stack cannot be worked on, with the resources that failed. */
async function explainBlocked(work: Work, stack: StackSnapshot): Promise<string> {
  const failed = await failedResources(work, stack);
  const because = failed.length > 0 ? ` because of ${failed.join('; ')}` : '';
  return `Stack ${stack.stackName} is ${stack.status}${because}. ${WAY_OUT[stack.status] ?? 'CloudFormation takes no update from this state.'}`;
}

const WAY_OUT: Readonly<Record<string, string>> = {
  DELETE_FAILED: 'Remove what holds it and delete the stack (command: delete) before it is deployed again.',
  UPDATE_ROLLBACK_FAILED: 'Repair what stops the rollback, then deploy with continue-rollback: true.',
  UPDATE_FAILED:
    'An earlier deployment kept its failed state: deploy with on-failure: keep to go on from here, or with continue-rollback: true to go back first.',
  IMPORT_ROLLBACK_FAILED: 'Repair what stops the rollback of the import, then continue it in the console.',
};

/** The failures of the stack's last operation, as `LogicalId: reason`. */
async function failedResources({ context }: Work, stack: StackSnapshot): Promise<string[]> {
  const events = await recentEvents(
    context,
    stack.stackId,
    (event) => !isOwnRow(event) || !event.status.endsWith('_IN_PROGRESS'),
  );
  const failed = events.filter((event) => !isOwnRow(event) && isFailed(event.status));
  return [
    ...new Set(
      failed.map(
        (event) => `${event.logicalId}: ${plainReason(event.reason ?? event.status).replace(/\.$/, '')}`,
      ),
    ),
  ].slice(0, 5);
}

/** Waits until no operation runs; the stack may be gone then. */
async function waitForOthers(work: Work, stack: StackSnapshot): Promise<StackSnapshot | undefined> {
  const { context } = work;
  const event = await newestEvent(context, stack.stackId);
  const who = requesterOf(event?.token);
  const since = stack.updatedAt ?? stack.createdAt;
  context.log.info(
    `Stack ${stack.stackName} is ${stack.status}${since ? ` since ${since.toISOString()}` : ''}, asked for by ${who}. Waiting for it to end.`,
  );
  work.begun.standing = () => `stack ${stack.stackName} was still ${stack.status}, asked for by ${who}`;
  let saidAt = context.clock.now();
  const found = await poll(
    context,
    { what: `the operation of ${who} on stack ${stack.stackName}`, timeoutMs: timeLeft(work), isThrottle },
    async () => {
      const now = await describeStack(context, stack.stackId);
      saidAt = tellWaiting(work, now, saidAt);
      return now && isInProgress(now.status) ? undefined : { now };
    },
  );
  delete work.begun.standing;
  note(work, `Waited for the ${stack.status} of ${who}; the stack is ${found.now?.status ?? 'gone'} now.`);
  return found.now;
}

/** A line a minute, so that nobody takes the job for dead; answers when the last one was said. */
function tellWaiting({ context }: Work, stack: StackSnapshot | undefined, saidAt: number): number {
  const now = context.clock.now();
  if (!stack || now - saidAt < 60_000) return saidAt;
  context.log.info(`Stack ${stack.stackName} is ${stack.status}; still waiting.`);
  return now;
}

function nameOf(stackId: string): string {
  return stackId.split('/')[1] ?? stackId;
}
