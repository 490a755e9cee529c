import { findStack } from '../../cloudformation/listing.ts';
import { isFailedCreation, isShell } from '../../cloudformation/stack.ts';
import { ReadAhead } from '../../aws/reads.ts';
import { errorInfo } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { findHold } from '../../delivery/hold.ts';
import { type NewRelease, readRelease, type Release } from '../../delivery/ledger.ts';
import { sourceOf } from '../../delivery/source.ts';
import { runStackPreDeploy } from '../../delivery/release/pre-deploy.ts';
import { releaseService } from '../../delivery/release/release-service.ts';
import type { ServiceRequest } from '../../delivery/release/request.ts';
import type { ServiceResult } from '../../delivery/release/result.ts';
import { describeService } from '../../ecs/service.ts';
import { readRunningRevision, type RunningRevision } from '../../ecs/running-revision.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import type { Service } from '../manifest/manifest.ts';
import { requireSignedImage } from '../../images/signature/verify.ts';
import { signerOf } from '../manifest/places.ts';
import { firstRelease, ledgerOf } from '../service/first-release.ts';
import { serviceRequest } from '../service/request.ts';
import { releaseByStack, rollsOut } from '../service/stack-release.ts';
import type { StackWork } from './stacks.ts';
import { clusterName, type StackTarget } from './targets.ts';
import { type EnvironmentContext, type EnvironmentRequest, holdOf, releaseHold } from './context.ts';
import type { PartEnd, StackEnd } from './result.ts';

/**
 * Deploys a service: its stack from the workspace, and its image. If the service does not exist yet, the image is its
 * first release, and the stack starts it. Otherwise the stack is updated with the running image, and a new image is
 * then rolled out and followed as in update-service.
 *
 * @param image full reference, `repository@digest`; undefined keeps the running image.
 */
export async function deployService(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { target, service, stack, reads }: ServiceWork,
  image: string | undefined,
): Promise<PartEnd> {
  const { name: environment, promoteFrom } = request.choice.environment;
  const found = await findStack(await context.cloudFormation(), target.inputs.stackName);
  if (!found || isShell(found.status) || isFailedCreation(found.status)) {
    const held = await findHold(await context.services.ssm(), holdOf(request), context);
    if (held && request.bypassReason === undefined)
      return {
        verdict: 'held',
        ok: false,
        reason: `${sentence(held.message)} ${service.name} was not created. Fix: ${held.fix ?? ''}`,
        error: errorInfo(held),
      };
    const first = await firstRelease(context, request, service, image);
    const created = await stack.change(context, target);
    if (!created.ok) return created;
    return await finishFirstRelease(context, request, service, first, created);
  }
  const known = await reads.releases.get(service.name);
  if (promoteFrom === undefined && image !== undefined && image !== known?.image)
    return await releaseImage(context, request, { target, service, stack }, image, known);
  const changed = await stack.change(context, target);
  if (!changed.ok || !known) return changed;
  if (image !== undefined && image !== known.image)
    context.log.info(
      `${service.name} keeps its image. Use promote-environment to promote images to ${environment}.`,
    );
  if (known.preDeploy === 'pending')
    return await finishFirstRelease(context, request, service, known, changed);
  // A stack change may change what its service runs.
  const running = changed.verdict === 'unchanged' ? await reads.running.get(service.name) : undefined;
  return await keepRelease(context, request, service, known, { changed, running });
}

/** The state of a run's services, read together before they change. */
export interface ServiceReads {
  /** The ledger's releases. */
  releases: ReadAhead<Release | undefined>;
  running: ReadAhead<RunningRevision | undefined>;
}

export function readServices(context: EnvironmentContext, request: EnvironmentRequest): ServiceReads {
  const { manifest, choice } = request;
  const cluster = clusterName(manifest, choice.environment);
  const names = choice.services.map(({ name }) => name);
  return {
    releases: new ReadAhead(names, context.clock, (name) =>
      readRelease(context.services, ledgerOf(request, { name })),
    ),
    running: new ReadAhead(names, context.clock, (name) =>
      readRunningRevision(context.services, { cluster, service: name }),
    ),
  };
}

/** A service, and how its stack is changed. */
interface ServiceWork {
  target: StackTarget;
  service: Service;
  stack: StackWork;
  reads: ServiceReads;
}

/**
 * Releases an image through the service's stack if its change is a rollout anyway; otherwise through ECS afterwards.
 */
