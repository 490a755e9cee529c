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
 * Deletes a stack by its ARN and waits for the end; the execution's status is the result.
 * @throws TimeoutError if the deletion is still running at the deadline; any error of `beforeDeletion`.
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
  // No token has to match: a stack is deleted only once, by the first request.
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
 * Disables termination protection before a deletion if the input is `termination-protection: false`.
 * @throws StackBlockedError if the stack is protected otherwise.
 */
export async function disableTerminationProtection(run: CommandRun, stack: StackSnapshot): Promise<void> {
  if (!stack.terminationProtection) return;
  if (run.inputs.terminationProtection !== false) {
    throw new StackBlockedError(
      `Stack ${stack.stackName} (${stack.status}) cannot be deleted: termination protection is enabled. ` +
        'Run deploy-stack with termination-protection: false to disable it and delete the stack.',
    );
  }
  await setTerminationProtection(run.context, stack.stackId, false);
  note(run, `Disabled the termination protection of stack ${stack.stackName}.`);
}
