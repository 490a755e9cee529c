import { classify } from '../../aws/errors.ts';
import { errorInfo, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import {
  type Approval,
  NotApprovedError,
  requireApproval,
  requireOtherWriter,
} from '../../delivery/approval.ts';
import { type EnvironmentRun, findNewerRun, recordRun } from '../../delivery/environment-order.ts';
import { findHold, HeldError } from '../../delivery/hold.ts';
import { LockTakenError } from '../../delivery/lock.ts';
import type { OutdatedError } from '../../delivery/order-check.ts';
import { sourceOfRun } from '../../delivery/source.ts';
import {
  approvalsIn,
  type EnvironmentContext,
  type EnvironmentRequest,
  holdOf,
  requireAccounts,
  withEnvironmentLock,
} from './context.ts';
import { requireRepositories } from '../doctor/images.ts';
import { requireGrants } from '../doctor/prerequisites/grants.ts';
import { requirePrerequisites } from '../doctor/prerequisites/require.ts';
import { checkTargets, describeTargets, requireValidTargets } from '../doctor/targets/check.ts';
import { requireValues } from '../doctor/values.ts';
import { runImages, type RunImages } from './images.ts';
import { runParts, type Part } from './parts.ts';
import { DEPLOYING, overallVerdict, type RunEnd, type RunResult } from './result.ts';
import { releaseExisting } from '../service/existing.ts';
import { requireGivenImages, requireSignedImages } from '../service/given-images.ts';
import { buildsImages } from '../service/build-request.ts';
import { requireBuildFiles } from '../service/build-files.ts';
import { requireFirstImages } from '../service/upstream.ts';
import { deployService, readServices, type ServiceReads } from './services.ts';
import { deployingStacks, type StackWork } from './stacks.ts';
import { createdServices, neighboursOf, targetGraph, type TargetGraph } from './targets.ts';

/**
 * Deploys an environment: every stack as soon as the stacks that it reads from are done, images in parallel, and each
 * service as soon as its image and its stacks are ready.
 *
 * @throws InputError before anything changes.
 */
export async function deployEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
): Promise<RunResult> {
  const graph = targetGraph(request.manifest, request.choice, context.workspace);
  const images = runImages(request, graph);
  const stack = deployingStacks(request);
  return await changeEnvironment(context, request, 'deploy', (locked, newer) =>
    deployParts(locked, request, 'deploy', { graph, images, stack, ...(newer && { newer }) }),
  );
}

/**
 * Runs the work that changes an environment while holding its lock. If another run holds the lock, the verdict is
 * `blocked`. A run that is older than the recorded one is `outdated`, which is checked before and after it waits for
 * the lock.
 *
 * @param work receives the newer run that this run is allowed to replace.
 */
export async function changeEnvironment(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  command: 'deploy' | 'apply' | 'destroy',
  work: (locked: EnvironmentContext, newer?: OutdatedError) => Promise<RunEnd>,
): Promise<RunResult> {
  const startedMs = context.clock.now();
  const approvals = await approvalsOf(context, request, command);
  if (approvals instanceof NotApprovedError) {
    return runResult(context, request, startedMs, notApproved(command, approvals));
  }
  const end = await changeApproved({ ...context, approvals }, request, command, work);
  return { ...runResult(context, request, startedMs, end), ...(approvals.length > 0 && { approvals }) };
}

/** Who approved the change, or a NotApprovedError. */
async function approvalsOf(
  { commit }: EnvironmentContext,
  { approval }: EnvironmentRequest,
  command: 'deploy' | 'apply' | 'destroy',
): Promise<readonly Approval[] | NotApprovedError> {
  try {
    const approvals = await requireApproval(approval, 'deployment');
    if (command !== 'destroy') await requireOtherWriter(approval, approvals, [commit]);
    return approvals;
  } catch (error) {
    if (error instanceof NotApprovedError) return error;
    throw error;
  }
}

function notApproved(command: 'deploy' | 'apply' | 'destroy', error: NotApprovedError): RunEnd {
  const reason = `${sentence(error.message)} Nothing was changed. Fix: ${error.fix ?? ''}`;
  return { command, verdict: 'blocked', reason, losses: [], error: errorInfo(error) };
}

async function changeApproved(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  command: 'deploy' | 'apply' | 'destroy',
  work: (locked: EnvironmentContext, newer?: OutdatedError) => Promise<RunEnd>,
): Promise<RunEnd> {
  await requireAccounts(context, request.choice, request.manifest, 'change');
  const refused = command === 'destroy' ? undefined : await refuseRun(context, request, command);
  if (refused) return refused;
  return await withEnvironmentLock(context, request, async (locked) => {
    if (command === 'destroy') return await work(locked);
    const held = await heldBy(locked, request, command);
    if (held) return refusedEnd(request, command, held);
    const newer = await findNewerRun(locked.services, environmentRun(locked, request));
    if (newer && !request.order.allowOlder) return refusedEnd(request, command, newer);
    if (newer)
      locked.log.warning(`${sentence(newer.message)} This run replaces it because allow-older is true.`);
    return await work(locked, newer);
  }).catch((error: unknown): RunEnd => {
    if (!(error instanceof LockTakenError) || error.code === 'lock-lost') throw error;
    const reason = `Nothing was changed: ${error.message}.`;
    return { command, verdict: 'blocked', reason, losses: [], error: errorInfo(error) };
  });
}

/**
 * The result of a run that must not continue: it is older than the recorded one without permission, or the environment
 * is on hold. Undefined if it may continue.
 */
