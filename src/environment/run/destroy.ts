import { reversed } from '../../cloudformation/template/graph.ts';
import { pathOf } from '../../cloudformation/change-set/changes.ts';
import { deletionFindings } from '../../cloudformation/commands/delete.ts';
import { findStack } from '../../cloudformation/listing.ts';
import { isShell } from '../../cloudformation/stack.ts';
import type { EnvironmentContext, EnvironmentRequest } from './context.ts';
import { changeEnvironment, runResult } from './deploy.ts';
import { runParts, type Part } from './parts.ts';
import { DESTROYING, overallVerdict, type RunEnd, type RunResult } from './result.ts';
import { allowedFor, runStackCommand, stackEnd } from './stacks.ts';
import { targetGraph, type StackTarget, type TargetGraph } from './targets.ts';

/**
 * Takes an environment down: every stack as soon as those that read from it are gone. What holds data is
 * deleted only with `allow-delete`, and a protected environment only with its name; both are checked before anything is
 * deleted.
 *
 * @param confirm the environment's name, typed again.
 */
export async function destroyEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  confirm: string | undefined,
): Promise<RunResult> {
  const startedMs = context.clock.now();
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  const unconfirmed = confirmation(request, confirm);
  if (unconfirmed) return runResult(context, request, startedMs, unconfirmed);
  return await changeEnvironment(context, request, 'destroy', (locked) =>
    destroyParts(locked, request, graph),
  );
}

function confirmation({ choice }: EnvironmentRequest, confirm: string | undefined): RunEnd | undefined {
  const { name, protected: isProtected } = choice.environment;
  if (confirm === name || (!isProtected && confirm === undefined)) return undefined;
  const given = confirm === undefined ? 'it is protected' : `confirm says ${JSON.stringify(confirm)}`;
  return blocked(`${name} was not destroyed: ${given}. Fix: Set confirm: ${name}.`, []);
}

function blocked(reason: string, losses: readonly string[]): RunEnd {
  return { command: 'destroy', verdict: 'blocked', reason: `Nothing was deleted. ${reason}`, losses };
}

async function destroyParts(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { targets, graph }: TargetGraph,
): Promise<RunEnd> {
  const { name } = request.choice.environment;
  const losses = (await Promise.all(targets.map((target) => lossesOf(context, request, target)))).flat();
  const [first] = losses;
  if (first !== undefined) {
    const more = losses.length > 1 ? ` (and ${losses.length - 1} more)` : '';
    return blocked(
      `Data would be lost: ${first}${more}. Fix: List each resource in allow-delete by name or type, or set allow-delete: all.`,
      losses,
    );
  }
  const dependants = reversed(graph);
  const parts = await runParts(
    context,
    targets.map((target): Part => ({
      name: target.name,
      kind: target.service ? 'service' : 'stack',
      after: dependants.get(target.name) ?? [],
      work: async (own) => stackEnd(await runStackCommand(own, request, target, { command: 'delete' })),
    })),
  );
  return {
    command: 'destroy',
    ...overallVerdict(name, parts, DESTROYING),
    parts,
    untouched: request.choice.existing.map((target) => target.name),
  };
}

/** What of a stack holds data, would go with it, and is not allowed to, as `stack/LogicalId (type)`. */
async function lossesOf(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
): Promise<string[]> {
  const cloudFormation = await context.cloudFormation();
  const stack = await findStack(cloudFormation, target.inputs.stackName);
  if (!stack || isShell(stack.status)) return [];
  const allowed = allowedFor(target.name, request.allowDelete);
  const findings = await deletionFindings(cloudFormation, stack.stackId, allowed);
  return findings.map((finding) => `${target.name}/${pathOf(finding)} (${finding.type})`);
}
