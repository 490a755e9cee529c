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
import { BEGINS, type Execution, isComplete, type Operation, watchOperation } from './watch.ts';

/**
 * Executes a plan and waits for the end, including a rollback. The execution's status says how it ended. Where somebody
 * else has executed the same change set in the meantime, that operation is followed to its end.
 * @throws TimeoutError when the operation is still running at the deadline; AwsError when the request is rejected.
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
      `The change set ${plan.changeSetName} was executed by ${by} already; this run followed that to its end.`,
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

/** A change set that is executed by a request that was not answered as ours. */
interface OtherExecution {
  /** When the change set was created, by AWS's clock, in ms; its execution began later. */
  createdMs?: number;
}

/**
 * Requests the execution; undefined when it was accepted. After an error the request may have arrived all the same, or
 * somebody else has executed the change set, so the status of the change set is read.
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
    context.log.info(`The change set is in execution although AWS answered: ${reasonOf(error)}`);
    return found;
  }
}

/** A plan that was read earlier in the run, and whose change set has been deleted, executed or outdated since. */
export class PlanUnavailableError extends PlatformError {
  override readonly name = 'PlanUnavailableError';

  constructor({ changeSetName, stackName }: Plan) {
    super('conflict', `The change set ${changeSetName} of stack ${stackName} can no longer be executed.`);
  }
}

/**
 * A change set is executed by its name, which another one can have once it was deleted. To create one takes
 * CloudFormation longer than the two calls, so what is executed is what was read.
 *
 * @returns when it was created, by AWS's clock, in ms. No other operation on the stack can have begun since, as the change
 * set could not be executed then.
 * @throws PlatformError when the name stands for another change set than the plan's; PlanUnavailableError when the plan
 * was read earlier in the run and cannot be executed any more.
 */
async function requireSameChangeSet({ context }: CommandRun, plan: Plan): Promise<number | undefined> {
  const now = await describePage(context, changeSetAddress(plan));
  if (context.approved === plan && now?.ExecutionStatus !== 'AVAILABLE') throw new PlanUnavailableError(plan);
  if (now?.ChangeSetId === undefined) return undefined;
  if (now.ChangeSetId === plan.changeSetId) return now.CreationTime?.getTime();
  throw new PlatformError(
    'conflict',
    `The change set ${plan.changeSetName} of stack ${plan.stackName} was replaced by another one of the same name after it was read. It was not executed. Plan and approve again, and check in CloudTrail who called CreateChangeSet.`,
  );
}

/**
 * Whether the change set is or was executed. CloudFormation may have deleted one that was; the stack then has its ARN.
 * `unknown` when it cannot be read.
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
    // Another one has the name by now: the plan's was deleted.
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

/** CloudFormation rejects DisableRollback when the change set itself says what happens on failure. */
function disableRollback(
  { inputs }: CommandRun,
  { kind, settings, onStackFailure }: Plan,
): { DisableRollback?: boolean } {
  const said = onStackFailure ?? settings?.onStackFailure ?? settings?.disableRollback;
  if (kind === 'create' || said !== undefined || inputs.mode === 'express') return {};
  return { DisableRollback: inputs.onFailure === 'keep' };
}

function describeSize({ changes, kind }: Plan): string {
  if (changes.length === 0) return 'no resource changes, only what surrounds them';
  return `${kind === 'create' ? 'creating' : 'changing'} ${plural(changes.length, 'resource')}`;
}

/**
 * Watches an operation of this run to its end, and records its progress for a run that ends early.
 * @param expected the paths of the resources that it changes, where they are known.
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
    ...(run.inputs.failFast && { failFast: (why: string) => endWaiting(run, operation, why) }),
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
 * Ends an operation that waits for a service whose tasks fail: an update is cancelled, and a creation is deleted where
 * `on-failure` says so. CloudFormation cannot cancel a creation otherwise. What cannot be ended is waited for.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html
 */
async function endWaiting(run: CommandRun, { kind, stackId }: Operation, why: string): Promise<void> {
  const { context, inputs } = run;
  const command =
    kind === 'update' && inputs.onFailure !== 'keep'
      ? new CancelUpdateStackCommand({ StackName: stackId })
      : kind === 'create' && inputs.onFailure === 'delete'
        ? new DeleteStackCommand({ StackName: stackId })
        : undefined;
  if (!command) {
    const fix = kind === 'create' ? ' Delete the stack to end it at once.' : '';
    context.log.warning(`${why} CloudFormation goes on waiting for the service.${fix}`);
    return;
  }
  try {
    await send(context.client, command, context);
    const what = kind === 'update' ? 'Cancelled the update' : 'Requested the deletion of the new stack';
    note(run, `${what}: ${why} With fail-fast: false CloudFormation goes on waiting.`);
  } catch (error) {
    context.signal.throwIfAborted();
    // The operation may have ended by itself in the meantime.
    context.log.warning(`The ${kind} could not be ended early: ${reasonOf(error)}`);
  }
}
