import { ContinueUpdateRollbackCommand, RollbackStackCommand } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { PlatformError } from '../../core/errors.ts';
import { pathOf } from '../change-set/effects.ts';
import { type Diagnosis, diagnose } from '../diagnosis/diagnosis.ts';
import { newestEvent } from './events.ts';
import { plainReason } from '../diagnosis/hints.ts';
import { type Execution, watchBegun } from './watch.ts';
import { isStable } from '../stack.ts';
import { clientRequestToken, note, type Work } from '../commands/command-run.ts';
import type { StackSnapshot } from '../types.ts';
/** A rollback that cannot go on. */
export class StackStuckError extends PlatformError {
  override readonly name = 'StackStuckError';
  readonly execution: Execution;
  readonly diagnosis: Diagnosis;

  constructor(stackName: string, execution: Execution, diagnosis: Diagnosis) {
    const [first] = diagnosis.rollbackFailures;
    const why = first ? `: ${pathOf(first)}: ${plainReason(first.reason)}` : '';
    super(
      'stack-stuck',
      `The rollback of stack ${stackName} ended in ${execution.status}${why}. ` +
        'Repair that and continue again; only ContinueUpdateRollback with ResourcesToSkip leaves a resource as it is.',
    );
    this.execution = execution;
    this.diagnosis = diagnosis;
  }
}

/**
 * Continues the rollback of a stack in UPDATE_ROLLBACK_FAILED, and waits for it. No resource is skipped, since a
 * skipped one is no longer what its stack believes.
 * @throws StackStuckError when it fails again.
 */
export async function continueRollback(work: Work, stack: StackSnapshot): Promise<StackSnapshot> {
  return await watched(work, stack, (token) =>
    send(
      work.context.client,
      new ContinueUpdateRollbackCommand({
        StackName: stack.stackId,
        ClientRequestToken: token,
        ...role(work),
      }),
      work.context,
    ),
  );
}

/**
 * Rolls back a stack in UPDATE_FAILED, whose update was made with rollback off, and waits for it.
 * @throws StackStuckError when it fails.
 */
export async function rollBackUpdate(work: Work, stack: StackSnapshot): Promise<StackSnapshot> {
  return await watched(work, stack, (token) =>
    send(
      work.context.client,
      new RollbackStackCommand({ StackName: stack.stackId, ClientRequestToken: token, ...role(work) }),
      work.context,
    ),
  );
}

function role({ inputs }: Work): { RoleARN?: string } {
  return inputs.roleArn ? { RoleARN: inputs.roleArn } : {};
}

async function watched(
  work: Work,
  stack: StackSnapshot,
  request: (token: string) => Promise<unknown>,
): Promise<StackSnapshot> {
  const { context, begun } = work;
  const { stackName, stackId } = stack;
  const marker = await newestEvent(context, stackId);
  const token = clientRequestToken(work.run, 'rollback', stackId, marker?.id ?? '');
  begun.operation = { kind: 'rollback', stackName, stackId };
  await request(token);
  context.log.info(`Rolling stack ${stackName} back from ${stack.status}.`);
  const operation = {
    stackName,
    stackId,
    kind: 'rollback' as const,
    token,
    ...(marker ? { afterEventId: marker.id } : {}),
  };
  const execution = await watchBegun(work, operation, []);
  if (!execution.stack || !isStable(execution.status)) {
    throw new StackStuckError(stackName, execution, await diagnose(context, execution, stack));
  }
  note(work, `Stack ${stackName} was rolled back from ${stack.status}; it is ${execution.status} now.`);
  return execution.stack;
}
