import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { plural } from '../../core/text.ts';
import {
  clientRequestToken,
  note,
  requestOperation,
  StackBlockedError,
  type CommandRun,
} from '../command-run.ts';
import { setTerminationProtection } from '../settings.ts';
import { isAlive, listResources, type StackSnapshot } from '../stack.ts';
import { lastBeforeDeletion } from './events.ts';
import { watchStarted } from './execute.ts';
import type { Execution } from './watch.ts';

/**
 * Deletes a stack by its ARN and waits for the end; the execution's status says whether it was deleted.
 * @throws TimeoutError when the deletion is still running at the deadline; what `beforeDeletion` throws.
 */
export async function deleteStack(run: CommandRun, stack: StackSnapshot): Promise<Execution> {
  const { context, inputs } = run;
  const { stackId, stackName } = stack;
  const marker = await lastBeforeDeletion(context, stackId);
  const resources = (await listResources(context, stackId)).filter(isAlive);
  const token = clientRequestToken(run.identity, 'delete', stackId, marker?.id ?? '');
  const command = new DeleteStackCommand({
    StackName: stackId,
    ClientRequestToken: token,
    ...(inputs.roleArn ? { RoleARN: inputs.roleArn } : {}),
  });
  await context.beforeDeletion?.(stack);
  await requestOperation(run, { kind: 'delete', stackName, stackId }, () =>
    send(context.client, command, context),
  );
  context.log.info(`Deleting stack ${stackName} with ${plural(resources.length, 'resource')}.`);
  // A stack is deleted once, by the first request, so no token has to match.
  const operation = {
    stackName,
    stackId,
    kind: 'delete' as const,
    ...(marker ? { afterEventId: marker.id } : {}),
  };
  return await watchStarted(
    run,
    operation,
    resources.map(({ LogicalResourceId: id = '' }) => id),
  );
}

/**
 * Switches termination protection off before a deletion, if the input is `termination-protection: false`.
 * @throws StackBlockedError when the stack is protected.
 */
export async function liftProtection(run: CommandRun, stack: StackSnapshot): Promise<void> {
  if (!stack.terminationProtection) return;
  if (run.inputs.terminationProtection !== false) {
    throw new StackBlockedError(
      `Stack ${stack.stackName} (${stack.status}) cannot be deleted: its termination protection is on. ` +
        'Run deploy-stack with termination-protection: false to switch it off and delete the stack.',
    );
  }
  await setTerminationProtection(run.context, stack.stackId, false);
  note(run, `The termination protection of stack ${stack.stackName} was switched off.`);
}
