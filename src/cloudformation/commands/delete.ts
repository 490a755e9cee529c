import { pathOf } from '../../report/plan-counts.ts';
import { duration } from '../../report/duration.ts';
import { deleteStack, liftProtection, retainedBy } from '../delete.ts';
import { annotate, diagnose } from '../diagnosis.ts';
import { plainReason } from '../hints.ts';
import { existingStack } from '../leftovers.ts';
import type { Ending } from '../outcome.ts';
import { StackBlockedError, type Work } from '../work.ts';

/** Deletes the stack and waits until it is gone. */
export async function deleteCommand(work: Work): Promise<Ending> {
  const { context, inputs } = work;
  const stack = await existingStack(work);
  if (!stack) {
    return {
      verdict: 'unchanged',
      reason: `There is no stack ${inputs.stackName}: nothing was left to delete.`,
    };
  }
  if (stack.parentId !== undefined) {
    throw new StackBlockedError(`Stack ${stack.stackName} is nested in another one, which has to delete it.`);
  }
  await liftProtection(work, stack);
  const execution = await deleteStack(work, stack);
  if (execution.status === 'DELETE_COMPLETE') {
    const retained = retainedBy(execution);
    const kept = retained.length > 0 ? ` Retained by its template: ${retained.map(pathOf).join(', ')}.` : '';
    const reason = `Stack ${stack.stackName} was deleted in ${duration(execution.durationMs)}.${kept}`;
    return { verdict: 'deleted', reason, execution };
  }
  const diagnosis = await diagnose(context, execution, stack);
  annotate(context, diagnosis);
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
