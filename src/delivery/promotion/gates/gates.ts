import { inParallel } from '../../../core/concurrency.ts';
import { shortDigest } from '../../../core/text.ts';
import { findAttachments } from '../../../images/registry/copy/attachments.ts';
import { ecrStore } from '../../../images/registry/copy/ecr-store.ts';
import { openEcrRegistry } from '../../../images/registry/open.ts';
import { isAttestation } from '../../../images/registry/manifest.ts';
import { readImage, readManifest } from '../../../images/registry/manifest-reader.ts';
import { findRepositories, type ImageRepository } from '../../../images/registry/repository.ts';
import { evaluateScan, scanBlockReason } from '../../../images/scan.ts';
import { alarmFinding, type AlarmState, alarmStates } from './alarms.ts';
import { groupPlaces, placeIn, type PromotionContext } from '../environment.ts';
import type { HeldError } from '../../hold.ts';
import type { PromotionPlan, ServicePlan } from '../plan.ts';
import type { Finding, PromotionRequest } from '../request.ts';
import type { GateFinding } from '../result.ts';
import { signatureFindings } from './signature.ts';
import { soakedAt } from './soak.ts';

const IMAGES_AT_ONCE = 6;
/** Findings of this severity or higher block. */
const SCAN_THRESHOLD = 'high';
/** Images in the source environment were usually scanned long ago; a new scan takes minutes. */
const SCAN_TIMEOUT_MS = 5 * 60_000;

/** Checks the gates of each image to promote. With a bypass reason, no finding blocks. */
export async function checkGates(
  { services, sourceHold, notes }: Pick<PromotionPlan, 'services' | 'sourceHold' | 'notes'>,
  request: PromotionRequest,
): Promise<void> {
  const candidates = services.filter(({ action }) => action === 'promote');
  const { gates, dryRun } = request;
  const states: AlarmStates = gates.require.includes('alarms')
    ? await statesOf(candidates, request)
    : new Map();
  await inParallel(candidates, IMAGES_AT_ONCE, async (plan) => {
    const found = [
      ...(sourceHold ? [heldFinding(sourceHold)] : []),
      ...steadiness(plan, request),
      ...soak(plan, request),
      ...alarms(plan, states, request),
      ...(await imageFindings(plan, request, notes)),
      ...(await signatureFindings(plan, request)),
    ];
    const findings = found.map((finding) => ({
      ...finding,
      bypassed: gates.bypassReason !== undefined && finding.gate !== 'signature',
      ...(dryRun && finding.passesAt !== undefined && { pending: true as const }),
    }));
    plan.findings.push(...findings);
    if (findings.some(isBlocking)) plan.action = 'blocked';
  });
}

/** Whether a finding blocks the promotion. */
export function isBlocking({ bypassed, pending }: GateFinding): boolean {
  return !bypassed && pending !== true;
}

function heldFinding({ message, fix = '' }: HeldError): Finding {
  return { gate: 'hold', message: `${message}. Releases in an environment on hold are not promoted`, fix };
}

function steadiness({ service, upstream }: ServicePlan, { source, gates }: PromotionRequest): Finding[] {
  const { steady, unsteady, deploying } = upstream;
  if (steady || !(gates.require.includes('steady') || gates.soakMs > 0)) return [];
  const message = `${service.name} is not steady in ${source.name}: ${unsteady}`;
  const fix = 'Wait until its deployment completes, or find out why it is not steady.';
  return [{ gate: 'steady', message, fix, ...(deploying && { passesAt: '' }) }];
}

function soak({ service, soaking }: ServicePlan, { source, gates: { soakMs } }: PromotionRequest): Finding[] {
  if (soakMs === 0 || !soaking) return [];
  const [gate, image] = ['soak' as const, shortDigest(soaking.digest)];
  const endMs = soakedAt(soaking, soakMs);
  if (endMs === undefined) {
    const message = `${image} of ${service.name}: ECS does not report how long it has been steady in ${source.name}`;
    return [{ gate, message, fix: 'Set `soak: 0s` for services whose deployments ECS does not list.' }];
  }
  const { sinceMs = 0, untilMs } = soaking;
  const requirement = `${service.name} must run in ${source.name} for ${minutes(soakMs)} before promotion`;
  if (endMs === Infinity) {
    const message = `${requirement}; ${image} ran for ${minutes((untilMs ?? 0) - sinceMs)} and was replaced by a release that does not build on it`;
    return [{ gate, message, fix: `Promote the current release of ${source.name}.` }];
  }
  const nowMs = source.context.clock.now();
  if (endMs <= nowMs) return [];
  const end = timeText(endMs);
  const message = `${requirement}; ${image} has run for ${minutes(Math.max(0, nowMs - sinceMs))}`;
  const fix = `Re-run the failed jobs after ${end} (in ${minutes(endMs - nowMs)}), or set \`soak-wait\`.`;
  return [{ gate, message, fix, passesAt: new Date(endMs).toISOString() }];
}

