import { canonicalJson } from '../../core/canonical.ts';
import { shortDigest } from '../../core/text.ts';
import { digestIn } from '../../ecs/proof.ts';
import type { RunningRevision } from '../../ecs/running-revision.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import { parseReference } from '../../images/registry/reference.ts';
import type { ServicePlace } from '../manifest/manifest.ts';
import { contextAt, type EnvironmentContext, type EnvironmentRequest } from '../run/context.ts';
import { existingUri } from '../run/images.ts';
import type { PlannedService } from '../run/plan-document.ts';
import type { PartEnd } from '../run/result.ts';
import type { ExistingTarget } from '../run/targets.ts';
import { buildsImages } from './build-request.ts';
import { readExisting } from './existing.ts';
import { releasedImage } from './released.ts';

/** Plans a release of an existing service. Changes nothing. */
export async function planExisting(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: ExistingTarget,
): Promise<{ planned: PlannedService; end: PartEnd }> {
  const at = contextAt(context, request.choice.environment, target.place, 'read');
  const running = await readExisting(at, target);
  const planned = await plannedService(at, request, target, running);
  const { kind } = planned;
  const verdict = kind === 'unchanged' ? 'unchanged' : 'to release';
  return { planned, end: { verdict, ok: true, reason: reasonOf(request, target, running, planned) } };
}

async function plannedService(
  at: EnvironmentContext,
  request: EnvironmentRequest,
  target: ExistingTarget,
  running: RunningRevision,
): Promise<PlannedService> {
  const { images, choice } = request;
  const from = running.name;
  const given = images[target.name];
  if (choice.environment.promoteFrom !== undefined) return { kind: 'unchanged' };
  if (given !== undefined) {
    const to = digestOfReference(given);
    const image = `${await existingUri(at, target.place)}@${to}`;
    const runs = running.isSteady && running.images.includes(image);
    return runs ? { kind: 'unchanged' } : { kind: 'release', from, to };
  }
  if (!target.build || !buildsImages(request)) return { kind: 'unchanged' };
  const released = await releasedImage(at, request, target, Promise.resolve(running));
  return released === undefined ? { kind: 'build', from } : { kind: 'unchanged' };
}

function reasonOf(
  request: EnvironmentRequest,
  { name, place }: ExistingTarget,
  running: RunningRevision,
  planned: PlannedService,
): string {
  const runs = `${running.name} (${imagesOf(place, running).map(shortImage).join(', ')})`;
  const where = `to the service ${place.service} of the cluster ${place.cluster}, which runs ${runs}.`;
  if (planned.kind === 'release') return `Will release ${shortDigest(planned.to)} ${where}`;
  if (planned.kind === 'build') return `Will build the image of this commit and release it ${where}`;
  if (request.choice.environment.promoteFrom !== undefined)
    return `${name} keeps ${runs}. Use promote-environment to promote its images.`;
  return `${name} keeps ${runs}.`;
}

/** The images in its repository; all images, if the new one comes from another repository. */
function imagesOf({ repository }: ServicePlace, { images }: RunningRevision): readonly string[] {
  const end = repository.kind === 'own' ? `/${repository.name}` : repository.uri;
  const own = images.filter((image) => parseReference(image)?.name.endsWith(end) === true);
  return own.length > 0 ? own : images;
}

/** The digest, or the reference with its tag. */
function shortImage(image: string): string {
  const digest = digestIn(image);
  return digest === undefined ? image : shortDigest(digest);
}

/** A sentence on how a service's plan differs from the approved one; undefined if it does not, or nothing is left to do. */
export async function existingDifference(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: ExistingTarget,
  approved: PlannedService | undefined,
): Promise<string | undefined> {
  if (!approved) return 'it is not in the plan.';
  const given = digestOfReference(request.images[target.name] ?? '');
  if (approved.kind === 'release' && given !== approved.to)
    return `the plan releases ${approved.to}, but images has ${given === '' ? 'no image for it' : given}.`;
  const { planned, end } = await planExisting(context, request, target);
  if (planned.kind === 'unchanged' || canonicalJson(planned) === canonicalJson(approved)) return undefined;
  return `its plan has changed. ${end.reason}`;
}
