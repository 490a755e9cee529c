import type { Outcome } from '../runtime/outcome.ts';
import { apply } from './commands/apply.ts';
import { deleteCommand } from './commands/delete.ts';
import { deploy } from './commands/deploy.ts';
import { driftCommand } from './commands/drift.ts';
import { plan } from './commands/plan.ts';
import { endEarly } from './early-end.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import type { RunIdentity } from './token.ts';
import type { CloudFormationContext, DeployStackInputs } from './types.ts';
import type { Work } from './work.ts';

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
    known: {},
    notes: [],
  };
  try {
    return outcomeOf(work, await COMMANDS[inputs.command](work));
  } catch (error) {
    return outcomeOf(work, await endEarly(work, error));
  }
}
