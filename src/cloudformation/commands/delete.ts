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
import { protectedResources, protectionFindings } from './deletion-protection.ts';
import type { CommandResult } from './result.ts';

/** Deletes the stack and waits for the end. */
export async function deleteCommand(run: CommandRun): Promise<CommandResult> {
  const { context, inputs } = run;
  const stack = await existingStack(run);
  if (!stack) {
    return {
      verdict: 'unchanged',
      reason: `Stack ${inputs.stackName} does not exist: nothing to delete.`,
    };
  }
  if (stack.parentId !== undefined) {
    throw new StackBlockedError(
      `Stack ${stack.stackName} is a nested stack. Delete it through its parent stack.`,
    );
  }
  const guard = [
    ...(await deletionFindings(context, stack.stackId, inputs.allowDelete)),
    ...protectionFindings(await protectedResources(context, stack)),
  ];
  if (guard.length > 0) return blockedResult(run, guard);
  await disableTerminationProtection(run, stack);
  const execution = await deleteStack(run, stack);
  if (execution.status === 'DELETE_COMPLETE') {
    const retained = retainedResources(execution);
    const kept = retained.length > 0 ? ` Retained resources: ${retained.map(pathOf).join(', ')}.` : '';
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

/** The value of `allow-delete` that allows the deletion of every resource. */
const ALL = 'all';

/** Findings for resources that the deletion of a stack would lose and `allow-delete` does not allow, including nested stacks. */
export async function deletionFindings(
  context: CloudFormationContext,
  stackId: string,
  allowDelete: readonly string[],
): Promise<GuardFinding[]> {
  if (allowDelete.includes(ALL)) return [];
  const changes = await deletionChanges(context, stackId);
  return guardPlan({ changes }, undefined, { allowReplace: [], allowDelete });
}
