import {
  ContinueUpdateRollbackCommand,
  RollbackStackCommand,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { isRefusal, isThrottle } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { PlatformError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { pathOf } from '../change-set/changes.ts';
import { EXPRESS_WAY_OUT } from '../change-set/replacements.ts';
import type { DeployStackInputs } from '../context.ts';
import { STATEFUL_TYPES } from '../change-set/stateful.ts';
import {
  clientRequestToken,
  note,
  requesterOf,
  requestOperation,
  StackBlockedError,
  timeLeft,
  type CommandRun,
} from '../command-run.ts';
import { findStack } from '../listing.ts';
import { deleteStack, liftProtection } from './delete.ts';
import { retainedResources, type Execution } from './watch.ts';
import { diagnose, type Diagnosis } from '../diagnosis/diagnosis.ts';
import { plainReason } from '../diagnosis/hints.ts';
import {
  describeStack,
  hasFailedInExpressMode,
  isAlive,
  isFailed,
  isInProgress,
  isShell,
  isStable,
  listResources,
  type StackSnapshot,
} from '../stack.ts';
import { isOwnRow, newestEvent, recentEvents } from './events.ts';
import { watchStarted } from './execute.ts';

/** The stack that a command works on, after earlier operations have ended or were cleaned up. */
export interface PreparedStack {
  /** Undefined when the stack has to be created. A shell has to be created, too. */
  stack?: StackSnapshot;
  kind: 'create' | 'update';
}

/**
 * Finds the stack and prepares it for a command: waits for an operation of somebody else; deletes what a failed
 * creation left (`deploy` only); continues a failed rollback only when requested.
 * @param beforeRecreation called before a failed stack is deleted; throws when it could not be created again.
 * @throws StackBlockedError when a person has to decide; TimeoutError when somebody else's operation does not end.
 */
export async function prepareStack(
  run: CommandRun,
  beforeRecreation: () => void = () => undefined,
): Promise<PreparedStack> {
  const stack = await existingStack(run);
  if (stack?.parentId !== undefined) {
    throw new StackBlockedError(
      `Stack ${stack.stackName} is nested in ${stackNameOf(stack.parentId)}. A nested stack is changed only through its parent: deploy that one.`,
    );
  }
  if (!stack) return { kind: 'create' };
  if (isShell(stack.status)) return { stack, kind: 'create' };
  if (isStable(stack.status)) return { stack, kind: 'update' };
  return await recoverStack(run, stack, beforeRecreation);
}

/** The stack after any running operation has ended; undefined when it does not exist. */
export async function existingStack(run: CommandRun): Promise<StackSnapshot | undefined> {
  const found = await findStack(run.context, run.inputs.stackName);
  const stack = found && isInProgress(found.status) ? await waitForOtherOperation(run, found) : found;
  return stack?.status === 'DELETE_COMPLETE' ? undefined : stack;
}

/** Prepares a stack whose last operation failed. */
async function recoverStack(
  run: CommandRun,
  stack: StackSnapshot,
  beforeRecreation: () => void,
): Promise<PreparedStack> {
  const { inputs } = run;
  switch (stack.status) {
    case 'CREATE_FAILED':
      if (inputs.onFailure === 'keep') requireSameMode(inputs, stack);
      // With rollback disabled, CloudFormation updates such a stack in place and keeps its resources.
      return inputs.onFailure === 'keep'
        ? { stack, kind: 'update' }
        : await recreateStack(run, stack, beforeRecreation);
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
      return await recreateStack(run, stack, beforeRecreation);
    case 'UPDATE_FAILED':
      if (hasFailedInExpressMode(stack)) return await goOnInExpressMode(run, stack);
      if (inputs.onFailure === 'keep') return { stack, kind: 'update' };
      return { stack: await rollBackIfAllowed(run, stack, rollBackUpdate), kind: 'update' };
    case 'UPDATE_ROLLBACK_FAILED':
      return { stack: await rollBackIfAllowed(run, stack, continueRollback), kind: 'update' };
    default:
      throw new StackBlockedError(await explainBlocked(run, stack));
  }
}

/** Deletes what a failed creation left, so that the stack can be created again. */
async function recreateStack(
  run: CommandRun,
  stack: StackSnapshot,
  beforeRecreation: () => void,
): Promise<PreparedStack> {
  const { inputs } = run;
  if (inputs.command !== 'deploy') {
    throw new StackBlockedError(
      `Stack ${stack.stackName} is ${stack.status}: its creation failed, and CloudFormation takes no change set for it. ` +
        '`deploy` deletes what is left and creates the stack again; `delete` only deletes it.',
    );
  }
  beforeRecreation();
  await liftProtection(run, stack);
  const resources = await listResources(run.context, stack.stackId);
  requireNoDataLoss(run, stack, resources.filter(isAlive));
  const execution = await deleteStack(run, stack);
  if (execution.status !== 'DELETE_COMPLETE') {
    const { rootCause } = await diagnose(run.context, execution, stack);
    const why = rootCause ? ` ${pathOf(rootCause)}: ${plainReason(rootCause.reason)}` : '';
    throw new StackBlockedError(
      `Stack ${stack.stackName} was left ${stack.status} by a failed creation and cannot be deleted.${why}`,
    );
  }
  note(run, `What a failed creation had left of stack ${stack.stackName} (${stack.status}) was deleted.`);
  const kept = [
    ...resources.filter(isRetained).map(resourceName),
    ...retainedResources(execution).map(pathOf),
  ];
  if (kept.length > 0) {
    note(
      run,
      `Retained, no longer part of any stack: ${[...new Set(kept)].join(', ')}. If they have fixed names, creating them again fails.`,
    );
  }
  return { kind: 'create' };
}

/** Left by the rollback because of its DeletionPolicy. A resource that was never created has no physical id. */
function isRetained({ ResourceStatus, PhysicalResourceId = '' }: StackResourceSummary): boolean {
  return ResourceStatus === 'DELETE_SKIPPED' && PhysicalResourceId !== '';
}

/** A failed creation may have created a database that has been filled since. */
function requireNoDataLoss(
  { inputs }: CommandRun,
  stack: StackSnapshot,
  alive: readonly StackResourceSummary[],
): void {
  const allowed = new Set(inputs.allowDelete);
  const guarded = alive.filter(
    ({ ResourceType: type = '', LogicalResourceId: id = '' }) =>
      STATEFUL_TYPES.has(type) && !allowed.has(type) && !allowed.has(id),
  );
  if (guarded.length === 0) return;
  const names = guarded.map((resource) => `${resourceName(resource)} (${resource.ResourceType ?? ''})`);
  throw new StackBlockedError(
    `Stack ${stack.stackName} is ${stack.status} and would be deleted to create it again, but it holds ${names.join(', ')}. ` +
      `To delete ${guarded.length === 1 ? 'it' : 'them'} too, run deploy-stack with allow-delete: ${guarded.map(resourceName).join(',')}. To continue from this state, run it with on-failure: keep.`,
  );
}

function resourceName(resource: StackResourceSummary): string {
  return resource.LogicalResourceId ?? '';
}

/** A stack that failed in express mode goes on in express mode, and is not rolled back. */
async function goOnInExpressMode(run: CommandRun, stack: StackSnapshot): Promise<PreparedStack> {
  const { mode, onFailure } = run.inputs;
  if (mode === 'express' && onFailure === 'keep') return { stack, kind: 'update' };
  throw new StackBlockedError(await explainBlocked(run, stack));
}

/** @throws StackBlockedError when CloudFormation takes no deployment in this mode. */
function requireSameMode({ mode }: DeployStackInputs, stack: StackSnapshot): void {
  if (mode === 'express' || !hasFailedInExpressMode(stack)) return;
  throw new StackBlockedError(`Stack ${stack.stackName} is ${stack.status}. ${EXPRESS_WAY_OUT}`);
}

/** Rolls a failed update back to the last good state, when requested. */
async function rollBackIfAllowed(
  run: CommandRun,
  stack: StackSnapshot,
  back: (run: CommandRun, stack: StackSnapshot) => Promise<StackSnapshot>,
): Promise<StackSnapshot> {
  const { command, continueRollback: asked } = run.inputs;
  if (command !== 'deploy' || !asked) throw new StackBlockedError(await explainBlocked(run, stack));
  return await back(run, stack);
}

/** Why no command can change the stack, with the resources that failed. */
async function explainBlocked(run: CommandRun, stack: StackSnapshot): Promise<string> {
  const failed = await failedResources(run, stack);
  const because = failed.length > 0 ? ` because of ${failed.join('; ')}` : '';
  const next = hasFailedInExpressMode(stack) ? EXPRESS_WAY_OUT : NEXT_STEPS[stack.status];
  return `Stack ${stack.stackName} is ${stack.status}${because}. ${next ?? 'CloudFormation takes no update from this state.'}`;
}

const NEXT_STEPS: Readonly<Record<string, string>> = {
  DELETE_FAILED:
    'Remove what prevents the deletion, and delete the stack by deploy-stack with command: delete. Then deploy again.',
  UPDATE_ROLLBACK_FAILED:
    'Repair what stops the rollback, then run deploy-stack with continue-rollback: true.',
  UPDATE_FAILED:
    'An earlier deployment kept its failed state. Run deploy-stack with on-failure: keep to continue from it, or with continue-rollback: true to roll back first.',
  IMPORT_ROLLBACK_FAILED: 'Repair what stops the rollback of the import, then continue it in the console.',
};

/** The failures of the stack's last operation, as `LogicalId: reason`. */
async function failedResources({ context }: CommandRun, stack: StackSnapshot): Promise<string[]> {
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

/** Waits until no operation is running; the stack may be deleted by then. */
async function waitForOtherOperation(
  run: CommandRun,
  stack: StackSnapshot,
): Promise<StackSnapshot | undefined> {
  const { context } = run;
  const event = await newestEvent(context, stack.stackId);
  const who = requesterOf(event?.token);
  const since = stack.updatedAt ?? stack.createdAt;
  context.log.info(
    `Stack ${stack.stackName} is ${stack.status}${since ? ` since ${since.toISOString()}` : ''}, asked for by ${who}. Waiting for it to end.`,
  );
  run.pending.describeProgress = () =>
    `stack ${stack.stackName} was still ${stack.status}, asked for by ${who}`;
  let saidAt = context.clock.now();
  const found = await poll(
    context,
    { what: `the operation of ${who} on stack ${stack.stackName}`, timeoutMs: timeLeft(run), isThrottle },
    async () => {
      const now = await describeStack(context, stack.stackId);
      saidAt = logWaiting(run, now, saidAt);
      return now && isInProgress(now.status) ? undefined : { now };
    },
  );
  delete run.pending.describeProgress;
  note(run, `Waited for the ${stack.status} of ${who}; the stack is ${found.now?.status ?? 'gone'} now.`);
  return found.now;
}

/** Logs one line a minute while waiting; returns when the last one was logged. */
function logWaiting({ context }: CommandRun, stack: StackSnapshot | undefined, saidAt: number): number {
  const now = context.clock.now();
  if (!stack || now - saidAt < 60_000) return saidAt;
  context.log.info(`Stack ${stack.stackName} is ${stack.status}; still waiting.`);
  return now;
}

function stackNameOf(stackId: string): string {
  return stackId.split('/')[1] ?? stackId;
}

/** A rollback that failed. */
export class StackStuckError extends PlatformError {
  override readonly name = 'StackStuckError';
  readonly execution: Execution;
  readonly diagnosis: Diagnosis;

  constructor(stackName: string, execution: Execution, diagnosis: Diagnosis) {
    const [first] = diagnosis.rollbackFailures;
    const why = first ? `: ${pathOf(first)}: ${plainReason(first.reason)}` : '';
    super(
      'stack-stuck',
      `The rollback of stack ${stackName} ended in ${execution.status}${why}. ` +
        'Repair that and continue again; only ContinueUpdateRollback with ResourcesToSkip leaves a resource as it is.',
    );
    this.execution = execution;
    this.diagnosis = diagnosis;
  }
}

/**
 * Continues the rollback of a stack in UPDATE_ROLLBACK_FAILED, and waits for it. No resource is skipped: a
 * skipped resource would no longer match its stack.
 * @throws StackStuckError when it fails again.
 */
async function continueRollback(run: CommandRun, stack: StackSnapshot): Promise<StackSnapshot> {
  return await runRollback(run, stack, (token) =>
    send(
      run.context.client,
      new ContinueUpdateRollbackCommand({
        StackName: stack.stackId,
        ClientRequestToken: token,
        ...role(run),
      }),
      run.context,
    ),
  );
}

/**
 * Rolls back a stack in UPDATE_FAILED, whose update was made with rollback off, and waits for it.
 * @throws StackStuckError when it fails.
 */
async function rollBackUpdate(run: CommandRun, stack: StackSnapshot): Promise<StackSnapshot> {
  return await runRollback(run, stack, (token) =>
    send(
      run.context.client,
      new RollbackStackCommand({ StackName: stack.stackId, ClientRequestToken: token, ...role(run) }),
      run.context,
    ),
  );
}

function role({ inputs }: CommandRun): { RoleARN?: string } {
  return inputs.roleArn ? { RoleARN: inputs.roleArn } : {};
}

/** The stack after the rollback that somebody else has requested first; undefined when there is none. */
async function rolledBackByOther(run: CommandRun, before: StackSnapshot): Promise<StackSnapshot | undefined> {
  const found = await describeStack(run.context, before.stackId);
  const stack = found && isInProgress(found.status) ? await waitForOtherOperation(run, found) : found;
  if (!stack || stack.status === before.status || !isStable(stack.status)) return undefined;
  delete run.pending.refused;
  return stack;
}

async function runRollback(
  run: CommandRun,
  stack: StackSnapshot,
  request: (token: string) => Promise<unknown>,
): Promise<StackSnapshot> {
  const { context } = run;
  const { stackName, stackId } = stack;
  const marker = await newestEvent(context, stackId);
  const token = clientRequestToken(run.identity, 'rollback', stackId, marker?.id ?? '');
  try {
    await requestOperation(run, { kind: 'rollback', stackName, stackId }, () => request(token));
  } catch (error) {
    const other = isRefusal(error) ? await rolledBackByOther(run, stack) : undefined;
    if (!other) throw error;
    return other;
  }
  context.log.info(`Rolling stack ${stackName} back from ${stack.status}.`);
  const operation = {
    stackName,
    stackId,
    kind: 'rollback' as const,
    token,
    ...(marker ? { afterEventId: marker.id } : {}),
  };
  const execution = await watchStarted(run, operation, []);
  if (!execution.stack || !isStable(execution.status)) {
    throw new StackStuckError(stackName, execution, await diagnose(context, execution, stack));
  }
  note(run, `Stack ${stackName} was rolled back from ${stack.status}; it is ${execution.status} now.`);
  return execution.stack;
}
