import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { duration } from '../../core/text.ts';
import { pathOf } from '../change-set/effects.ts';
import { diagnose } from '../diagnosis/diagnosis.ts';
import { plainReason } from '../diagnosis/hints.ts';
import { lastBeforeDeletion, type ResourceStep } from '../execution/events.ts';
import { existingStack } from '../execution/leftovers.ts';
import { type Execution, watchBegun } from '../execution/watch.ts';
import { isAlive, listResources } from '../stack.ts';
import type { StackSnapshot } from '../types.ts';
import { clientRequestToken, note, StackBlockedError, type Work } from './command-run.ts';
import type { CommandResult } from './result.ts';
import { setTerminationProtection } from './settings.ts';

/** Deletes the stack and waits until it is gone. */
export async function deleteCommand(work: Work): Promise<CommandResult> {
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

/**
 * Deletes a stack by its ARN and watches it to the end; whether it is gone is in the execution's status.
 * @throws TimeoutError when AWS is still at work at the deadline.
 */
export async function deleteStack(work: Work, stack: StackSnapshot): Promise<Execution> {
  const { context, begun, inputs } = work;
  const { stackId, stackName } = stack;
  const marker = await lastBeforeDeletion(context, stackId);
  const resources = (await listResources(context, stackId)).filter(isAlive);
  const token = clientRequestToken(work.run, 'delete', stackId, marker?.id ?? '');
  begun.operation = { kind: 'delete', stackName, stackId };
  await send(
    context.client,
    new DeleteStackCommand({
      StackName: stackId,
      ClientRequestToken: token,
      ...(inputs.roleArn ? { RoleARN: inputs.roleArn } : {}),
    }),
    context,
  );
  context.log.info(
    `Deleting stack ${stackName} with ${resources.length} resource${resources.length === 1 ? '' : 's'}.`,
  );
  // Whoever asks first, the stack is deleted once: no token is needed to tell whose deletion it is.
  const operation = {
    stackName,
    stackId,
    kind: 'delete' as const,
    ...(marker ? { afterEventId: marker.id } : {}),
  };
  return await watchBegun(
    work,
    operation,
    resources.map(({ LogicalResourceId: id = '' }) => id),
  );
}

/** What a deletion left behind on purpose (DeletionPolicy), nested stacks included. */
export function retainedBy(execution: Execution): ResourceStep[] {
  return [...execution.timeline.steps].filter((step) => step.status === 'DELETE_SKIPPED');
}

/**
 * Clears the way for a deletion: a protected stack is deleted only for those who say `termination-protection:
 * false`.
 * @throws StackBlockedError when the stack is protected.
 */
export async function liftProtection(work: Work, stack: StackSnapshot): Promise<void> {
  if (!stack.terminationProtection) return;
  if (work.inputs.terminationProtection !== false) {
    throw new StackBlockedError(
      `Stack ${stack.stackName} (${stack.status}) cannot be deleted: its termination protection is on. ` +
        'Give termination-protection: false to switch it off and delete the stack.',
    );
  }
  await setTerminationProtection(work.context, stack.stackId, false);
  note(work, `The termination protection of stack ${stack.stackName} was switched off.`);
}
