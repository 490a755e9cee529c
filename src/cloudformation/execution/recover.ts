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
import { EXPRESS_RECOVERY } from '../change-set/replacements.ts';
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
import { deleteStack, disableTerminationProtection } from './delete.ts';
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
  /** Undefined if the stack does not exist. An empty stack in REVIEW_IN_PROGRESS has to be created too. */
  stack?: StackSnapshot;
  kind: 'create' | 'update';
}

/**
 * Finds the stack and prepares it for a command: waits for another caller's operation; deletes the stack after a failed
 * creation (`deploy` only); continues a failed rollback only if requested.
 * @param beforeRecreation called before a failed stack is deleted; throws if it could not be created again.
 * @throws StackBlockedError if manual action is required; TimeoutError if another caller's operation does not end.
 */
export async function prepareStack(
  run: CommandRun,
  beforeRecreation: () => void = () => undefined,
): Promise<PreparedStack> {
  const stack = await existingStack(run);
  if (stack?.parentId !== undefined) {
    throw new StackBlockedError(
      `Stack ${stack.stackName} is nested in ${stackNameOf(stack.parentId)}. Deploy the parent stack: a nested stack can be changed only through it.`,
    );
  }
  if (!stack) return { kind: 'create' };
  if (isShell(stack.status)) return { stack, kind: 'create' };
  if (isStable(stack.status)) return { stack, kind: 'update' };
  return await recoverStack(run, stack, beforeRecreation);
}

/** The stack after any running operation has ended; undefined if it does not exist. */
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
      if (hasFailedInExpressMode(stack)) return await continueInExpressMode(run, stack);
      if (inputs.onFailure === 'keep') return { stack, kind: 'update' };
      return { stack: await rollBackIfAllowed(run, stack, rollBackUpdate), kind: 'update' };
    case 'UPDATE_ROLLBACK_FAILED':
      return { stack: await rollBackIfAllowed(run, stack, continueRollback), kind: 'update' };
    default:
      throw new StackBlockedError(await explainBlocked(run, stack));
  }
}

/** Deletes a stack whose creation failed, so that it can be created again. */
async function recreateStack(
  run: CommandRun,
  stack: StackSnapshot,
  beforeRecreation: () => void,
): Promise<PreparedStack> {
  const { inputs } = run;
  if (inputs.command !== 'deploy') {
    throw new StackBlockedError(
      `Stack ${stack.stackName} is ${stack.status}: its creation failed, and CloudFormation accepts no change set for it. ` +
        'Run `deploy`, which deletes the stack and creates it again, or `delete`, which only deletes it.',
    );
  }
  beforeRecreation();
  await disableTerminationProtection(run, stack);
  const resources = await listResources(run.context, stack.stackId);
  requireNoDataLoss(run, stack, resources.filter(isAlive));
  const execution = await deleteStack(run, stack);
  if (execution.status !== 'DELETE_COMPLETE') {
    const { rootCause } = await diagnose(run.context, execution, stack);
    const why = rootCause ? ` ${pathOf(rootCause)}: ${plainReason(rootCause.reason)}` : '';
    const fix = [rootCause?.hint, DELETE_FAILED_FIX].filter((text) => text !== undefined).join(' ');
    throw new StackBlockedError(
      `Stack ${stack.stackName} was ${stack.status} after a failed creation and could not be deleted. It is ${execution.status}.${why}`,
      'stack-blocked',
      fix,
    );
  }
  note(run, `Deleted stack ${stack.stackName}, which was ${stack.status} after a failed creation.`);
  const kept = [
    ...resources.filter(isRetained).map(resourceName),
    ...retainedResources(execution).map(pathOf),
  ];
  if (kept.length > 0) {
    note(
      run,
      `Retained outside the stack: ${[...new Set(kept)].join(', ')}. Creating them again fails if they have fixed names.`,
    );
  }
  return { kind: 'create' };
}

/** Whether the rollback retained a resource because of its DeletionPolicy. One that was never created has no physical id. */
function isRetained({ ResourceStatus, PhysicalResourceId = '' }: StackResourceSummary): boolean {
  return ResourceStatus === 'DELETE_SKIPPED' && PhysicalResourceId !== '';
}

/** A failed creation may have created a database that has data by now. */
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
    `Stack ${stack.stackName} is ${stack.status} and must be deleted before it can be created again, but it contains ${names.join(', ')}. ` +
      `To delete ${guarded.length === 1 ? 'it' : 'them'} too, run deploy-stack with allow-delete: ${guarded.map(resourceName).join(',')}. To continue from this state instead, run it with on-failure: keep.`,
  );
}

function resourceName(resource: StackResourceSummary): string {
  return resource.LogicalResourceId ?? '';
}