async function releaseImage(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  { target, service, stack }: Omit<ServiceWork, 'reads'>,
  image: string,
  known: Release | undefined,
): Promise<PartEnd> {
  const signer = signerOf(request.choice.environment, service, context.workspace);
  if (signer) await requireSignedImage(image, signer, context.services);
  const release = { ...requestOf(context, request, service, image), ...releaseHold(request) };
  try {
    const plan = await stack.plan(context, target);
    if (known && plan && rollsOut(plan)) {
      const work = { target, request: release, recorded: known.image, plan };
      const ended = await releaseByStack(context, request, work);
      if (ended) return ended;
    }
    const changed = await stack.change(context, target);
    if (!changed.ok) return changed;
    return releaseEnd(changed, await releaseService(context.services, release));
  } finally {
    await stack.discard(context, target);
  }
}

/**
 * Compares a service with the ledger's release. A release that is not proven yet is proven now. An image that was
 * changed outside of this suite is replaced if this run releases images, and otherwise reported.
 */
async function keepRelease(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  known: Release,
  { changed, running: before }: { changed: StackEnd; running: RunningRevision | undefined },
): Promise<PartEnd> {
  const { image, proven, from } = known;
  const target = requestOf(context, request, service, image);
  const running = before ?? (await readRunningRevision(context.services, target));
  if (!running) {
    context.log.info(noService(target));
    return changed;
  }
  const runs = running.images.includes(image);
  if (runs && running.isSteady && proven && service.preDeploy?.when !== 'always') return changed;
  if (runs || request.choice.environment.promoteFrom === undefined) {
    const origin = { ...target.origin, source: sourceOf(known), from };
    const release = proven || !runs || !target.smokeTest ? target : await asNew(context, target);
    return releaseEnd(changed, await releaseService(context.services, { ...release, origin }));
  }
  const reason = `${changed.reason} ${service.name} runs ${running.images.join(', ')} (${running.name}), but the ledger has ${image}. It was changed outside of Platform. Fix: Promote the image that it should run, or roll back with promote-environment.`;
  return { ...changed, verdict: 'drifted', ok: false, reason };
}

/**
 * Completes a first release: runs its pre-deploy command, which had no network before the stack was created, then
 * verifies and records the release. Until the command succeeds, each run tries it again.
 */
async function finishFirstRelease(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  first: NewRelease,
  stack: StackEnd,
): Promise<PartEnd> {
  const { image, from } = first;
  const { preDeploy, ...target } = requestOf(context, request, service, image);
  const ended = await runStackPreDeploy(context.services, { ...target, ...(preDeploy && { preDeploy }) });
  if (!ended.ok) {
    const command = preDeploy?.command.join(' ') ?? '';
    const reason = `${stack.reason} Its first ${command} failed: ${ended.reason} The service is running. The next deployment will run the command again.`;
    return { ...stack, verdict: 'pre-deploy-failed', ok: false, reason };
  }
  if (!(await readRunningRevision(context.services, target))) {
    context.log.info(noService(target));
    return stack;
  }
  const origin = { ...target.origin, source: sourceOf(first), from };
  const result = await releaseService(context.services, { ...(await asNew(context, target)), origin });
  if (!result.ok) return releaseEnd(stack, result);
  return { ...stack, reason: `${stack.reason} It runs ${digestOfReference(image)}.` };
}

/** A release that the stack has deployed. It is verified and tested like a new deployment. */
async function asNew(context: EnvironmentContext, request: ServiceRequest): Promise<ServiceRequest> {
  const { taskDefinition = '' } = await describeService(context.services, request);
  return { ...request, rolledOutOver: taskDefinition };
}

function noService({ cluster, service }: ServiceRequest): string {
  return `The cluster ${cluster} has no service ${service} to compare with the ledger.`;
}

function requestOf(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string,
): ServiceRequest {
  const cluster = clusterName(request.manifest, request.choice.environment);
  return serviceRequest(context, request, { ...service, cluster, service: service.name }, image);
}

/** The result of a stack change followed by a service release. */
function releaseEnd(stack: StackEnd, result: ServiceResult): PartEnd {
  const stackChanged = stack.verdict !== 'unchanged';
  return {
    verdict: result.verdict === 'unchanged' && stackChanged ? stack.verdict : result.verdict,
    ok: result.ok,
    reason: stackChanged ? `${stack.reason} ${result.reason}` : result.reason,
    work: { kind: 'service', result, stack },
  };
}
