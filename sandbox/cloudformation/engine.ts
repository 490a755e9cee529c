import type { World } from '../world.ts';
import type { ValidationEvent } from './change-set.ts';
import type { Unwanted } from './cleanup.ts';
import { deleteAll } from './cleanup.ts';
import type { DeletionRequest } from './deletion.ts';
import { deleteStack } from './deletion.ts';
import { applyScenarioDrift } from './drift-rules.ts';
import { beginOperation, endOperation, setStackStatus } from './events.ts';
import { bringForward } from './forward.ts';
import { rollBackCreation, rollBackUpdate, undoOf } from './rollback.ts';
import type { OperationType, Definition, Stack, StackOperation } from './stack.ts';
import { activeResources } from './stack-scope.ts';
import { WorkStopped, workOf } from './work.ts';

export interface DeploymentRequest {
  definition: Definition;
  token?: string | undefined;
  onFailure: 'ROLLBACK' | 'DO_NOTHING' | 'DELETE';
  revertDrift?: boolean;
  /** What early validation found: the operation fails of it, and does nothing else. */
  findings?: readonly ValidationEvent[];
  /** Told how it ended. */
  onEnd?: (succeeded: boolean) => void;
}

/** What a stack does before its first resource, in simulated seconds. */
const START_SECONDS = 1;
const REFUSED = "Validation failure detected. See the operation's FAILED event for details.";

/** Starts to create or update a stack. The stack is in progress when this returns; the rest happens later. */
export function startDeployment(
  world: World,
  stack: Stack,
  type: 'CREATE_STACK' | 'UPDATE_STACK',
  request: DeploymentRequest,
): void {
  const operation = beginOperation(world, stack, type, request.token);
  if (request.findings) operation.validations = request.findings;
  const creating = type === 'CREATE_STACK';
  stack.undo ??= undoOf(stack);
  stack.definition = request.definition;
  stack.disableRollback = request.onFailure === 'DO_NOTHING';
  if (!creating) stack.updatedAt = world.clock.now();
  setStackStatus(
    { world, stack, operation },
    creating ? 'CREATE_IN_PROGRESS' : 'UPDATE_IN_PROGRESS',
    'User Initiated',
  );
  runWork(world, stack, async (stop) => {
    const succeeded = await deploy(world, stack, operation, request, stop);
    request.onEnd?.(succeeded);
  });
}

/** Runs the one piece of work that a stack may have under way. */
function runWork(world: World, stack: Stack, work: (stop: AbortController) => Promise<void>): void {
  const stop = new AbortController();
  stack.stop = stop;
  world.run(() => {
    const running = work(stop).finally(() => {
      if (stack.stop === stop) {
        delete stack.stop;
        delete stack.work;
      }
      delete stack.policyDuringUpdate;
    });
    stack.work = running;
    return running;
  });
}

async function deploy(
  world: World,
  stack: Stack,
  operation: StackOperation,
  request: DeploymentRequest,
  stop: AbortController,
): Promise<boolean> {
  const creating = operation.type === 'CREATE_STACK';
  const refused = request.findings !== undefined && request.findings.length > 0;
  const reason = refused ? REFUSED : await forward(world, stack, operation, request, stop);
  if (stopCause(stop) === 'deleted') return false;
  if (reason === undefined) {
    if (creating) setStackStatus({ world, stack, operation }, 'CREATE_COMPLETE');
    else await cleanUpUpdate(world, stack, operation);
    delete stack.undo;
    endOperation(world, operation, true);
    applyScenarioDrift(world, stack);
    return true;
  }
  endOperation(world, operation, false);
  await handleFailure(world, stack, operation, request, reason);
  return false;
}

function stopCause(stop: AbortController): WorkStopped['why'] | undefined {
  return stop.signal.reason instanceof WorkStopped ? stop.signal.reason.why : undefined;
}

/** Brings the stack to its definition. The reason why that failed; undefined when it did not. */
export async function forward(
  world: World,
  stack: Stack,
  operation: StackOperation,
  request: Pick<DeploymentRequest, 'definition' | 'onFailure' | 'revertDrift'>,
  stop: AbortController,
): Promise<string | undefined> {
  const { definition } = request;
  const undo = (stack.undo ??= undoOf(stack));
  const work = workOf(world, stack, operation, definition, 'forward', stop.signal);
  const timeout =
    stack.timeoutMinutes === undefined ? undefined : startTimeout(world, stack.timeoutMinutes, stop);
  await world.clock.sleep(START_SECONDS);
  const reason = await bringForward({
    ...work,
    definition,
    undo,
    revertDrift: request.revertDrift ?? false,
    stopOnFailure: () => {
      if (request.onFailure !== 'DO_NOTHING') stop.abort(new WorkStopped('failure'));
    },
  });
  timeout?.abort();
  if (stopCause(stop) === 'cancelled') return 'User Initiated';
  if (stopCause(stop) === 'timeout') return 'Stack creation time exceeded the specified timeout. ';
  return reason;
}