/** A stack that failed in express mode can only continue in express mode, without a rollback. */
async function continueInExpressMode(run: CommandRun, stack: StackSnapshot): Promise<PreparedStack> {
  const { mode, onFailure } = run.inputs;
  if (mode === 'express' && onFailure === 'keep') return { stack, kind: 'update' };
  throw new StackBlockedError(await explainBlocked(run, stack));
}

/** @throws StackBlockedError if CloudFormation accepts no deployment in this mode. */
function requireSameMode({ mode }: DeployStackInputs, stack: StackSnapshot): void {
  if (mode === 'express' || !hasFailedInExpressMode(stack)) return;
  throw new StackBlockedError(`Stack ${stack.stackName} is ${stack.status}. ${EXPRESS_RECOVERY}`);
}

/** Rolls a failed update back, if requested. */
async function rollBackIfAllowed(
  run: CommandRun,
  stack: StackSnapshot,
  rollBack: (run: CommandRun, stack: StackSnapshot) => Promise<StackSnapshot>,
): Promise<StackSnapshot> {
  const { command, continueRollback: isRequested } = run.inputs;
  if (command !== 'deploy' || !isRequested) throw new StackBlockedError(await explainBlocked(run, stack));
  return await rollBack(run, stack);
}

/** Why the stack cannot be changed in its current state, with the resources that failed. */
async function explainBlocked(run: CommandRun, stack: StackSnapshot): Promise<string> {
  const failed = await failedResources(run, stack);
  const because = failed.length > 0 ? ` because of ${failed.join('; ')}` : '';
  const next = hasFailedInExpressMode(stack) ? EXPRESS_RECOVERY : NEXT_STEPS[stack.status];
  return `Stack ${stack.stackName} is ${stack.status}${because}. ${next ?? 'CloudFormation accepts no update in this state.'}`;
}

const DELETE_FAILED_FIX =
  'Remove what prevents the deletion, run deploy-stack with command: delete, then deploy again.';

const NEXT_STEPS: Readonly<Record<string, string>> = {
  DELETE_FAILED: DELETE_FAILED_FIX,
  UPDATE_ROLLBACK_FAILED: 'Fix what blocks the rollback, then run deploy-stack with continue-rollback: true.',
  UPDATE_FAILED:
    'An earlier deployment failed and was kept in that state. Run deploy-stack with on-failure: keep to continue from it, or with continue-rollback: true to roll back first.',
  IMPORT_ROLLBACK_FAILED: 'Fix what blocks the rollback of the import, then continue it in the AWS console.',
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
    `Waiting for stack ${stack.stackName}: ${stack.status}${since ? ` since ${since.toISOString()}` : ''}, requested by ${who}.`,
  );
  run.pending.describeProgress = () =>
    `stack ${stack.stackName} was still ${stack.status}, requested by ${who}`;
  let loggedAt = context.clock.now();
  const found = await poll(
    context,
    {
      what: `the operation on stack ${stack.stackName} that ${who} requested`,
      timeoutMs: timeLeft(run),
      isThrottle,
    },
    async () => {
      const now = await describeStack(context, stack.stackId);
      loggedAt = logWaiting(run, now, loggedAt);
      return now && isInProgress(now.status) ? undefined : { now };
    },
  );
  delete run.pending.describeProgress;
  note(
    run,
    `Waited for ${stack.status} of stack ${stack.stackName}, requested by ${who}. It is now ${found.now?.status ?? 'deleted'}.`,
  );
  return found.now;
}

/** Logs one line a minute while waiting; returns when the last one was logged. */
function logWaiting({ context }: CommandRun, stack: StackSnapshot | undefined, loggedAt: number): number {
  const now = context.clock.now();
  if (!stack || now - loggedAt < 60_000) return loggedAt;
  context.log.info(`Stack ${stack.stackName} is ${stack.status}; still waiting.`);
  return now;
}

function stackNameOf(stackId: string): string {
  return stackId.split('/')[1] ?? stackId;
}

/** The rollback of a stack failed. */
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
        'Fix the resource, then continue the rollback again. To leave it as it is, use ContinueUpdateRollback with ResourcesToSkip.',
    );
    this.execution = execution;
    this.diagnosis = diagnosis;
  }
}

/**
 * Continues the rollback of a stack in UPDATE_ROLLBACK_FAILED, and waits for it. No resource is skipped, because a skipped
 * resource would no longer match its stack.
 * @throws StackStuckError if it fails again.
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
 * Rolls back a stack in UPDATE_FAILED, which was updated with rollback disabled, and waits for it.
 * @throws StackStuckError if it fails.
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

/** The stack after a rollback that another caller requested first; undefined if there is none. */
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
  context.log.info(`Rolling back stack ${stackName} from ${stack.status}.`);
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
  note(run, `Rolled back stack ${stackName} from ${stack.status}. It is now ${execution.status}.`);
  return execution.stack;
}
