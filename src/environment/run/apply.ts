import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Plan } from '../../cloudformation/change-set/changes.ts';
import { comparePlans } from '../../cloudformation/change-set/fingerprint.ts';
import { storedDifferences } from '../../cloudformation/change-set/stored-values.ts';
import { readPlan } from '../../cloudformation/change-set/plan.ts';
import { discardPlan } from '../../cloudformation/change-set/remove.ts';
import { findStack } from '../../cloudformation/listing.ts';
import { isFailedCreation, isShell } from '../../cloudformation/stack.ts';
import type { EnvironmentContext, EnvironmentRequest } from './context.ts';
import { changeEnvironment, deployParts } from './deploy.ts';
import { runImages } from './images.ts';
import {
  creationFingerprint,
  type EnvironmentPlan,
  planFingerprint,
  type PlannedStack,
} from './plan-document.ts';
import type { RunEnd, RunResult, StackEnd } from './result.ts';
import { existingDifference } from '../service/existing-plan.ts';
import { changesOnlyImages, isSameButImages } from '../service/stack-release.ts';
import { runStackCommand, stackEnd } from './stacks.ts';
import { targetGraph, type StackTarget, type TargetGraph } from './targets.ts';

/**
 * Executes exactly the approved plan. Before anything changes, every stack's plan is compared with the approved one;
 * if one differs, nothing is executed, and the result has the differences.
 */
export async function applyEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  plan: EnvironmentPlan,
): Promise<RunResult> {
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  const images = runImages(request, graph);
  return await changeEnvironment(context, request, 'apply', async (locked, newer) => {
    const plans: ReadPlans = new Map();
    locked.listing.expect(graph.targets.map(({ inputs }) => inputs.stackName));
    const difference = await differences(locked, request, graph, plan, plans);
    if (difference.length > 0) return planChanged(request, difference);
    const end = await deployParts(locked, request, 'apply', {
      graph,
      images,
      ...(newer && { newer }),
      stack: {
        change: (own, target) => executeStackPlan(own, request, target, plan.stacks[target.name], plans),
        plan: (_own, target) => Promise.resolve(plans.get(target.name)),
        // Approved plans are kept for a re-run of the job.
        discard: () => Promise.resolve(),
      },
    });
    return 'parts' in end && end.command === 'apply' ? { ...end, fingerprint: planFingerprint(plan) } : end;
  });
}

/**
 * The approved plans by stack name, read before the first change. Plans that were already executed, or have nothing to
 * change, are undefined.
 */
type ReadPlans = Map<string, Plan | undefined>;

function planChanged({ choice }: EnvironmentRequest, difference: readonly string[]): RunEnd {
  const more = difference.length > 1 ? ` (and ${difference.length - 1} more)` : '';
  const reason = `Nothing was changed because the plan for ${choice.environment.name} no longer matches the approved one. ${difference[0] ?? ''}${more} Re-run all jobs to approve the new plan.`;
  return { command: 'apply', verdict: 'plan-changed', reason, difference };
}

/** The differences from the approved plan, one sentence each. */
async function differences(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { targets }: TargetGraph,
  { environment, stacks, services = {} }: EnvironmentPlan,
  plans: ReadPlans,
): Promise<string[]> {
  const { existing } = request.choice;
  const { name } = request.choice.environment;
  if (environment !== name) return [`The plan is for ${environment}, not for ${name}.`];
  const gone = Object.keys(stacks).filter((stack) => !targets.some((target) => target.name === stack));
  const found = await Promise.all(
    targets.map(async (target) => {
      const planned = stacks[target.name];
      if (!planned) return [`${target.name}: it is not in the plan.`];
      return (await stackDifferences(context, request, target, planned, plans)).map(
        (text) => `${target.name}: ${text}`,
      );
    }),
  );
  const goneServices = Object.keys(services).filter(
    (service) => !existing.some((target) => target.name === service),
  );
  const ofServices = await Promise.all(
    existing.map(async (target) => {
      const text = await existingDifference(context, request, target, services[target.name]);
      return text === undefined ? [] : [`${target.name}: ${text}`];
    }),
  );
  return [
    ...gone.map((stack) => `${stack}: it is in the plan but no longer one of the stacks.`),
    ...goneServices.map((service) => `${service}: it is in the plan but no longer one of the services.`),
    ...found.flat(),
    ...ofServices.flat(),
  ];
}