export async function refuseRun(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  command: 'deploy' | 'plan' | 'apply',
): Promise<RunEnd | undefined> {
  const held = await heldBy(context, request, command);
  if (held) return refusedEnd(request, command, held);
  const newer = await findNewerRun(context.services, environmentRun(context, request));
  return newer && !request.order.allowOlder ? refusedEnd(request, command, newer) : undefined;
}

/**
 * The hold of an environment whose services the run changes. With `promote-from`, `plan` and `deploy` only change
 * stacks, which keep the ledger's image, so the hold applies only to a service's first release and to `apply`, whose
 * plan may be older than the hold. If the role cannot read the hold, a warning is logged.
 */
async function heldBy(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  command: 'deploy' | 'plan' | 'apply',
): Promise<HeldError | undefined> {
  const { choice, bypassReason } = request;
  const services = choice.services.length + choice.existing.length;
  if (services === 0) return undefined;
  if (choice.environment.promoteFrom !== undefined && command !== 'apply') return undefined;
  const parameter = holdOf(request);
  try {
    const held = await findHold(await context.services.ssm(), parameter, context);
    if (!held || bypassReason === undefined) return held;
    context.log.warning(`${sentence(held.message)} It is bypassed for this run: ${bypassReason}`);
    return undefined;
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    context.log.warning(
      `Cannot check whether ${choice.environment.name} is on hold: ${sentence(reasonOf(error))} Fix: Allow ssm:GetParameter on ${parameter}.`,
    );
    return undefined;
  }
}

function refusedEnd(
  { choice }: EnvironmentRequest,
  command: 'deploy' | 'plan' | 'apply',
  error: OutdatedError | HeldError,
): RunEnd {
  const isHeld = error instanceof HeldError;
  const verdict = isHeld ? 'held' : 'outdated';
  // A hold's message has the environment's name.
  const place = isHeld ? '' : `${choice.environment.name}: `;
  const reason = `${place}${sentence(error.message)} Nothing was changed. Fix: ${error.fix ?? ''}`;
  return { command, verdict, reason, error: errorInfo(error) };
}

function environmentRun({ github, commit }: EnvironmentContext, request: EnvironmentRequest): EnvironmentRun {
  const { manifest, choice, order } = request;
  return {
    project: manifest.project,
    environment: choice.environment.name,
    services: [...choice.services, ...choice.existing].map(({ name }) => name),
    source: sourceOfRun(github, commit),
    order,
  };
}

/** The result of a command, with the environment. */
export function runResult(
  { clock }: EnvironmentContext,
  { choice: { environment } }: EnvironmentRequest,
  startedMs: number,
  end: RunEnd,
): RunResult {
  const { name, region } = environment;
  return { environment: name, region, durationMs: clock.now() - startedMs, ...end };
}

/** The inputs of a deployment. */
interface Deployment {
  graph: TargetGraph;
  images: RunImages;
  stack: StackWork;
  /** The newer run that this run is allowed to replace. */
  newer?: OutdatedError;
}

/** Changes all stacks and services of a run. */
export async function deployParts(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  command: 'deploy' | 'apply',
  deployment: Deployment,
): Promise<RunEnd> {
  const { environment } = request.choice;
  const { targets, graph } = deployment.graph;
  const existing = await describeTargets(context, targets);
  const neighbours = neighboursOf(request.manifest, environment, context.workspace);
  const { workspace } = context;
  const checks = await checkTargets(targets, existing, { environment, workspace, graph, neighbours });
  requireValidTargets(context, environment.name, checks);
  await requireGrants(context, request, existing, command);
  await requireValues(context, request, targets, existing, command);
  if (buildsImages(request)) requireBuildFiles(context, request.manifest, request.choice, 'push');
  await requireFirstImages(context, request, createdServices(targets, existing));
  await requireRepositories(context, request, { graph, neighbours }, command);
  await requirePrerequisites(context, { environment, targets, checks, existing });
  await requireGivenImages(context, request, checks);
  await requireSignedImages(context, request, 'change');
  const { github, commit } = context;
  await recordRun(context.services, environmentRun(context, request), {
    ...sourceOfRun(github, commit),
    run: github.runUrl,
    actor: github.actor,
    ...approvalsIn(context),
    ...(deployment.newer && { allowOlder: true }),
  });
  const parts = await runParts(context, partsOf(request, deployment, readServices(context, request)));
  return {
    command,
    ...overallVerdict(environment.name, parts, DEPLOYING),
    parts,
    images: deployment.images.digests(),
  };
}

/** Each part after its dependencies: an image after its repository, a service after its image. */
function partsOf(
  request: EnvironmentRequest,
  { graph: { targets, graph }, images, stack }: Deployment,
  reads: ServiceReads,
): Part[] {
  const own = targets.map((target): Part => {
    const { name, service } = target;
    const after = (graph.dependencies.get(name) ?? []).map(({ on }) => on);
    if (!service) {
      return { name, kind: 'stack', after, work: (context) => stack.change(context, target) };
    }
    const image = images.partOf(name);
    return {
      name,
      kind: 'service',
      after: image === undefined ? after : [...after, image],
      work: async (context) =>
        deployService(
          context,
          request,
          { target, service, stack, reads },
          await images.imageOf(context, name),
        ),
    };
  });
  const existing = request.choice.existing.map((target): Part => {
    const { name } = target;
    const image = images.partOf(name);
    return {
      name,
      kind: 'service',
      after: image === undefined ? [] : [image],
      work: async (context) => releaseExisting(context, request, target, await images.imageOf(context, name)),
    };
  });
  const [stacks, services] = (['stack', 'service'] as const).map((kind) =>
    own.filter((part) => part.kind === kind),
  );
  return [...(stacks ?? []), ...images.parts, ...(services ?? []), ...existing];
}
