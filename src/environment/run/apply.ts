import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { comparePlans, readPlan } from '../../cloudformation/change-set/plan.ts';
import { describeStack, isShell } from '../../cloudformation/stack.ts';
import type { Outcome } from '../../core/outcome.ts';
import { type EnvironmentContext, type EnvironmentRequest, requireAccount } from './context.ts';
import { changeAll, tell } from './deploy.ts';
import type { Ending } from './result.ts';
import { runImages } from './images.ts';
import { alone } from './lock.ts';
import { creationFingerprint, type EnvironmentPlan, type PlannedStack } from './plan-document.ts';
import { onStack, stackOutcome } from './stacks.ts';
import { targetGraph, type StackTarget, type TargetGraph } from './targets.ts';

/**
 * Executes exactly the plan that was approved. Before anything is changed, every stack's plan must still do what
 * it did; else nothing is executed, and the difference is told.
 */
export async function applyEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  plan: EnvironmentPlan,
): Promise<Outcome> {
  const startedMs = context.clock.now();
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  const images = runImages(request, graph);
  await requireAccount(context, request.choice.environment, request.manifest);
  const ending = await alone(context, request, async (locked) => {
    const renewed = new Map<string, string>();
    const difference = await differences(locked, request, graph, plan, renewed);
    if (difference.length > 0) return changed(request, difference);
    return await changeAll(locked, request, graph, images, (own, target) =>
      carryOut(own, request, target, plan.stacks[target.name], renewed),
    );
  });
  return tell(context, request, 'apply', startedMs, ending);
}

function changed({ choice }: EnvironmentRequest, difference: readonly string[]): Ending {
  const more = difference.length > 1 ? ` (and ${difference.length - 1} more)` : '';
  return {
    verdict: 'plan-changed',
    reason: `Nothing was changed: the plan for ${choice.environment.name} would no longer do what was approved. ${difference[0] ?? ''}${more} Re-run all jobs to approve the new one.`,
    parts: [],
    notes: difference,
    outputs: {},
    result: { difference },
  };
}

/** What differs from the approved plan, a sentence each. */
async function differences(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { targets }: TargetGraph,
  { environment, stacks }: EnvironmentPlan,
  renewed: Map<string, string>,
): Promise<string[]> {
  const { name } = request.choice.environment;
  if (environment !== name) return [`The plan is for ${environment}, not for ${name}.`];
  const gone = Object.keys(stacks).filter((stack) => !targets.some((target) => target.name === stack));
  const found = await Promise.all(
    targets.map(async (target) => {
      const planned = stacks[target.name];
      if (!planned) return [`${target.name}: it is not in the plan.`];
      return (await stackDifferences(context, request, target, planned, renewed)).map(
        (text) => `${target.name}: ${text}`,
      );
    }),
  );
  return [
    ...gone.map((stack) => `${stack}: it is in the plan, and not among the stacks any more.`),
    ...found.flat(),
  ];
}

async function stackDifferences(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  planned: PlannedStack,
  renewed: Map<string, string>,
): Promise<string[]> {
  switch (planned.kind) {
    case 'unchanged':
      return [];
    case 'creation': {
      const template = readFileSync(resolve(context.workspace, target.inputs.template), 'utf8');
      if (creationFingerprint(target, template) === planned.fingerprint) return [];
      return ['its template, parameters or tags are not those of the plan.'];
    }
    case 'change-set':
      return await changeSetDifferences(context, request, target, planned, renewed);
  }
}

/** A change set that is gone is made again, and must then do the same. One that was executed is a rerun's. */
async function changeSetDifferences(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  planned: Extract<PlannedStack, { kind: 'change-set' }>,
  renewed: Map<string, string>,
): Promise<string[]> {
  const { stackName } = target.inputs;
  const found = await readPlan(await context.cloudFormation(), stackName, planned.plan);
  if ('executed' in found) return [];
  if (!('gone' in found))
    return found.fingerprint === planned.fingerprint ? [] : ['its change set does something else.'];
  const again = await onStack(context, request, target, { command: 'plan' });
  const { plan } = again;
  if (plan?.fingerprint === planned.fingerprint) {
    renewed.set(target.name, plan.hasChanges ? plan.changeSetName : '');
    return [];
  }
  if (again.verdict === 'unchanged')
    return [`its change set is gone (${found.gone}), and there is nothing left to change.`];
  const details = found.plan && plan?.hasChanges ? comparePlans(found.plan, plan) : [];
  return [`its change set is gone (${found.gone}), and made again it does something else.`, ...details];
}

async function carryOut(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  planned: PlannedStack | undefined,
  renewed: ReadonlyMap<string, string>,
): Promise<Outcome> {
  if (planned?.kind === 'change-set') {
    const { fingerprint } = planned;
    const plan = renewed.get(target.name) ?? planned.plan;
    return await stackOutcome(context, request, target, { command: 'apply', plan, fingerprint });
  }
  if (planned?.kind === 'creation') return await create(context, request, target);
  const reason = `Nothing to change in stack ${target.inputs.stackName}, as planned.`;
  return { verdict: 'unchanged', ok: true, reason, outputs: {}, result: {} };
}

/** A stack that was to be made, and is there, was made by an earlier attempt of the run, or by somebody else. */
async function create(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
): Promise<Outcome> {
  const { stackName } = target.inputs;
  const found = await describeStack(await context.cloudFormation(), stackName);
  if (!found || isShell(found.status)) return await stackOutcome(context, request, target);
  const plan = await stackOutcome(context, request, target, { command: 'plan' });
  if (plan.verdict === 'unchanged') return plan;
  const reason = `Stack ${stackName} was to be made, is there already (${found.status}), and is something else. Re-run all jobs to approve what would change.`;
  return { verdict: 'plan-changed', ok: false, reason, outputs: {}, result: {} };
}
