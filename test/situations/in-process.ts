import { contract } from '../../actions/deploy-stack/contract.ts';
import { deployStackInputs } from '../../actions/deploy-stack/inputs.ts';
import { cloudFormationClient } from '../../src/aws/clients.ts';
import { createSession } from '../../src/aws/session.ts';
import { deployStack } from '../../src/cloudformation/commands/deploy-stack.ts';
import type { Context } from '../../src/core/context.ts';
import { readInputs } from '../../src/core/inputs/contract.ts';
import { conclude, failureOf, type Outcome } from '../../src/core/outcome.ts';
import { followServiceIn } from '../../src/environment/run/follow-service.ts';
import { presentStack } from '../../src/present/stack.ts';
import { fastClock } from '../support/fast-clock.ts';
import { contextOf } from '../unit/images/registry/context.ts';
import { recordingRunner } from '../unit/core/fakes.ts';
import type { ActionRun } from './endpoint.ts';

/** The factor by which the clock of a run is faster than the real one. */
const SCALE = 40;
let runs = 0;

/**
 * Runs deploy-stack like its entry, in this process: from the texts of its inputs to its outputs. The environment of
 * this process determines the AWS endpoint.
 */
export async function deployStackInProcess(
  inputs: Record<string, string>,
  workspace: string,
): Promise<ActionRun> {
  const context = { ...contextOf(), clock: fastClock(SCALE) };
  const outputs: Record<string, string> = {};
  const runner = {
    ...recordingRunner(context.lines),
    setOutput: (name: string, value: unknown) => {
      outputs[name] = String(value);
    },
  };
  const outcome = await outcomeOf(inputs, context, workspace);
  const action = { name: 'deploy-stack', outputs: contract.outputs };
  conclude(action, outcome, context, { env: { GITHUB_OUTPUT: 'kept' }, runner });
  return { ok: outcome.ok, outputs, log: context.lines.join('\n') };
}

async function outcomeOf(
  texts: Record<string, string>,
  context: Context,
  workspace: string,
): Promise<Outcome> {
  try {
    const env = { AWS_REGION: 'eu-west-1' };
    const inputs = readInputs(contract.inputs, { getInput: (name) => texts[name]?.trim() ?? '', env });
    const session = createSession({ region: inputs['aws-region'], context, env });
    const client = await cloudFormationClient(session, context);
    const followService = followServiceIn(session, context, env);
    const result = await deployStack(
      { ...context, client, session, followService },
      deployStackInputs(inputs),
      { id: String(++runs), attempt: 1, workspace, actor: 'octocat' },
    );
    return presentStack(result);
  } catch (error) {
    return failureOf(error, contract.verdicts);
  }
}
