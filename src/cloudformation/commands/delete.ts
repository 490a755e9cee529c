import { duration } from '../../core/text.ts';
import { pathOf } from '../change-set/changes.ts';
import { type GuardFinding, guardPlan } from '../change-set/guard.ts';
import { StackBlockedError, type CommandRun } from '../command-run.ts';
import type { CloudFormationContext } from '../context.ts';
import { diagnose } from '../diagnosis/diagnosis.ts';
import { plainReason } from '../diagnosis/hints.ts';
import { deleteStack, disableTerminationProtection } from '../execution/delete.ts';
import { existingStack } from '../execution/recover.ts';
import { retainedResources } from '../execution/watch.ts';
import { deletionChanges } from '../nested-stacks.ts';
import { blockedResult } from './deploy.ts';
import type { CommandResult } from './result.ts';

/** Deletes the stack and waits until it is gone. */
export async function deleteCommand(run: CommandRun): Promise<CommandResult> {
  const { context, inputs } = run;
  const stack = await existingStack(run);
  if (!stack) {
    return {
      verdict: 'unchanged',
      reason: `There is no stack ${inputs.stackName}: nothing was left to delete.`,
    };
  }
  if (stack.parentId !== undefined) {
    throw new StackBlockedError(`Stack ${stack.stackName} is nested in another one, which has to delete it.`);
  }
  const guard = await deletionFindings(context, stack.stackId, inputs.allowDelete);
  if (guard.length > 0) return blockedResult(run, guard);
  await disableTerminationProtection(run, stack);
  const execution = await deleteStack(run, stack);
  if (execution.status === 'DELETE_COMPLETE') {
    const retained = retainedResources(execution);
    const kept = retained.length > 0 ? ` Retained by its template: ${retained.map(pathOf).join(', ')}.` : '';
    const reason = `Stack ${stack.stackName} was deleted in ${duration(execution.durationMs)}.${kept}`;
    return { verdict: 'deleted', reason, execution };
  }
  const diagnosis = await diagnose(context, execution, stack);
  const causes = [diagnosis.rootCause, ...diagnosis.alsoFailed].flatMap((cause) => cause ?? []);
  const why = causes
    .map((cause) => `${pathOf(cause)}: ${plainReason(cause.reason).replace(/\.$/, '')}`)
    .slice(0, 3)
    .join('; ');
  return {
    verdict: 'failed',
    reason: `Stack ${stack.stackName} could not be deleted and is ${execution.status}${why ? `: ${why}` : ''}.`,
    execution,
    diagnosis,
  };
}

/** Names every resource in `allow-delete`. */
const ALL = 'all';

/** What the deletion of a stack would lose and `allow-delete` does not name, nested stacks included. */
export async function deletionFindings(
  context: CloudFormationContext,
  stackId: string,
  allowDelete: readonly string[],
): Promise<GuardFinding[]> {
  if (allowDelete.includes(ALL)) return [];
  const changes = await deletionChanges(context, stackId);
  return guardPlan({ changes }, undefined, { allowReplace: [], allowDelete });
}