/** `2026-11-27T09:00:00Z`, rounded up, so that a retry at that time is not too early. */
export function timeText(ms: number): string {
  return new Date(Math.ceil(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

function alarms(
  { service, upstream }: ServicePlan,
  states: AlarmStates,
  { source, gates }: PromotionRequest,
): Finding[] {
  const where = { service: service.name, environment: source.name, accepted: gates.alarms };
  return upstream.alarms.flatMap((name) => {
    const state = states.get(service.name)?.get(name);
    return (state && alarmFinding(name, state, where)) ?? [];
  });
}

/** By service, then by alarm name. */
type AlarmStates = ReadonlyMap<string, ReadonlyMap<string, AlarmState>>;

async function statesOf(plans: readonly ServicePlan[], { source }: PromotionRequest): Promise<AlarmStates> {
  const watched = new Map(plans.map(({ service, upstream }) => [service.name, upstream.alarms]));
  const groups = groupPlaces(source, [...watched.keys()]);
  const found = await Promise.all(
    groups.map(async ({ place, services }) => {
      const names = services.flatMap((service) => watched.get(service) ?? []);
      const states = await alarmStates(place.context, [...new Set(names)]);
      return services.map((service) => [service, states] as const);
    }),
  );
  return new Map(found.flat());
}

/** @param notes receives a sentence if an attestation is present but not verified. */
async function imageFindings(
  plan: ServicePlan,
  { gates, source }: PromotionRequest,
  notes: string[],
): Promise<Finding[]> {
  const { digest, images, service } = plan;
  // A verified signature is stronger than the presence of an attestation.
  const isVerified = service.signer !== undefined;
  const required = (['attestation', 'scan'] as const).filter(
    (gate) => gates.require.includes(gate) && !(gate === 'attestation' && isVerified),
  );
  if (digest === undefined || !images) return [];
  const { uri, ecr } = images.source;
  const name = `The image ${shortDigest(digest)} of ${service.name}`;
  if (!ecr) {
    return required.map((gate) => ({
      gate,
      message: `${name} is in ${uri}, but only images in ECR can be checked`,
      fix: `Remove ${gate} from \`require\`, or move the image to ECR.`,
    }));
  }
  const { context } = placeIn(source, service.name);
  const findings: Finding[] = [];
  if (required.includes('attestation')) {
    if (await isAttested(ecr, digest, context)) {
      notes.push(
        `${name} has an attestation or signature, but it is not verified. Set \`verify\` for the environment in platform.yml to verify it.`,
      );
    } else {
      findings.push({
        gate: 'attestation',
        message: `${name} has no attestation and no signature`,
        fix: 'Build it with provenance, or sign it.',
      });
    }
  }
  if (required.includes('scan')) {
    const reason = await scanFailure(ecr, digest, context);
    if (reason !== undefined) {
      const message = `${service.name}, ${shortDigest(digest)}: ${reason}`;
      findings.push({
        gate: 'scan',
        message,
        fix: 'Fix the scan findings, and deploy the fixed image upstream.',
      });
    }
  }
  return findings;
}

/** Whether the image has an attestation of its origin. The signer is not verified here; see signatureFindings. */
async function isAttested(
  place: ImageRepository,
  digest: string,
  context: PromotionContext,
): Promise<boolean> {
  const manifest = await readManifest(place, digest, context);
  if (manifest?.kind === 'index' && manifest.children.some(isAttestation)) return true;
  const attached = await findAttachments(ecrStore(place, context), [digest]);
  return attached.length > 0;
}

/** Why the scan results block the image; undefined if they do not. */
async function scanFailure(
  place: ImageRepository,
  digest: string,
  context: PromotionContext,
): Promise<string | undefined> {
  const [repositories, registry, manifest] = await Promise.all([
    findRepositories(place.client, [place.name], context),
    openEcrRegistry(place, context),
    readManifest(place, digest, context),
  ]);
  const repository = repositories.get(place.name);
  if (!manifest || !repository) return 'the image cannot be read';
  const platforms = await readImage(registry, manifest);
  const options = { threshold: SCAN_THRESHOLD, timeoutMs: SCAN_TIMEOUT_MS } as const;
  return scanBlockReason(await evaluateScan(place.client, repository, platforms, options, context));
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / 60_000)} min`;
}
