import type { RunIdentity } from '../../cloudformation/command-run.ts';
import { deployStack } from '../../cloudformation/commands/deploy-stack.ts';
import { findStack, type ListingContext } from '../../cloudformation/listing.ts';
import { isShell } from '../../cloudformation/stack.ts';
import type { DeployStackInputs } from '../../cloudformation/context.ts';
import { inParallel } from '../../core/concurrency.ts';
import { listOf, outOf, plural } from '../../core/text.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { DriftResult, StackComparison } from './result.ts';

/**
 * Each comparison is a drift detection, which fails if it reads resources faster than their service allows.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/801
 */
const AT_ONCE = 4;

interface DriftRequest {
  environment: Environment;
  /** Stack names in CloudFormation. */
  stackNames: readonly string[];
  run: RunIdentity;
  timeoutMs: number;
}

/**
 * Compares every stack of an environment with its actual state. Changes nothing. `in-sync` requires a result for each
 * stack: a missing stack has drifted, and one that could not be compared is a failure.
 */
export async function findEnvironmentDrift(
  context: ListingContext,
  { environment, stackNames, run, timeoutMs }: DriftRequest,
): Promise<DriftResult> {
  const found = new Map<string, StackComparison>();
  context.listing?.expect(stackNames);
  await inParallel(stackNames, AT_ONCE, async (stackName) => {
    found.set(stackName, await compareStack(context, driftInputs(stackName, timeoutMs), run));
  });
  context.signal.throwIfAborted();
  const stacks = stackNames.flatMap((name) => found.get(name) ?? []);
  const { name, region } = environment;
  return { command: 'drift', environment: name, region, ...judgeDrift(name, stacks), stacks };
}

async function compareStack(
  context: ListingContext,
  inputs: DeployStackInputs,
  run: RunIdentity,
): Promise<StackComparison> {
  const { stackName } = inputs;
  const stack = await findStack(context, stackName);
  if (!stack || isShell(stack.status)) {
    const reason = `Stack ${stackName} does not exist. It was never deployed, or it was deleted.`;
    return { stackName, state: 'missing', reason };
  }
  const result = await deployStack(context, inputs, run);
  const { verdict, reason } = result;
  const state = verdict === 'in-sync' || verdict === 'drifted' ? verdict : 'unknown';
  return { stackName, state, reason, result };
}

function judgeDrift(
  environment: string,
  stacks: readonly StackComparison[],
): Pick<DriftResult, 'verdict' | 'reason'> {
  const named = (...states: StackComparison['state'][]): string[] =>
    stacks.filter(({ state }) => states.includes(state)).map(({ stackName }) => stackName);
  const [drifted, unknown] = [named('drifted', 'missing'), named('unknown')];
  const notCompared = `Failed to compare ${listOf(unknown)}.`;
  if (drifted.length > 0) {
    const differ = `${outOf(drifted.length, stacks.length, 'stack')} of ${environment} ${drifted.length === 1 ? 'differs' : 'differ'} from the files: ${listOf(drifted)}.`;
    return { verdict: 'drifted', reason: unknown.length > 0 ? `${differ} ${notCompared}` : differ };
  }
  if (unknown.length > 0) return { verdict: 'failed', reason: notCompared };
  const match = stacks.length === 1 ? 'matches its template' : 'match their templates';
  return { verdict: 'in-sync', reason: `${plural(stacks.length, 'stack')} of ${environment} ${match}.` };
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
    allowTrafficReset: [],
    importExisting: false,
    onFailure: 'rollback',
    failFast: true,
    mode: 'standard',
    notificationArns: [],
    revertDrift: false,
    continueRollback: false,
    timeoutMs,
  };
}