async function stackDifferences(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  planned: PlannedStack,
  plans: ReadPlans,
): Promise<string[]> {
  switch (planned.kind) {
    case 'unchanged':
      return [];
    case 'creation': {
      const template = readFileSync(resolve(context.workspace, target.inputs.template), 'utf8');
      if (creationFingerprint(target, template) === planned.fingerprint) return [];
      return ['its template, parameters or tags differ from the plan.'];
    }
    case 'change-set':
      return await changeSetDifferences(context, request, target, planned, plans);
  }
}

/** An unavailable change set is recreated and must have the same changes. An executed one belongs to a re-run. */
async function changeSetDifferences(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  planned: Extract<PlannedStack, { kind: 'change-set' }>,
  plans: ReadPlans,
): Promise<string[]> {
  const { stackName } = target.inputs;
  const cloudFormation = await context.cloudFormation();
  const found = await readPlan(cloudFormation, stackName, planned.plan);
  if ('executed' in found) return [];
  if (!('unavailable' in found)) {
    if (found.fingerprint !== planned.fingerprint) return ['its change set has different changes.'];
    plans.set(target.name, found);
    return await storedDifferences(cloudFormation, found, {}, (_, names) =>
      context.listing.readParameters(cloudFormation, names),
    );
  }
  const again = await runStackCommand(context, request, target, { command: 'plan' });
  const { plan } = again;
  if (plan?.fingerprint === planned.fingerprint) {
    plans.set(target.name, plan.hasChanges ? plan : undefined);
    return [];
  }
  if (again.verdict === 'unchanged')
    return [`its change set is unavailable (${found.unavailable}), and there is nothing left to change.`];
  const details = found.plan && plan?.hasChanges ? comparePlans(found.plan, plan) : [];
  return [
    `its change set is unavailable (${found.unavailable}), and a new one has different changes.`,
    ...details,
  ];
}

async function executeStackPlan(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  planned: PlannedStack | undefined,
  plans: ReadPlans,
): Promise<StackEnd> {
  if (target.imageOf !== undefined && planned?.kind !== 'creation')
    return await executeWithImage(context, request, target, plans);
  if (planned?.kind === 'change-set') {
    const { fingerprint } = planned;
    const known = plans.get(target.name);
    const inputs = { command: 'apply', plan: known?.changeSetName ?? planned.plan, fingerprint } as const;
    return stackEnd(await runStackCommand(context, request, target, inputs, known));
  }
  if (planned?.kind === 'creation') return await createStack(context, request, target);
  const reason = `Nothing to change in stack ${target.inputs.stackName}, as planned.`;
  return { verdict: 'unchanged', ok: true, reason };
}

/**
 * Executes the plan of a stack that runs a service's image, with the ledger's current image, because this run may have
 * released another one since the plan. The new plan must be the same except for that image.
 */
async function executeWithImage(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  plans: ReadPlans,
): Promise<StackEnd> {
  const approved = plans.get(target.name);
  const again = await runStackCommand(context, request, target, { command: 'plan' });
  if (again.verdict !== 'planned') return stackEnd(again);
  const { plan } = again;
  const isSame = approved ? isSameButImages(approved, plan) : changesOnlyImages(plan);
  if (isSame) {
    const { changeSetName, fingerprint } = plan;
    return stackEnd(
      await runStackCommand(
        context,
        request,
        target,
        { command: 'apply', plan: changeSetName, fingerprint },
        plan,
      ),
    );
  }
  await discardPlan(await context.cloudFormation(), plan);
  const reason = `Stack ${target.inputs.stackName} was not changed because its plan with the image of ${target.imageOf ?? ''} has more changes than the approved one. Re-run all jobs to approve the new plan.`;
  return { verdict: 'plan-changed', ok: false, reason };
}

/**
 * A stack that was to be created but already exists was created by an earlier attempt of the run, or by someone else.
 * The remains of a failed creation are deleted, unless they contain data, and the stack is created again.
 */
async function createStack(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
): Promise<StackEnd> {
  const { stackName } = target.inputs;
  const found = await findStack(await context.cloudFormation(), stackName);
  if (!found || isShell(found.status) || isFailedCreation(found.status))
    return stackEnd(await runStackCommand(context, request, target));
  const planned = await runStackCommand(context, request, target, { command: 'plan' });
  if (planned.verdict === 'unchanged') return stackEnd(planned);
  const reason = `Stack ${stackName} was to be created, but it already exists (${found.status}) and differs from the plan. Re-run all jobs to approve the changes.`;
  return { verdict: 'plan-changed', ok: false, reason };
}
