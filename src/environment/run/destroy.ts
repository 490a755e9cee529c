import { reversed } from '../../cloudformation/template/graph.ts';
import { pathOf } from '../../cloudformation/change-set/changes.ts';
import { deletionFindings } from '../../cloudformation/commands/delete.ts';
import {
  type ProtectedResource,
  protectedResources,
  turnOff,
} from '../../cloudformation/commands/deletion-protection.ts';
import { findStack } from '../../cloudformation/listing.ts';
import { isShell } from '../../cloudformation/stack.ts';
import type { EnvironmentContext, EnvironmentRequest } from './context.ts';
import { changeEnvironment, runResult } from './deploy.ts';
import { runParts, type Part } from './parts.ts';
import { DESTROYING, overallVerdict, type RunEnd, type RunResult } from './result.ts';
import { allowedFor, runStackCommand, stackEnd } from './stacks.ts';
import { targetGraph, type StackTarget, type TargetGraph } from './targets.ts';

/**
 * Deletes an environment: every stack as soon as the stacks that depend on it are deleted. Resources with data require
 * `allow-delete`, and a protected environment requires its name in `confirm`. Both are checked before anything is
 * deleted.
 *
 * @param confirm the environment's name as confirmation.
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
  const given = confirm === undefined ? 'it is protected' : `confirm is ${JSON.stringify(confirm)}`;
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
  const guards = await Promise.all(targets.map((target) => guardOf(context, request, target)));
  const refused = refusal(
    guards.flatMap(({ losses }) => losses),
    guards.flatMap(({ held }) => held),
  );
  if (refused) return refused;
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

/** The resources that prevent a stack from being deleted, as `stack/LogicalId (type)`. */
interface StackGuard {
  /** Resources with data that `allow-delete` does not allow. */
  losses: readonly string[];
  /** Resources with deletion protection. */
  held: readonly (ProtectedResource & { name: string })[];
}

async function guardOf(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
): Promise<StackGuard> {
  const cloudFormation = await context.cloudFormation();
  const stack = await findStack(cloudFormation, target.inputs.stackName);
  if (!stack || isShell(stack.status)) return { losses: [], held: [] };
  const allowed = allowedFor(target.name, request.allowDelete);
  const [findings, held] = await Promise.all([
    deletionFindings(cloudFormation, stack.stackId, allowed),
    protectedResources(cloudFormation, stack),
  ]);
  return {
    losses: findings.map((finding) => `${target.name}/${pathOf(finding)} (${finding.type})`),
    held: held.map((resource) => {
      const at = target.lines.parameters[resource.parameter ?? ''];
      const name = `${target.name}/${resource.logicalId} (${resource.type})`;
      return { ...resource, ...(at && { at }), name };
    }),
  };
}

function refusal(losses: StackGuard['losses'], held: StackGuard['held']): RunEnd | undefined {
  const [first] = losses;
  if (first === undefined && held.length === 0) return undefined;
  const more = losses.length > 1 ? ` (and ${losses.length - 1} more)` : '';
  const reasons = [
    ...(first === undefined ? [] : [`Data would be lost: ${first}${more}.`]),
    ...(held.length === 0
      ? []
      : [`Deletion protection is on for ${held.map(({ name }) => name).join(', ')}.`]),
  ];
  const fixes = [
    ...(held.length === 0 ? [] : [`${turnOff(held)}, then destroy again.`]),
    ...(first === undefined
      ? []
      : ['List each resource in allow-delete by name or type, or set allow-delete: all.']),
  ];
  return blocked(`${reasons.join(' ')} Fix: ${fixes.join(' ')}`, losses);
}
