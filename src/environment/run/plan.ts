import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { StackResult } from '../../cloudformation/commands/result.ts';
import type { ReadAhead } from '../../aws/reads.ts';
import { abandonChangeSet } from '../../cloudformation/change-set/abandon.ts';
import { deletionFindings } from '../../cloudformation/commands/delete.ts';
import { findStack } from '../../cloudformation/listing.ts';
import { describeStack, isFailedCreation, isShell, type StackSnapshot } from '../../cloudformation/stack.ts';
import { errorInfo } from '../../core/errors.ts';
import { capitalize, listOf, outOf, plural } from '../../core/text.ts';
import { requireRepositories } from '../doctor/images.ts';
import { requireGrants } from '../doctor/prerequisites/grants.ts';
import { requirePrerequisites, warnOfQuotas } from '../doctor/prerequisites/require.ts';
import { checkTargets, requireValidTargets, type TargetCheck } from '../doctor/targets/check.ts';
import { countNeeds, type Needs, STACK, totalNeeds } from '../doctor/targets/needs.ts';
import { requireValues } from '../doctor/values.ts';
import { type EnvironmentContext, type EnvironmentRequest, requireAccounts } from './context.ts';
import { refuseRun, runResult } from './deploy.ts';
import { runParts, type Part } from './parts.ts';
import {
  changedParts,
  creationFingerprint,
  planFingerprint,
  type EnvironmentPlan,
  type PlannedService,
  type PlannedStack,
} from './plan-document.ts';
import {
  type Creation,
  overallVerdict,
  PLANNING,
  type PartEnd,
  type RunEnd,
  type RunPart,
  type RunResult,
} from './result.ts';
import { awaitsApproval, approvalInstructions } from '../../delivery/approval.ts';
import type { Release } from '../../delivery/ledger.ts';
import { describeCatchUpPart } from '../service/catch-up.ts';
import { planExisting } from '../service/existing-plan.ts';
import { requireSignedImages } from '../service/given-images.ts';
import { pendingReleases } from '../service/released.ts';
import { buildsImages } from '../service/build-request.ts';
import { requireBuildFiles } from '../service/build-files.ts';
import { planFirstImages } from '../service/upstream.ts';
import { readServices } from './services.ts';
import { allowedFor, runStackCommand, stackEnd } from './stacks.ts';
import {
  createdServices,
  environmentSources,
  firstOfSources,
  neighboursOf,
  targetGraph,
  type StackTarget,
  type TargetGraph,
} from './targets.ts';

/**
 * Plans an environment: a change set for every stack that can have one, as one document with one fingerprint. Apart
 * from creating the change sets, it changes nothing.
 */
export async function planEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
): Promise<RunResult> {
  const startedMs = context.clock.now();
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  const unaffected = await planUnaffected(context, request);
  if (unaffected !== undefined) return runResult(context, request, startedMs, unaffected);
  await requireAccounts(context, request.choice, request.manifest, 'read');
  const refused = await refuseRun(context, request, 'plan');
  if (refused && !isProposal(context)) return runResult(context, request, startedMs, refused);
  if (refused) context.log.warning(refused.reason);
  const { existing, failed } = await findStacks(context, graph.targets);
  const { environment } = request.choice;
  const neighbours = neighboursOf(request.manifest, environment, context.workspace);
  const place = { environment, workspace: context.workspace, graph: graph.graph, neighbours };
  const checks = await checkTargets(graph.targets, existing, place);
  requireValidTargets(context, environment.name, checks);
  await requireGrants(context, request, existing, 'plan');
  await requireValues(context, request, graph.targets, existing, 'plan');
  if (buildsImages(request)) requireBuildFiles(context, request.manifest, request.choice, 'check');
  await planFirstImages(context, request, createdServices(graph.targets, existing));
  await requireRepositories(context, request, place, 'plan');
  await requirePrerequisites(context, { environment, targets: graph.targets, checks, existing });
  await requireSignedImages(context, request, 'read');
  const planned = new Map<string, PlannedStack>();
  const known = readServices(context, request).releases;
  const services = new Map<string, PlannedService>();
  const parts = await discardPlansOnCancel(context, graph.targets, planned, () =>
    runParts(context, [
      ...partsOf(request, graph, { existing, failed, checks, planned, known }),
      ...existingParts(request, services),
    ]),
  );
  const releases = context.signal.aborted ? undefined : await pendingReleases(context, request, known);
  if (!context.signal.aborted) await warnOfQuotas(context, plannedNeeds(parts, checks));
  const document = {
    stacks: Object.fromEntries(planned),
    ...(services.size > 0 && { services: Object.fromEntries(services) }),
  };
  const end = endOfPlan(request, parts, document, releases?.pending ?? []);
  const { approval } = request;
  return {
    ...runResult(context, request, startedMs, { ...end, ...releases }),
    ...(awaitsApproval(approval) && { awaitsApproval: approvalInstructions(approval) }),
  };
}

