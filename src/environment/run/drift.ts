import { deployStack } from '../../cloudformation/commands/deploy-stack.ts';
import { describeStack, isShell } from '../../cloudformation/stack.ts';
import type { RunIdentity } from '../../cloudformation/commands/command-run.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../cloudformation/types.ts';
import { environmentDriftSections, type StackComparison } from '../../present/environment.ts';
import { inParallel } from '../../core/concurrency.ts';
import { presentedStack } from '../stack-outcome.ts';
import type { Section } from '../../core/markdown/sections.ts';

/** Each comparison makes a change set, or runs a drift detection; an account has few of these at once. */
const AT_ONCE = 4;

export interface DriftRequest {
  environment: string;
  /** The names of the stacks, as CloudFormation has them. */
  stackNames: readonly string[];
  run: RunIdentity;
  timeoutMs: number;
}

export interface EnvironmentDrift {
  verdict: 'in-sync' | 'drifted' | 'failed';
  reason: string;
  stacks: readonly StackComparison[];
  sections: readonly Section[];
}

/**
 * Compares every stack of an environment with what really is. Nothing is changed. `in-sync` takes a proof from each
 * of them: one that is not there has drifted, and one that could not be compared is a failure.
 */
export async function findEnvironmentDrift(
  context: CloudFormationContext,
  { environment, stackNames, run, timeoutMs }: DriftRequest,
): Promise<EnvironmentDrift> {
  const found = new Map<string, StackComparison>();
  await inParallel(stackNames, AT_ONCE, async (stackName) => {
    found.set(stackName, await compare(context, driftInputs(stackName, timeoutMs), run));
  });
  context.signal.throwIfAborted();
  const stacks = stackNames.flatMap((name) => found.get(name) ?? []);
  const { verdict, reason } = judge(environment, stacks);
  return { verdict, reason, stacks, sections: environmentDriftSections(environment, stacks) };
}

async function compare(
  context: CloudFormationContext,
  inputs: DeployStackInputs,
  run: RunIdentity,
): Promise<StackComparison> {
  const { stackName } = inputs;
  const stack = await describeStack(context, stackName);
  if (!stack || isShell(stack.status)) {
    const reason = `There is no stack ${stackName}: it was never deployed, or somebody deleted it.`;
    return { stackName, state: 'missing', reason, sections: [] };
  }
  const { verdict, reason, summary = [] } = presentedStack(context, await deployStack(context, inputs, run));
  switch (verdict) {
    case 'in-sync':
      return { stackName, state: 'in-sync', reason, sections: [] };
    case 'drifted':
      return { stackName, state: 'drifted', reason, sections: summary };
    default:
      return { stackName, state: 'unknown', reason, sections: summary };
  }
}

function judge(
  environment: string,
  stacks: readonly StackComparison[],
): Pick<EnvironmentDrift, 'verdict' | 'reason'> {
  const named = (...states: StackComparison['state'][]): string[] =>
    stacks.filter(({ state }) => states.includes(state)).map(({ stackName }) => stackName);
  const [drifted, unknown] = [named('drifted', 'missing'), named('unknown')];
  const alsoUnknown = unknown.length > 0 ? ` ${unknown.join(', ')} could not be compared.` : '';
  if (drifted.length > 0) {
    const what = `${drifted.length} of ${stacks.length} stacks of ${environment} ${drifted.length === 1 ? 'is' : 'are'}`;
    return {
      verdict: 'drifted',
      reason: `${what} not what the files say: ${drifted.join(', ')}.${alsoUnknown}`,
    };
  }
  if (unknown.length > 0) return { verdict: 'failed', reason: alsoUnknown.trim() };
  return {
    verdict: 'in-sync',
    reason: `All ${stacks.length} stacks of ${environment} are what their templates say.`,
  };
}

function driftInputs(stackName: string, timeoutMs: number): DeployStackInputs {
  return {
    command: 'drift',
    stackName,
    parameters: {},
    parameterFiles: [],
    tags: {},
    capabilities: [],
    allowReplace: [],
    allowDelete: [],
    onFailure: 'rollback',
    mode: 'standard',
    notificationArns: [],
    revertDrift: false,
    continueRollback: false,
    timeoutMs,
  };
}
