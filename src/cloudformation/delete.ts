import { DeleteStackCommand, type StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import { Estimate } from './estimate.ts';
import { lastBeforeDeletion } from './events.ts';
import { watchBegun } from './operation.ts';
import { setTerminationProtection } from './settings.ts';
import { isAlive, listResources } from './stack-resources.ts';
import type { ResourceStep } from './timeline.ts';
import { clientRequestToken } from './token.ts';
import type { StackSnapshot } from './types.ts';
import type { Execution } from './watch.ts';
import { note, StackBlockedError, type Work } from './work.ts';

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
  const estimate = new Estimate(resources.map(expectedDeletion), new Map());
  // Whoever asks first, the stack is deleted once: no token is needed to tell whose deletion it is.
  const operation = {
    stackName,
    stackId,
    kind: 'delete' as const,
    ...(marker ? { afterEventId: marker.id } : {}),
  };
  return await watchBegun(work, operation, estimate);
}

function expectedDeletion(resource: StackResourceSummary): {
  logicalId: string;
  nesting: [];
  type: string;
  action: 'delete';
} {
  return {
    logicalId: resource.LogicalResourceId ?? '',
    nesting: [],
    type: resource.ResourceType ?? '',
    action: 'delete',
  };
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
