import { PlatformError } from '../../core/errors.ts';
import { type Release, readRelease } from '../../delivery/ledger.ts';
import { releaseService } from '../../delivery/release/release-service.ts';
import type { ServiceRequest } from '../../delivery/release/request.ts';
import type { ServiceResult } from '../../delivery/release/result.ts';
import { sourceOf } from '../../delivery/source.ts';
import { findService } from '../../ecs/find-service.ts';
import { readRunningRevision, type RunningRevision } from '../../ecs/running-revision.ts';
import { requireSignedImage } from '../../images/signature/verify.ts';
import { signerOf } from '../manifest/places.ts';
import { contextAt, type EnvironmentContext, type EnvironmentRequest, releaseHold } from '../run/context.ts';
import type { PartEnd } from '../run/result.ts';
import type { ExistingTarget } from '../run/targets.ts';
import { ledgerOf } from './first-release.ts';
import { serviceRequest } from './request.ts';

/**
 * Releases an image to an existing service, as update-service does. Without an image, or in an environment with
 * `promote-from`, the service keeps its image, which must match the ledger.
 *
 * @param image full reference, `repository@digest`.
 */
export async function releaseExisting(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: ExistingTarget,
  image: string | undefined,
): Promise<PartEnd> {
  const { environment } = request.choice;
  const at = contextAt(context, environment, target.place, 'change');
  if (image !== undefined && environment.promoteFrom !== undefined)
    at.log.info(
      `${target.name} keeps its image. Use promote-environment to promote images to ${environment.name}.`,
    );
  if (image === undefined || environment.promoteFrom !== undefined)
    return await keepExisting(at, request, target);
  const signer = signerOf(environment, target, context.workspace);
  if (signer) await requireSignedImage(image, signer, at.services);
  const release = { ...existingRequest(at, request, target, image), ...releaseHold(request) };
  return serviceEnd(await releaseService(at.services, release));
}

/** Compares the running image with the ledger. A release that is not proven yet is proven now. */
async function keepExisting(
  at: EnvironmentContext,
  request: EnvironmentRequest,
  target: ExistingTarget,
): Promise<PartEnd> {
  const [running, known] = await Promise.all([
    readExisting(at, target),
    readRelease(at.services, ledgerOf(request, target)),
  ]);
  if (!known && !running.isSteady) {
    const reason = `${target.name} is not steady: not all of its tasks run ${running.name}, and no release is recorded. Nothing was changed. Fix: Check the service's deployment in ECS, and run this again when it has completed.`;
    return { verdict: 'failed', ok: false, reason };
  }
  if (!known) {
    const reason = `${target.name} runs ${running.name}. No release is recorded yet.`;
    return { verdict: 'unchanged', ok: true, reason };
  }
  if (!running.images.includes(known.image)) return drifted(target, running, known);
  if (running.isSteady && known.proven)
    return { verdict: 'unchanged', ok: true, reason: `${target.name} runs ${running.name}, as recorded.` };
  const release = existingRequest(at, request, target, known.image);
  const origin = { ...release.origin, source: sourceOf(known), from: known.from };
  return serviceEnd(await releaseService(at.services, { ...release, origin }));
}

function drifted({ name }: ExistingTarget, running: RunningRevision, known: Release): PartEnd {
  const reason = `${name} runs ${running.images.join(', ')} (${running.name}), but the ledger has ${known.image}. It was changed outside of Platform. Fix: Release or promote the image that it should run, or roll back with promote-environment.`;
  return { verdict: 'drifted', ok: false, reason };
}

function existingRequest(
  at: EnvironmentContext,
  request: EnvironmentRequest,
  { place, ...service }: ExistingTarget,
  image: string,
): ServiceRequest {
  return serviceRequest(at, request, { ...service, ...place }, image);
}

/**
 * Reads what an existing service runs.
 *
 * @throws ServiceError with the service's name and a suggestion if it does not exist.
 */
export async function readExisting(
  { services }: EnvironmentContext,
  { place }: ExistingTarget,
): Promise<RunningRevision> {
  const running = await readRunningRevision(services, place);
  if (running) return running;
  await findService(services, place);
  throw new PlatformError('not-found', `The task definition of ${place.service} does not exist.`);
}

function serviceEnd(result: ServiceResult): PartEnd {
  const { verdict, ok, reason } = result;
  return { verdict, ok, reason, work: { kind: 'service', result } };
}
