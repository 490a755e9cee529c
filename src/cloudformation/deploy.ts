import { errorText } from '../aws/errors.ts';
import { CancelledError, InputError, TimeoutError } from '../runtime/errors.ts';
import type { Outcome } from '../runtime/outcome.ts';
import { abandonChangeSet, cancelBegun } from './cancel.ts';
import { apply } from './commands/apply.ts';
import { deleteCommand } from './commands/delete.ts';
import { deploy } from './commands/deploy.ts';
import { driftCommand } from './commands/drift.ts';
import { plan } from './commands/plan.ts';
import { StackStuckError } from './continue-rollback.ts';
import { annotate } from './diagnosis.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import { PlanFailedError } from './plan-failure.ts';
import type { RunIdentity } from './token.ts';
import type { CloudFormationContext, DeployStackInputs } from './types.ts';
import { StackBlockedError, type Work } from './work.ts';

export { VERDICTS } from './verdict.ts';

const COMMANDS: Readonly<Record<DeployStackInputs['command'], (work: Work) => Promise<Ending>>> = {
  deploy,
  plan,
  apply,
  delete: deleteCommand,
  drift: driftCommand,
};

/**
 * Runs one command of deploy-stack and tells how it ended. When it ends early, whatever it had begun is stopped or
 * removed, and the reason says what remains.
 * @throws InputError for an input that cannot be used, before anything is changed.
 */
export async function deployStack(
  context: CloudFormationContext,
  inputs: DeployStackInputs,
  run: RunIdentity,
): Promise<Outcome> {
  const startedMs = context.clock.now();
  const work: Work = {
    context,
    inputs,
    run,
    startedMs,
    deadlineMs: startedMs + inputs.timeoutMs,
    begun: {},
    notes: [],
  };
  try {
    return outcomeOf(work, await COMMANDS[inputs.command](work));
  } catch (error) {
    return outcomeOf(work, await endEarly(work, error));
  }
}

async function endEarly(work: Work, error: unknown): Promise<Ending> {
  const { context, begun } = work;
  if (context.signal.aborted) return await cancelled(work);
  await abandonChangeSet(work);
  if (error instanceof InputError) throw error;
  if (error instanceof StackBlockedError) return { verdict: 'blocked', reason: error.message };
  if (error instanceof TimeoutError) return { verdict: 'timed-out', reason: timedOut(work, error) };
  if (error instanceof PlanFailedError) return { verdict: 'failed', reason: error.message };
  if (error instanceof StackStuckError) {
    const { execution, diagnosis } = error;
    annotate(context, diagnosis);
    return { verdict: 'stuck', reason: error.message, execution, diagnosis };
  }
  const { operation } = begun;
  const goesOn = operation
    ? ` The ${operation.kind} of stack ${operation.stackName} was asked for and may go on at AWS: look at the stack.`
    : '';
  context.log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return { verdict: 'failed', reason: `${errorText(error).replace(/\.$/, '')}.${goesOn}` };
}

async function cancelled(work: Work): Promise<Ending> {
  const remains = await cancelBegun(work);
  const signal = work.context.signal.reason as unknown;
  const by = signal instanceof CancelledError ? ` by ${signal.signalName}` : '';
  return { verdict: 'cancelled', reason: `The job was cancelled${by}. ${remains}` };
}

/** What is known when the time is up; nothing more is claimed, and nothing is stopped. */
function timedOut({ begun, inputs }: Work, error: TimeoutError): string {
  const standing = begun.standing?.();
  const where = standing ? ` (${standing})` : '';
  const limit = `${Math.round(inputs.timeoutMs / 1000)} s`;
  if (!begun.operation)
    return `Within the timeout of ${limit} ${error.what} did not end${where}. Nothing was changed.`;
  return `Within the timeout of ${limit} ${error.what} did not end${where}. It was not stopped and goes on at AWS.`;
}
