import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { StackResult } from '../../cloudformation/commands/result.ts';
import { isShell, listStacks, type StackSnapshot } from '../../cloudformation/stack.ts';
import { checkTargets, requireValidTargets, type TargetCheck } from '../doctor/templates.ts';
import { resourcesPrice } from '../preview/price.ts';
import { type EnvironmentContext, type EnvironmentRequest, requireAccount } from './context.ts';
import { refuseRun, runResult } from './deploy.ts';
import { runParts, type Part } from './parts.ts';
import {
  changedStacks,
  creationFingerprint,
  planFingerprint,
  type EnvironmentPlan,
  type PlannedStack,
} from './plan-document.ts';
import {
  type Creation,
  overallVerdict,
  type PartEnd,
  type RunEnd,
  type RunPart,
  type RunResult,
} from './result.ts';
import { readRelease } from '../../delivery/ledger.ts';
import { describeCatchUpPart } from '../service/catch-up.ts';
import { ledgerOf } from '../service/first-release.ts';
import { releasedImages } from '../service/released.ts';
import { runStackCommand, stackEnd } from './stacks.ts';
import { targetGraph, type StackTarget, type TargetGraph } from './targets.ts';

/**
 * Plans an environment: a change set of every stack that can have one, as one document with one fingerprint. It
 * changes nothing but that change sets lie ready.
 */
export async function planEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
): Promise<RunResult> {
  const startedMs = context.clock.now();
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  await requireAccount(context, request.choice.environment, request.manifest);
  const refused = await refuseRun(context, request, 'plan');
  if (refused) return runResult(context, request, startedMs, refused);
  const there = await stacksThere(context);
  const { environment } = request.choice;
  const checks = await checkTargets(graph.targets, there, {
    environment,
    workspace: context.workspace,
    graph: graph.graph,
  });
  requireValidTargets(context, environment.name, checks);
  const planned = new Map<string, PlannedStack>();
  const parts = await runParts(context, partsOf(request, graph, { there, checks, planned }));
  const images = await releasedImages(context, request);
  const end = endOfPlan(request, parts, planned);
  return runResult(context, request, startedMs, { ...end, ...(images && { images }) });
}

/** The stacks that exist, by name. */
async function stacksThere(context: EnvironmentContext): Promise<Map<string, StackSnapshot>> {
  const stacks = await listStacks(await context.cloudFormation());
  return new Map(
    stacks.filter(({ status }) => !isShell(status)).map((stack) => [stack.stackName, stack] as const),
  );
}

/** What is known before change sets are created, and where their plans go. */
interface Planning {
  there: ReadonlyMap<string, StackSnapshot>;
  checks: readonly TargetCheck[];
  planned: Map<string, PlannedStack>;
}

/** All change sets are made side by side: none needs another one's. */
function partsOf(
  request: EnvironmentRequest,
  { targets, graph }: TargetGraph,
  { there, checks, planned }: Planning,
): Part[] {
  const isThere = (name: string): boolean =>
    targets.some((target) => target.name === name && there.has(target.inputs.stackName));
  return targets.map((target): Part => {
    const { name, service, inputs } = target;
    const missing = (graph.dependencies.get(name) ?? []).filter(({ on }) => !isThere(on));
    // A service that is not there has no image in the ledger yet, which its change set would read.
    const later = !there.has(inputs.stackName) && (service !== undefined || missing.length > 0);
    return {
      name,
      kind: service ? 'service' : 'stack',
      after: [],
      work: (context) =>
        later
          ? Promise.resolve(
              planCreation(context, target, planned, {
                waitsFor: missing,
                check: checks.find(({ stack }) => stack === name),
              }),
            )
          : planChangeSet(context, request, target, planned),
    };
  });
}

async function planChangeSet(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  planned: Map<string, PlannedStack>,
): Promise<PartEnd> {
  const result = await runStackCommand(context, request, target, { command: 'plan' });
  if (result.verdict === 'unchanged') planned.set(target.name, { kind: 'unchanged' });
  if (result.verdict === 'planned') {
    const { changeSetName: plan, fingerprint } = result.plan;
    planned.set(target.name, { kind: 'change-set', plan, fingerprint });
  }
  return { ...stackEnd(result), reason: await reasonOfPlan(context, request, target, result) };
}

/** Tells what of a plan only catches up with the last release of its service. */
async function reasonOfPlan(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { service }: StackTarget,
  result: StackResult,
): Promise<string> {
  const { reason } = result;
  if (!service || result.verdict !== 'planned') return reason;
  const known = await readRelease(context.services, ledgerOf(request, service));
  const part = known && describeCatchUpPart(result.plan, known.image);
  return part === undefined ? reason : `${reason} ${part}`;
}

function planCreation(
  { workspace }: EnvironmentContext,
  target: StackTarget,
  planned: Map<string, PlannedStack>,
  { waitsFor, check }: { waitsFor: Creation['waitsFor']; check: TargetCheck | undefined },
): PartEnd {
  const template = readFileSync(resolve(workspace, target.inputs.template), 'utf8');
  planned.set(target.name, { kind: 'creation', fingerprint: creationFingerprint(target, template) });
  const { resources = [], exact = false } = check ?? {};
  const names = waitsFor.map(({ on }) => on).join(', ');
  const when = waitsFor.length > 0 ? `after ${names}` : 'with its first image';
  const count = `${exact ? '' : 'about '}${resources.length} ${resources.length === 1 ? 'resource' : 'resources'}`;
  const creation = {
    stackName: target.inputs.stackName,
    waitsFor,
    types: countTypes(resources),
    exact,
    price: resourcesPrice(resources, target.inputs.parameters),
  };
  return {
    verdict: 'to create',
    ok: true,
    reason: `Will be created ${when}. Adds ${count}.`,
    work: { kind: 'creation', creation },
  };
}

/** How many resources of each type there are, the most frequent first. */
function countTypes(resources: TargetCheck['resources']): Creation['types'] {
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts]
    .map(([type, count]) => ({ type, count }))
    .sort((a, b) => b.count - a.count || a.type.localeCompare(b.type));
}

function endOfPlan(
  request: EnvironmentRequest,
  parts: readonly RunPart[],
  planned: ReadonlyMap<string, PlannedStack>,
): Extract<RunEnd, { command: 'plan' }> {
  const { name: environment } = request.choice.environment;
  const plan: EnvironmentPlan = { environment, stacks: Object.fromEntries(planned) };
  const overall = overallVerdict(environment, parts, { verdict: 'planned', what: 'has a plan' });
  const changes = changedStacks(plan);
  const reason =
    overall.verdict === 'planned'
      ? `The plan for ${environment} lies ready: ${changes.length} of ${parts.length} stacks change.`
      : overall.reason;
  return {
    command: 'plan',
    ...overall,
    reason,
    parts,
    plan,
    fingerprint: planFingerprint(plan),
    complete: parts.every(({ ok }) => ok),
  };
}
