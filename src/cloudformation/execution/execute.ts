import { DescribeChangeSetCommand, ExecuteChangeSetCommand } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { classify, errorText } from '../../aws/errors.ts';
import { pathOf } from '../change-set/effects.ts';
import { newestEvent } from './events.ts';
import { type Execution, watchBegun } from './watch.ts';
import { clientRequestToken, type Work } from '../commands/command-run.ts';
import type { CloudFormationContext, Plan } from '../types.ts';
/**
 * Executes a plan and watches it to its end, a rollback included. How it ended is in the execution's status.
 * @throws TimeoutError when AWS is still at work at the deadline; what AWS answers to the request.
 */
export async function executePlan(work: Work, plan: Plan): Promise<Execution> {
  const { context, begun } = work;
  const marker = await newestEvent(context, plan.stackId);
  const token = clientRequestToken(work.run, 'execute', plan.changeSetId);
  begun.operation = { kind: plan.kind, stackName: plan.stackName, stackId: plan.stackId };
  const ours = await requestExecution(work, plan, token);
  delete begun.changeSet;
  context.log.info(`Executing ${plan.changeSetName} on stack ${plan.stackName}: ${describeSize(plan)}.`);
  const updatedBefore = work.known.before?.updatedAt;
  const operation = {
    stackName: plan.stackName,
    stackId: plan.stackId,
    kind: plan.kind,
    ...(ours ? { token } : {}),
    ...(marker ? { afterEventId: marker.id } : {}),
    ...(updatedBefore ? { updatedBefore } : {}),
  };
  return await watchBegun(work, operation, plan.changes.map(pathOf));
}

/**
 * Asks for the execution; false when the change set turns out to be in execution already. After an error the
 * request may still have arrived, so the change set itself is asked.
 */
async function requestExecution(work: Work, plan: Plan, token: string): Promise<boolean> {
  const { context } = work;
  const command = new ExecuteChangeSetCommand({
    ChangeSetName: plan.changeSetId,
    ClientRequestToken: token,
    ...disableRollback(work, plan),
  });
  try {
    await send(context.client, command, context);
    return true;
  } catch (error) {
    if (context.signal.aborted || classify(error) === 'denied') throw error;
    const executing = await isExecuting(context, plan);
    if (executing === false) delete work.begun.operation;
    if (!executing) throw error;
    context.log.info(`The change set is in execution although AWS answered: ${errorText(error)}`);
    return false;
  }
}

/** What the change set itself says of failures is not said again: saying it twice is an error. */
function disableRollback(
  { inputs }: Work,
  { kind, settings, onStackFailure }: Plan,
): { DisableRollback?: boolean } {
  const said = onStackFailure ?? settings?.onStackFailure ?? settings?.disableRollback;
  if (kind === 'create' || said !== undefined || inputs.mode === 'express') return {};
  return { DisableRollback: inputs.onFailure === 'keep' };
}

/** Undefined when AWS does not say. */
async function isExecuting(context: CloudFormationContext, plan: Plan): Promise<boolean | undefined> {
  const command = new DescribeChangeSetCommand({ ChangeSetName: plan.changeSetId });
  const changeSet = await send(context.client, command, context).catch((error: unknown) => {
    context.signal.throwIfAborted();
    context.log.debug(`DescribeChangeSet: ${errorText(error)}`);
    return undefined;
  });
  if (!changeSet) return undefined;
  return ['EXECUTE_IN_PROGRESS', 'EXECUTE_COMPLETE', 'EXECUTE_FAILED'].includes(
    changeSet.ExecutionStatus ?? '',
  );
}

function describeSize({ changes, kind }: Plan): string {
  if (changes.length === 0) return 'no resource changes, only what surrounds them';
  return `${kind === 'create' ? 'creating' : 'changing'} ${changes.length} resource${changes.length === 1 ? '' : 's'}`;
}
