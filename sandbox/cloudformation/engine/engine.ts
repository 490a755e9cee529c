import type { World } from '../../world.ts';
import type { DeletionRequest } from './deletion.ts';
import { deleteStack } from './deletion.ts';
import { applyScenarioDrift } from './drift.ts';
import { beginOperation, endOperation, setStackStatus } from './events.ts';
import type { DeploymentRequest } from './deployment.ts';
import { applyDefinition, cleanUpUpdate, START_SECONDS, stopCause } from './deployment.ts';
import { nestedStacks } from './nested.ts';
import type { OperationRun } from '../resources/provisioning.ts';
import { rollBackCreation, rollBackUpdate, captureUndo } from './rollback.ts';
import type { OperationType, Stack, StackOperation } from './stack.ts';
import { OperationStopped } from './resource-pass.ts';

const REFUSED = "Validation failure detected. See the operation's FAILED event for details.";

/** Starts to create or update a stack. The stack is in progress when this returns; the rest happens later. */
export function startDeployment(
  world: World,
  stack: Stack,
  type: 'CREATE_STACK' | 'UPDATE_STACK',
  request: DeploymentRequest,
): void {
  const run = beginRun(world, stack, type, request.token);
  const { operation } = run;
  if (request.findings) operation.validations = request.findings;
  const creating = type === 'CREATE_STACK';
  stack.undo ??= captureUndo(stack);
  stack.definition = request.definition;
  stack.disableRollback = request.onFailure === 'DO_NOTHING';
  if (!creating) stack.updatedAt = world.clock.now();
  setStackStatus(run, creating ? 'CREATE_IN_PROGRESS' : 'UPDATE_IN_PROGRESS', 'User Initiated');
  runWork(world, stack, async (stop) => {
    const succeeded = await deploy(run, request, stop);
    request.onEnd?.(succeeded);
  });
}

function beginRun(world: World, stack: Stack, type: OperationType, token: string | undefined): OperationRun {
  return { world, stack, operation: beginOperation(world, stack, type, token), nested: nestedStacks };
}

/** Runs an operation. A stack has at most one at a time. */
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
  run: OperationRun,
  request: DeploymentRequest,
  stop: AbortController,
): Promise<boolean> {
  const { world, stack, operation } = run;
  const creating = operation.type === 'CREATE_STACK';
  const refused = request.findings !== undefined && request.findings.length > 0;
  const reason = refused ? REFUSED : await applyDefinition(run, request, stop);
  if (stopCause(stop) === 'deleted') return false;
  if (reason === undefined) {
    if (creating) setStackStatus(run, 'CREATE_COMPLETE');
    else await cleanUpUpdate(run);
    delete stack.undo;
    endOperation(world, operation, true);
    applyScenarioDrift(world, stack);
    return true;
  }
  endOperation(world, operation, false);
  await handleFailure(run, request, reason);
  return false;
}

async function handleFailure(run: OperationRun, request: DeploymentRequest, reason: string): Promise<void> {
  const { world, stack, operation: failed } = run;
  const creating = failed.type === 'CREATE_STACK';
  const { onFailure } = request;
  if (onFailure === 'DO_NOTHING' && reason !== 'User Initiated') {
    setStackStatus(run, creating ? 'CREATE_FAILED' : 'UPDATE_FAILED', reason);
    return;
  }
  const sentence = reason.replace(/\.? ?$/, '. ');
  const requestedByUser = (what: string): string => `${sentence}${what} requested by user.`;
  if (creating && onFailure === 'DELETE') {
    const deletion = beginRun(world, stack, 'DELETE_STACK', failed.token);
    setStackStatus(deletion, 'DELETE_IN_PROGRESS', requestedByUser('Delete'));
    await deleteStack(deletion, { before: 'CREATE_FAILED' });
    return;
  }
  const rollback = beginRun(world, stack, 'ROLLBACK', failed.token);
  if (creating) {
    setStackStatus(rollback, 'ROLLBACK_IN_PROGRESS', requestedByUser('Rollback'));
    await rollBackCreation(rollback);
    return;
  }
  setStackStatus(rollback, 'UPDATE_ROLLBACK_IN_PROGRESS', reason);
  await rollBackUpdate(rollback);
}

/** Starts to delete a stack, after stopping its creation if necessary. */
export function startDeletion(
  world: World,
  stack: Stack,
  token: string | undefined,
  request: Omit<DeletionRequest, 'before'>,
): void {
  const before = stack.status;
  const running = stack.work;
  stack.stop?.abort(new OperationStopped('deleted'));
  const run = beginRun(world, stack, 'DELETE_STACK', token);
  stack.deletedAt = world.clock.now();
  setStackStatus(run, 'DELETE_IN_PROGRESS', 'User Initiated');
  runWork(world, stack, async () => {
    await running;
    await world.clock.sleep(START_SECONDS);
    await deleteStack(run, { ...request, before });
  });
}

/** Starts to roll back a failed creation or update. */
export function startRollback(
  world: World,
  stack: Stack,
  type: Extract<OperationType, 'ROLLBACK' | 'CONTINUE_ROLLBACK'>,
  token: string | undefined,
  skip?: ReadonlySet<string>,
): StackOperation {
  const creating = stack.status === 'CREATE_FAILED';
  const run = beginRun(world, stack, type, token);
  setStackStatus(run, creating ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS', 'User Initiated');
  runWork(world, stack, async () => {
    await world.clock.sleep(START_SECONDS);
    if (creating) await rollBackCreation(run);
    else await rollBackUpdate(run, skip);
  });
  return run.operation;
}

/** Cancels an update, which is then rolled back. */
export function cancelUpdate(stack: Stack): void {
  stack.stop?.abort(new OperationStopped('cancelled'));
}