function startTimeout(world: World, minutes: number, stop: AbortController): AbortController {
  const ended = new AbortController();
  world.run(async () => {
    await world.clock.sleep(minutes * 60, ended.signal).then(
      () => {
        stop.abort(new WorkStopped('timeout'));
      },
      (error: unknown) => {
        if (!ended.signal.aborted) throw error;
      },
    );
  });
  return ended;
}

async function handleFailure(
  world: World,
  stack: Stack,
  failed: StackOperation,
  request: DeploymentRequest,
  reason: string,
): Promise<void> {
  const creating = failed.type === 'CREATE_STACK';
  const { onFailure } = request;
  if (onFailure === 'DO_NOTHING' && reason !== 'User Initiated') {
    setStackStatus({ world, stack, operation: failed }, creating ? 'CREATE_FAILED' : 'UPDATE_FAILED', reason);
    return;
  }
  const sentence = reason.replace(/\.? ?$/, '. ');
  const asked = (what: string): string => `${sentence}${what} requested by user.`;
  if (creating && onFailure === 'DELETE') {
    const operation = beginOperation(world, stack, 'DELETE_STACK', failed.token);
    setStackStatus({ world, stack, operation }, 'DELETE_IN_PROGRESS', asked('Delete'));
    await deleteStack(world, stack, operation, { before: 'CREATE_FAILED' });
    return;
  }
  const operation = beginOperation(world, stack, 'ROLLBACK', failed.token);
  if (creating) {
    setStackStatus({ world, stack, operation }, 'ROLLBACK_IN_PROGRESS', asked('Rollback'));
    await rollBackCreation(world, stack, operation);
    return;
  }
  setStackStatus({ world, stack, operation }, 'UPDATE_ROLLBACK_IN_PROGRESS', reason);
  await rollBackUpdate(world, stack, operation);
}

/** Deletes what the update took out or replaced. What cannot be deleted is left, and the update has succeeded. */
export async function cleanUpUpdate(world: World, stack: Stack, operation: StackOperation): Promise<void> {
  const work = workOf(world, stack, operation, stack.definition, 'forward');
  const cleaning = 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS';
  if (stack.status !== cleaning) setStackStatus(work, cleaning);
  const active = stack.definition ? activeResources(stack.definition, work.scope) : {};
  const removed = [...stack.resources.values()].filter(({ logicalId }) => !(logicalId in active));
  const unwanted: Unwanted[] = [
    ...removed.map((resource) => ({ resource, deletion: { bare: true } })),
    ...(stack.undo?.replaced ?? []).map((resource) => ({
      resource,
      deletion: { bare: true, replaced: true },
    })),
  ];
  const clean = await deleteAll(work, unwanted);
  for (const { logicalId } of removed) stack.resources.delete(logicalId);
  await work.nested.cleanUp(work);
  setStackStatus(
    work,
    'UPDATE_COMPLETE',
    clean ? undefined : 'Update successful. One or more resources could not be deleted.',
  );
}

/** Starts to delete a stack; a creation under way is stopped first. */
export function startDeletion(
  world: World,
  stack: Stack,
  token: string | undefined,
  request: Omit<DeletionRequest, 'before'>,
): void {
  const before = stack.status;
  const running = stack.work;
  stack.stop?.abort(new WorkStopped('deleted'));
  const operation = beginOperation(world, stack, 'DELETE_STACK', token);
  stack.deletedAt = world.clock.now();
  setStackStatus({ world, stack, operation }, 'DELETE_IN_PROGRESS', 'User Initiated');
  runWork(world, stack, async () => {
    await running;
    await world.clock.sleep(START_SECONDS);
    await deleteStack(world, stack, operation, { ...request, before });
  });
}

/** Starts to take a failed creation or update back. */
export function startRollback(
  world: World,
  stack: Stack,
  type: Extract<OperationType, 'ROLLBACK' | 'CONTINUE_ROLLBACK'>,
  token: string | undefined,
  skip?: ReadonlySet<string>,
): StackOperation {
  const creating = stack.status === 'CREATE_FAILED';
  const operation = beginOperation(world, stack, type, token);
  setStackStatus(
    { world, stack, operation },
    creating ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS',
    'User Initiated',
  );
  runWork(world, stack, async () => {
    await world.clock.sleep(START_SECONDS);
    if (creating) await rollBackCreation(world, stack, operation);
    else await rollBackUpdate(world, stack, operation, skip);
  });
  return operation;
}

/** Stops an update; it rolls back. */
export function cancelUpdate(stack: Stack): void {
  stack.stop?.abort(new WorkStopped('cancelled'));
}