/** Plans. If the run is cancelled, the change sets created so far are deleted, because nothing will execute them. */
async function discardPlansOnCancel(
  context: EnvironmentContext,
  targets: readonly StackTarget[],
  planned: ReadonlyMap<string, PlannedStack>,
  plan: () => Promise<RunPart[]>,
): Promise<RunPart[]> {
  const { signal } = context;
  const deleted = new Map<string, Promise<string>>();
  const onAbort = (): void => {
    for (const { name, inputs } of targets) {
      const one = planned.get(name);
      if (one?.kind !== 'change-set') continue;
      const { stackName } = inputs;
      const changeSet = { stackName, changeSetName: one.plan, stackId: stackName, isShellOurs: false };
      deleted.set(
        name,
        context.cloudFormation().then((cloudFormation) => abandonChangeSet(cloudFormation, changeSet)),
      );
    }
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const parts = await plan();
    const { message } = errorInfo(signal.reason);
    return await Promise.all(
      parts.map(async (part): Promise<RunPart> => {
        const text = await deleted.get(part.name);
        if (text === undefined) return part;
        return { ...part, verdict: 'cancelled', ok: false, reason: `${capitalize(message)}. ${text}` };
      }),
    );
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The result of a plan if no file that defines the environment differs, which needs no call to AWS; undefined if one
 * differs or if that is unknown.
 */
async function planUnaffected(
  { workspace, log }: EnvironmentContext,
  { manifest, choice, since }: EnvironmentRequest,
): Promise<RunEnd | undefined> {
  const changed = await since?.changed();
  const sources = environmentSources(manifest, choice, workspace);
  if (!since || !changed || !sources) return undefined;
  const first = firstOfSources(changed, sources);
  const { name: environment } = choice.environment;
  const commit = since.commit.slice(0, 7);
  if (first !== undefined) {
    log.info(`Planning ${environment}: ${first} differs from ${commit}.`);
    return undefined;
  }
  const plan: EnvironmentPlan = { environment, stacks: {} };
  const files = `${plural(changed.length, 'file')} changed`;
  const reason = `Nothing was planned because no file that ${environment} uses differs from ${commit} (${files}).`;
  const fingerprint = planFingerprint(plan);
  return { command: 'plan', verdict: 'unchanged', reason, parts: [], plan, fingerprint, complete: true };
}

/**
 * Whether the plan is for a proposed change, in a pull request or a merge queue. It is never applied there, so a hold
 * must not prevent the fix from being merged.
 */
function isProposal({ github }: EnvironmentContext): boolean {
  return github.event.startsWith('pull_request') || github.event === 'merge_group';
}

/** The existing stacks, and separately those whose creation failed, each by name. */
async function findStacks(
  context: EnvironmentContext,
  targets: readonly StackTarget[],
): Promise<Pick<Planning, 'existing' | 'failed'>> {
  const cloudFormation = await context.cloudFormation();
  context.listing.expect(targets.map(({ inputs }) => inputs.stackName));
  const found = await Promise.all(targets.map(({ inputs }) => findStack(cloudFormation, inputs.stackName)));
  const stacks = found.flatMap((stack) => (stack && !isShell(stack.status) ? stack : []));
  const byName = (wanted: (status: string) => boolean): Map<string, StackSnapshot> =>
    new Map(stacks.filter(({ status }) => wanted(status)).map((stack) => [stack.stackName, stack]));
  return { existing: byName((status) => !isFailedCreation(status)), failed: byName(isFailedCreation) };
}

/** The state before change sets are created, and the collected plans. */
interface Planning {
  /** The existing stacks, without those of failed creations. */
  existing: ReadonlyMap<string, StackSnapshot>;
  /** The stacks whose creation failed. */
  failed: ReadonlyMap<string, StackSnapshot>;
  checks: readonly TargetCheck[];
  planned: Map<string, PlannedStack>;
  /** The ledger's releases of the services. */
  known: ReadAhead<Release | undefined>;
}

/** All change sets are created in parallel, because none depends on another. */
function partsOf(
  request: EnvironmentRequest,
  { targets, graph }: TargetGraph,
  { existing, failed, checks, planned, known }: Planning,
): Part[] {
  const exists = (name: string): boolean =>
    targets.some((target) => target.name === name && existing.has(target.inputs.stackName));
  return targets.map((target): Part => {
    const { name, service, inputs } = target;
    const missing = (graph.dependencies.get(name) ?? []).filter(({ on }) => !exists(on));
    const failedStack = failed.get(inputs.stackName);
    // A service that does not exist yet has no image in the ledger, which its change set would read.
    const waits = !existing.has(inputs.stackName) && (service !== undefined || missing.length > 0);
    const check = checks.find(({ stack }) => stack === name);
    return {
      name,
      kind: service ? 'service' : 'stack',
      after: [],
      work: async (context) => {
        const creation = { planned, waitsFor: missing, check };
        if (waits || failedStack)
          return planCreation(context, request, target, { ...creation, failed: failedStack });
        const end = await planChangeSet(context, request, target, { planned, known });
        // The creation may have been in progress when the plan started, and have failed since.
        const failedSince = end.verdict === 'blocked' ? await failedCreation(context, target) : undefined;
        if (!failedSince) return end;
        return planCreation(context, request, target, { ...creation, failed: failedSince });
      },
    };
  });
}

function existingParts(request: EnvironmentRequest, plans: Map<string, PlannedService>): Part[] {
  return request.choice.existing.map((target) => ({
    name: target.name,
    kind: 'service',
    after: [],
    work: async (context) => {
      const { planned, end } = await planExisting(context, request, target);
      plans.set(target.name, planned);
      return end;
    },
  }));
}

async function planChangeSet(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  { planned, known }: Pick<Planning, 'planned' | 'known'>,
): Promise<PartEnd> {
  const result = await runStackCommand(context, request, target, { command: 'plan' });
  if (result.verdict === 'unchanged') planned.set(target.name, { kind: 'unchanged' });
  if (result.verdict === 'planned') {
    const { changeSetName: plan, fingerprint } = result.plan;
    planned.set(target.name, { kind: 'change-set', plan, fingerprint });
  }
  return { ...stackEnd(result), reason: await reasonOfPlan(known, target, result) };
}

/** The reason of a plan, with the part of it that only catches up with the last release of its service. */
async function reasonOfPlan(
  releases: Planning['known'],
  { service }: StackTarget,
  result: StackResult,
): Promise<string> {
  const { reason } = result;
  if (!service || result.verdict !== 'planned') return reason;
  const known = await releases.get(service.name);
  const part = known && describeCatchUpPart(result.plan, known.image);
  return part === undefined ? reason : `${reason} ${part}`;
}

/** The stack of a target if its creation failed. */
async function failedCreation(
  context: EnvironmentContext,
  { inputs }: StackTarget,
): Promise<StackSnapshot | undefined> {
  const stack = await describeStack(await context.cloudFormation(), inputs.stackName);
  return stack && isFailedCreation(stack.status) ? stack : undefined;
}

interface PlannedCreation extends Pick<Planning, 'planned'> {
  waitsFor: Creation['waitsFor'];
  check: TargetCheck | undefined;
  /** The stack of a failed creation, which is deleted first. */
  failed: StackSnapshot | undefined;
}

async function planCreation(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  { planned, waitsFor, check, failed }: PlannedCreation,
): Promise<PartEnd> {
  const template = readFileSync(resolve(context.workspace, target.inputs.template), 'utf8');
  planned.set(target.name, { kind: 'creation', fingerprint: creationFingerprint(target, template) });
  const { types = [], price, exact = false } = check ?? {};
  const resources = types.reduce((sum, { count }) => sum + count, 0);
  const names = waitsFor.map(({ on }) => on).join(', ');
  const when = waitsFor.length > 0 ? ` after ${names}` : target.service ? ' with its first image' : '';
  const count = `${exact ? '' : 'about '}${plural(resources, 'resource')}`;
  const creation = {
    stackName: target.inputs.stackName,
    waitsFor,
    types,
    exact,
    price,
  };
  const work = { kind: 'creation', creation } as const;
  if (!failed)
    return { verdict: 'to create', ok: true, reason: `Will be created${when}. Adds ${count}.`, work };
  const reason = `Its creation failed (${failed.status}). Will be deleted and created again${when}. Adds ${count}.`;
  const losses = await lossesOf(context, request, target, failed);
  return { verdict: 'to recreate', ok: true, reason: `${reason}${losses}`, work };
}

/** A sentence about the data that would be lost by deleting the stack of a failed creation, or empty. */
async function lossesOf(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { name }: StackTarget,
  { stackId }: StackSnapshot,
): Promise<string> {
  const allowed = allowedFor(name, request.allowDelete);
  const [first] = await deletionFindings(await context.cloudFormation(), stackId, allowed);
  return first ? ` This will be blocked unless it is allowed: ${first.message}.` : '';
}

/** The quota-limited resources that a plan creates. A stack with a change set exists, so only its resources count. */
function plannedNeeds(parts: readonly RunPart[], checks: readonly TargetCheck[]): Needs {
  return totalNeeds(
    parts.flatMap((part): Needs[] => {
      const work = 'work' in part ? part.work : undefined;
      if (work?.kind === 'creation')
        return [{ [STACK]: 1 }, checks.find(({ stack }) => stack === part.name)?.needs ?? {}];
      const plan = work?.kind === 'stack' && work.result.verdict === 'planned' ? work.result.plan : undefined;
      const added = plan?.changes.filter(({ action }) => action === 'add') ?? [];
      return [countNeeds(added.map(({ type }) => type))];
    }),
  );
}

function endOfPlan(
  request: EnvironmentRequest,
  parts: readonly RunPart[],
  planned: Pick<EnvironmentPlan, 'stacks' | 'services'>,
  pending: readonly string[],
): Extract<RunEnd, { command: 'plan' }> {
  const { name: environment } = request.choice.environment;
  const plan: EnvironmentPlan = { environment, ...planned };
  const overall = overallVerdict(environment, parts, PLANNING);
  const isReady = overall.verdict === 'planned' || (overall.verdict === 'unchanged' && pending.length > 0);
  const counted = `${outOf(changedParts(plan).length, parts.length, ...partsNoun(plan))} will change`;
  const released = pending.length > 0 ? `; ${listOf(pending)} will be released` : '';
  return {
    command: 'plan',
    ...overall,
    ...(isReady && {
      verdict: 'planned',
      reason: `Plan for ${environment} ready: ${counted}${released}.`,
    }),
    parts,
    plan,
    fingerprint: planFingerprint(plan),
    complete: parts.every(({ ok }) => ok),
  };
}

/** The noun for one part, and for several. */
function partsNoun({ stacks, services }: EnvironmentPlan): [string, string] {
  if (!services) return ['stack', 'stacks'];
  return Object.keys(stacks).length === 0
    ? ['service', 'services']
    : ['stack or service', 'stacks and services'];
}
