import { PlatformError, reasonOf } from '../../core/errors.ts';
import {
  CancelUpdateStackCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  ExecuteChangeSetCommand,
} from '@aws-sdk/client-cloudformation';
import { classify, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { plural } from '../../core/text.ts';
import { pathOf, type Plan } from '../change-set/changes.ts';
import { changeSetAddress, describePage } from '../change-set/create.ts';
import { clientRequestToken, type CommandRun, note, requestOperation, requesterOf } from '../command-run.ts';
import { describeStack } from '../stack.ts';
import type { CloudFormationContext } from '../context.ts';
import { findOperation, newestEvent, requireEventAccess, Timeline } from './events.ts';
import { Progress } from './progress.ts';
import { FollowedServices } from './services.ts';
import { BEGINS, type Execution, isComplete, type Operation, OPERATIONS, watchOperation } from './watch.ts';

/**
 * Executes a plan and waits for the end, including a rollback. The execution's status is the result. If another caller has
 * executed the change set in the meantime, that operation is followed to its end.
 * @throws TimeoutError if the operation is still running at the deadline; AwsError if the request is rejected.
 */
export async function executePlan(run: CommandRun, plan: Plan): Promise<Execution> {
  const { context, pending } = run;
  const newest = await requireEventAccess(context, plan.stackId);
  const token = clientRequestToken(run.identity, 'execute', plan.changeSetId);
  const plannedMs = await requireSameChangeSet(run, plan);
  const marker = newest ?? (plannedMs === undefined ? await newestEvent(context, plan.stackId) : undefined);
  const other = await requestExecution(run, plan, token);
  delete pending.changeSet;
  const start = other && (await findOperation(context, plan.stackId, BEGINS[plan.kind], other.createdMs));
  const by = start && start.event.token !== token ? requesterOf(start.event.token) : undefined;
  if (by === undefined) {
    context.log.info(`Executing ${plan.changeSetName} on stack ${plan.stackName}: ${describeSize(plan)}.`);
  } else {
    note(
      run,
      `The change set ${plan.changeSetName} was already executed by ${by}; this run followed that execution to its end.`,
    );
  }
  const updatedBefore = other ? undefined : run.known.before?.updatedAt;
  const after = start ? start.before : marker;
  const operation = {
    stackName: plan.stackName,
    stackId: plan.stackId,
    kind: plan.kind,
    ...(other ? {} : { token }),
    ...(after ? { afterEventId: after.id } : {}),
    ...(plannedMs === undefined ? {} : { sinceMs: plannedMs }),
    ...(updatedBefore ? { updatedBefore } : {}),
  };
  return await watchStarted(run, operation, plan.changes.map(pathOf));
}

/** An execution of the change set that this run's request did not confirm. */
interface OtherExecution {
  /** When the change set was created, by AWS's clock, in ms since the epoch; its execution started later. */
  createdMs?: number;
}

/**
 * Requests the execution; undefined if it was accepted. After an error, AWS may still have received the request, or another
 * caller may have executed the change set, so its status is read.
 */
async function requestExecution(
  run: CommandRun,
  plan: Plan,
  token: string,
): Promise<OtherExecution | undefined> {
  const { context, pending } = run;
  const command = new ExecuteChangeSetCommand({
    ...changeSetAddress(plan),
    ClientRequestToken: token,
    ...disableRollback(run, plan),
  });
  const operation = { kind: plan.kind, stackName: plan.stackName, stackId: plan.stackId };
  try {
    await requestOperation(run, operation, () => send(context.client, command, context));
    return undefined;
  } catch (error) {
    if (context.signal.aborted || classify(error) === 'denied') throw error;
    const found = await findExecution(context, plan);
    if (found === 'unknown') throw error;
    if (found === 'none') {
      delete pending.operation;
      pending.refused = operation;
      throw error;
    }
    pending.operation = operation;
    delete pending.refused;
    context.log.info(`The change set is being executed, although the request failed: ${reasonOf(error)}`);
    return found;
  }
}

/** The change set of a plan that was read earlier in the run has since been deleted, executed or become obsolete. */
export class PlanUnavailableError extends PlatformError {
  override readonly name = 'PlanUnavailableError';

  constructor({ changeSetName, stackName }: Plan) {
    super('conflict', `The change set ${changeSetName} of stack ${stackName} can no longer be executed.`);
  }
}

/**
 * Checks that the change set's name still refers to the plan. A change set is executed by name, and after a deletion another
 * one can have that name. CloudFormation needs longer to create one than this check and the execution take, so the change
 * set that is executed is the one that was read.
 *
 * @returns when it was created, by AWS's clock, in ms since the epoch. No other operation on the stack can have started
 * since, because the change set could not be executed then.
 * @throws PlatformError if the name refers to another change set; PlanUnavailableError if the plan was read earlier in the
 * run and can no longer be executed.
 */
async function requireSameChangeSet({ context }: CommandRun, plan: Plan): Promise<number | undefined> {
  const now = await describePage(context, changeSetAddress(plan));
  if (context.approved === plan && now?.ExecutionStatus !== 'AVAILABLE') throw new PlanUnavailableError(plan);
  if (now?.ChangeSetId === undefined) return undefined;
  if (now.ChangeSetId === plan.changeSetId) return now.CreationTime?.getTime();
  throw new PlatformError(
    'conflict',
    `The change set ${plan.changeSetName} of stack ${plan.stackName} was replaced by another change set of the same name after this run read it, and was not executed. Plan and approve again, and check in CloudTrail who called CreateChangeSet.`,
  );
}

/**
 * Whether the change set is being or was executed. CloudFormation may have deleted an executed one; the stack then has its
 * ARN. `unknown` if it cannot be read.
 */
async function findExecution(
  context: CloudFormationContext,
  plan: Plan,
): Promise<OtherExecution | 'none' | 'unknown'> {
  try {
    const command = new DescribeChangeSetCommand({ ...changeSetAddress(plan) });
    const {
      ChangeSetId: id,
      ExecutionStatus: status = '',
      CreationTime: created,
    } = await send(context.client, command, context);
    // The plan's change set was deleted, and another one has its name.
    if (id !== plan.changeSetId) return await findDeletedExecution(context, plan);
    if (!status.startsWith('EXECUTE_')) return 'none';
    return created ? { createdMs: created.getTime() } : {};
  } catch (error) {
    context.signal.throwIfAborted();
    if (isNotFound(error)) return await findDeletedExecution(context, plan);
    context.log.debug(`DescribeChangeSet: ${reasonOf(error)}`);
    return 'unknown';
  }
}

async function findDeletedExecution(
  context: CloudFormationContext,
  plan: Plan,
): Promise<OtherExecution | 'none' | 'unknown'> {
  const stack = await describeStack(context, plan.stackId);
  if (stack?.changeSetId === undefined) return 'unknown';
  return stack.changeSetId === plan.changeSetId ? {} : 'none';
}

/** CloudFormation rejects DisableRollback if the change set itself has OnStackFailure or DisableRollback. */
function disableRollback(
  { inputs }: CommandRun,
  { kind, settings, onStackFailure }: Plan,
): { DisableRollback?: boolean } {
  const inChangeSet = onStackFailure ?? settings?.onStackFailure ?? settings?.disableRollback;
  if (kind === 'create' || inChangeSet !== undefined || inputs.mode === 'express') return {};
  return { DisableRollback: inputs.onFailure === 'keep' };
}

function describeSize({ changes, kind }: Plan): string {
  if (changes.length === 0) return 'no resource changes, only other parts of the template or settings';
  return `${kind === 'create' ? 'creating' : 'changing'} ${plural(changes.length, 'resource')}`;
}

/**
 * Watches an operation of this run to its end, and records its progress for a run that ends early.
 * @param expected the paths of the resources that it changes, if they are known.
 */
export async function watchStarted(
  run: CommandRun,
  operation: Operation,
  expected: Iterable<string>,
): Promise<Execution> {
  const { context, pending, deadlineMs } = run;
  const progress = new Progress(context.log, expected, context.clock.now());
  const timeline = new Timeline(operation.stackId);
  const services = new FollowedServices(context.followService);
  pending.timeline = timeline;
  pending.services = services;
  pending.describeProgress = () => progress.describe(context.clock.now());
  const execution = await watchOperation(context, operation, {
    deadlineMs,
    progress,
    timeline,
    services,
    ...(run.inputs.failFast && { failFast: (why: string) => stopWaitingForService(run, operation, why) }),
  });
  const serviceFailures = isComplete(execution) ? undefined : await services.explain();
  services.stop();
  delete pending.operation;
  delete pending.services;
  delete pending.describeProgress;
  delete pending.timeline;
  return { ...execution, ...(serviceFailures && { serviceFailures }) };
}

/**
 * Stops an operation that waits for an ECS service whose tasks fail: cancels an update, and deletes a stack that is being
 * created if `on-failure` is `delete`, because a creation cannot be cancelled. Other operations continue.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html
 */
async function stopWaitingForService(
  run: CommandRun,
  { kind, stackId }: Operation,
  why: string,
): Promise<void> {
  const { context, inputs } = run;
  const command =
    kind === 'update' && inputs.onFailure !== 'keep'
      ? new CancelUpdateStackCommand({ StackName: stackId })
      : kind === 'create' && inputs.onFailure === 'delete'
        ? new DeleteStackCommand({ StackName: stackId })
        : undefined;
  if (!command) {
    const fix = kind === 'create' ? ' Delete the stack to stop it immediately.' : '';
    context.log.warning(`${why} CloudFormation continues to wait for the service.${fix}`);
    return;
  }
  try {
    await send(context.client, command, context);
    const what = kind === 'update' ? 'Cancelled the update' : 'Requested the deletion of the new stack';
    note(run, `${what}: ${why} With fail-fast: false, CloudFormation continues to wait.`);
  } catch (error) {
    context.signal.throwIfAborted();
    // The operation may have ended in the meantime.
    context.log.warning(
      `The ${OPERATIONS[kind]} of the stack could not be stopped early: ${reasonOf(error)}`,
    );
  }
}
