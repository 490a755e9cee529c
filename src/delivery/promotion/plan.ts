import { inParallel } from '../../core/concurrency.ts';
import type { Log } from '../../core/log.ts';
import { plural, shortDigest } from '../../core/text.ts';
import { readManifest } from '../../images/registry/manifest-reader.ts';
import type { GateFinding, PromotionReport, ServicePromotion } from './result.ts';
import { findHold, type HeldError, holdParameter } from '../hold.ts';
import { classify } from '../../aws/errors.ts';
import { wasRolledBack } from '../rolled-back-images.ts';
import { ledgerNames, readReleases, type Release, releaseRecords } from '../ledger.ts';
import { isSameImage } from '../rollback-target.ts';
import { type RunningRelease, selectReleases, type SoakingRelease, soakingReleases } from './gates/soak.ts';
import { groupPlaces, placeIn, type PromotionEnvironment } from './environment.ts';
import {
  imageSources,
  type ImageSource,
  type ImageTarget,
  imageTargets,
  type ReleasedImage,
} from './images.ts';
import type { Finding, PromotedService, PromotionRequest } from './request.ts';
import { type ReleaseSource, sourceOf, UNKNOWN_SOURCE } from '../source.ts';
import { digestIn } from '../../ecs/proof.ts';
import { nameOf } from '../../ecs/service.ts';
import { missingService, readRunning, type RunningImage, type RunningService } from './running.ts';

const IMAGES_AT_ONCE = 8;

/** The plan for one service. */
export interface ServicePlan {
  service: PromotedService;
  /** `none`: it already runs the image. */
  action: 'promote' | 'none' | 'blocked';
  upstream: RunningService;
  downstream: RunningService;
  /** The image to promote; undefined if it cannot be determined. */
  digest?: string;
  /** Its release, with the start of its soak. */
  soaking?: SoakingRelease;
  /** A newer release that has not soaked yet. */
  newer?: SoakingRelease;
  /** Digest that the target runs now; undefined if it runs none. */
  before?: string;
  /** The ledgers' records of the two. */
  releases: { source?: Release; target?: Release };
  /** Source and target of the image; set if it is to be promoted. */
  images?: { source: ImageSource; target: ImageTarget };
  findings: GateFinding[];
}

export interface PromotionPlan {
  services: ServicePlan[];
  /** Sentences about what could not be compared. */
  notes: string[];
  hold?: HeldError;
  /** The hold of the source environment. */
  sourceHold?: HeldError;
}

/** Reads both environments and plans the promotion. Changes nothing. */
export async function planPromotion(request: PromotionRequest): Promise<PromotionPlan> {
  const { source, target, services } = request;
  const names = services.map(({ name }) => name);
  const [inSource, inTarget, sourceReleases, targetReleases, hold, sourceHold] = await Promise.all([
    readRunning(source, names),
    readRunning(target, names),
    releasesOf(source, names),
    releasesOf(target, names),
    target.context.ssm().then((client) => findHold(client, holdParameter(placeOf(target)), target.context)),
    findSourceHold(source),
  ]);
  const notes: string[] = [];
  const records = await recordsOf(request, sourceReleases, notes);
  const plans = services.map((service, index): ServicePlan => {
    const [release, known] = [sourceReleases[index], targetReleases[index]];
    const upstream = inSource.get(service.name) ?? missingService(service.name);
    const downstream = inTarget.get(service.name) ?? missingService(service.name);
    return {
      service,
      action: 'promote',
      upstream,
      downstream,
      releases: { ...(release && { source: release }), ...(known && { target: known }) },
      findings: [],
    };
  });
  chooseReleases(plans, request, records);
  await findSources(plans, request);
  notes.push(...(await checkOrder(plans, request)));
  await checkTarget(plans, request);
  return { services: plans, notes, ...(hold && { hold }), ...(sourceHold && { sourceHold }) };
}

/** The hold of the source environment. A role without permission to read it gets a warning. */
async function findSourceHold(source: PromotionEnvironment): Promise<HeldError | undefined> {
  const parameter = holdParameter(placeOf(source));
  try {
    return await findHold(await source.context.ssm(), parameter, source.context);
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    source.context.log.warning(
      `Cannot check whether ${source.name} is on hold. Fix: Allow ssm:GetParameter on ${parameter}.`,
    );
    return undefined;
  }
}

/**
 * The source ledger's records of each service, the newest first. The history is read only if a release that no longer
 * runs may be promoted.
 *
 * @param notes receives a sentence if the history cannot be read; then only the running release can be promoted.
 */
async function recordsOf(
  { source, services, gates, images, upTo }: PromotionRequest,
  present: readonly (Release | undefined)[],
  notes: string[],
): Promise<Map<string, readonly Release[]>> {
  const isNeeded = gates.soakMs > 0 || images !== undefined || upTo !== undefined;
  const found = services.map(async ({ name }, index): Promise<[string, readonly Release[]]> => {
    const own = present[index] ? [present[index]] : [];
    // Without a record of the current release, earlier releases do not count.
    if (!isNeeded || (own[0]?.at ?? '') === '') return [name, own];
    try {
      const { context } = placeIn(source, name);
      return [name, await releaseRecords(context, ledgerNames({ ...placeOf(source), service: name }))];
    } catch (error) {
      if (classify(error) !== 'denied') throw error;
      notes.push(
        `Earlier releases of ${name} in ${source.name} are not considered because its history cannot be read. Fix: Allow ssm:GetParameterHistory on /${source.project}/${source.name}/*.`,
      );
      return [name, own];
    }
  });
  return new Map(await Promise.all(found));
}

/** The environment's location in Parameter Store. */
export function placeOf({ project, name }: PromotionEnvironment): { project: string; environment: string } {
  return { project, environment: name };
}

/** The digest that a service's tasks run; undefined if there is none or more than one. */
export function runningDigest({ images }: RunningService): string | undefined {
  const digests = new Set(images.map(({ reference, digest }) => digestIn(reference) ?? digest));
  return digests.size === 1 ? [...digests][0] : undefined;
}

/** The ledgers' records of services, in their order. Each ledger is in the service's own account and region. */
export async function releasesOf(
  environment: PromotionEnvironment,
  services: readonly string[],
): Promise<(Release | undefined)[]> {
  const groups = groupPlaces(environment, services);
  const found = await Promise.all(
    groups.map(async (group) => {
      const names = group.services.map((service) => ledgerNames({ ...placeOf(environment), service }));
      const releases = await readReleases(group.place.context, names);
      return group.services.map((service, index) => [service, releases[index]] as const);
    }),
  );
  const releases = new Map(found.flat());
  return services.map((service) => releases.get(service));
}

/** Determines the release to promote for each service, and whether the target already runs it. */
function chooseReleases(
  plans: readonly ServicePlan[],
  request: PromotionRequest,
  records: ReadonlyMap<string, readonly Release[]>,
): void {
  const candidates = plans.flatMap((plan) => {
    const before = runningDigest(plan.downstream);
    if (before !== undefined) plan.before = before;
    const { name } = plan.service;
    const found = candidatesOf(plan, request, records.get(name) ?? []);
    if ('finding' in found) block(plan, found.finding);
    else return [{ name, releases: found.releases, ...(before !== undefined && { target: before }) }];
    return [];
  });
  const { gates, source, soakWaitMs } = request;
  const soakMs = gates.bypassReason === undefined ? gates.soakMs : 0;
  const byMs = source.context.clock.now() + soakWaitMs;
  const { chosen, newest } = selectReleases(candidates, { soakMs, byMs });
  for (const plan of plans) {
    const soaking = chosen.get(plan.service.name);
    if (soaking) choose(plan, soaking, request);
    const newer = newest.get(plan.service.name);
    if (newer) plan.newer = newer;
  }
}

function choose(plan: ServicePlan, soaking: SoakingRelease, { target }: PromotionRequest): void {
  plan.digest = soaking.digest;
  plan.soaking = soaking;
  if (soaking.release) plan.releases.source = soaking.release;
  if (plan.downstream.state === 'missing') {
    block(plan, {
      gate: 'target',
      message: noService(plan.service.name, target),
      fix: 'Deploy the environment first; deploy-environment creates services with a stack. For an existing service, check cluster and service in the manifest.',
    });
    return;
  }
  if (soaking.digest === plan.before) plan.action = 'none';
}

/** A release that was recorded while the service's desired count was 0. */
function unprovenRelease(service: string, source: string, digest: string): Finding {
  return {
    gate: 'origin',
    message: `${shortDigest(digest)} of ${service} is not proven in ${source}, because the desired count was 0 when it was deployed`,
    fix: `Deploy the same image to ${source} again while its tasks run. update-service then proves it, with the verdict unchanged.`,
  };
}

/** `prod has no service api in the cluster shop` */
export function noService(name: string, environment: PromotionEnvironment): string {
  const { service, cluster } = placeIn(environment, name);
  return `${environment.name} has no service ${service} in the cluster ${nameOf(cluster)}`;
}

/**
 * The releases of a service that may be promoted, limited to those that the request selects: the image that its tasks
 * run in the source environment, and earlier releases that still count.
 */
function candidatesOf(
  { service, upstream, releases: { source: recorded, target } }: ServicePlan,
  request: PromotionRequest,
  records: readonly Release[],
): { releases: readonly SoakingRelease[] } | { finding: Finding } {
  const { source, images, upTo } = request;
  const { name } = service;
  const running = runningRelease(name, upstream, request, records);
  if (running && 'finding' in running) return running;
  const wanted = images?.[name];
  if (recorded?.proven === false && running && digestIn(recorded.image) === running.digest) {
    if (wanted === undefined || wanted === running.digest)
      return { finding: unprovenRelease(name, source.name, running.digest) };
  }
  const all = soakingReleases(records, running);
  const [first] = records;
  if (all.length === 0)
    return { finding: unprovenRelease(name, source.name, digestIn(first?.image ?? '') ?? '') };
  const limit = wanted ?? upTo?.[name];
  const from = limit === undefined ? 0 : all.findIndex(({ digest }) => digest === limit);
  if (from < 0 && limit !== undefined) return missingRelease(limit, name, source.name, { records, running });
  const selected = wanted === undefined ? all.slice(from) : all.slice(from, from + 1);
  if (wanted !== undefined || !target?.givenUp) return { releases: selected };
  const { givenUp } = target;
  const open = selected.filter(
    ({ image, release }) => !wasRolledBack(givenUp, { ...(release ?? UNKNOWN_SOURCE), image }),
  );
  return { releases: open.length > 0 ? open : selected.slice(0, 1) };
}

/**
 * The release that a service runs, read from its tasks; undefined during a deployment, when the ledger is used instead.
 */
function runningRelease(
  name: string,
  upstream: RunningService,
  { source, gates: { require, soakMs, bypassReason } }: PromotionRequest,
  [newest]: readonly Release[],
): RunningRelease | { finding: Finding } | undefined {
  if (upstream.state === 'missing') {
    return originFinding(
      noService(name, source),
      'Remove the service from `services`, or deploy it there first.',
    );
  }
  const digests = [...new Set(upstream.images.map(digestOf))];
  const [digest, other] = digests;
  if (digest === undefined) {
    const why = upstream.desired === 0 ? 'is scaled to zero' : 'has no running task';
    return originFinding(
      `${name} ${why} in ${source.name}, so it has no proven release to promote`,
      `Start it in ${source.name}, and wait until it is steady.`,
    );
  }
  const mustBeSteady = bypassReason === undefined && (soakMs > 0 || require.includes('steady'));
  if (upstream.deploying && mustBeSteady && newest && newest.at !== '') return undefined;
  if (other !== undefined) {
    return originFinding(
      `The tasks of ${name} in ${source.name} run ${plural(digests.length, 'image')}: ${digests.map(shortDigest).join(', ')}`,
      'Wait until its deployment completes.',
      upstream.deploying,
    );
  }
  const { steadySince, images } = upstream;
  return {
    digest,
    image: images[0]?.reference ?? '',
    ...(steadySince && { sinceMs: steadySince.getTime() }),
  };
}

/** Why a requested image cannot be promoted: it was rolled back in the source environment, or never ran there. */
function missingRelease(
  wanted: string,
  name: string,
  source: string,
  { records, running }: { records: readonly Release[]; running: RunningRelease | undefined },
): { finding: Finding } {
  const isRolledBack = records.some(
    ({ rolledBackFrom }) => rolledBackFrom !== undefined && isSameImage(rolledBackFrom, `@${wanted}`),
  );
  if (isRolledBack) {
    return originFinding(
      `${shortDigest(wanted)} of ${name} was rolled back in ${source}`,
      'Promote another release.',
    );
  }
  const runs = running
    ? `${name} runs ${shortDigest(running.digest)} there`
    : `a deployment of ${name} is in progress`;
  return originFinding(
    `${shortDigest(wanted)} does not run in ${source}: ${runs}`,
    'Plan again, because the running release has changed since the plan was approved.',
  );
}

/**
 * Finds the repositories of the running images, and tasks that run another image than the one they were started with.
 */
async function findSources(plans: readonly ServicePlan[], { source }: PromotionRequest): Promise<void> {
  const open = plans.filter(
    ({ action, digest, upstream }) =>
      action === 'promote' ||
      (action === 'none' && runsNow(upstream, digest) && otherDigests(upstream, digest).length > 0),
  );
  const references = open.map(({ service, soaking }) => [service.name, soaking?.image ?? ''] as const);
  const sources = await imageSources(new Map(references), source);
  await inParallel(open, IMAGES_AT_ONCE, async (plan) => {
    const { service, digest = '' } = plan;
    const found = sources.get(service.name);
    if (!found) return;
    plan.images = { source: found, target: { uri: found.uri } };
    const isOwn = placeIn(source, service.name).repository.kind === 'own';
    if (!isOwn) return;
    const wrong = runsNow(plan.upstream, digest)
      ? await mismatch(plan.upstream, digest, found, source)
      : await missingImage(service.name, digest, found, source);
    if (wrong === undefined) return;
    block(plan, { gate: 'origin', message: wrong, fix: `Deploy ${service.name} to ${source.name} again.` });
  });
}

function runsNow(upstream: RunningService, digest: string | undefined): boolean {
  return upstream.images.some((image) => digestOf(image) === digest);
}

/** The image of an earlier release may have expired. */
async function missingImage(
  service: string,
  digest: string,
  { ecr }: ImageSource,
  { name, context }: PromotionRequest['source'],
): Promise<string | undefined> {
  if (!ecr || (await readManifest(ecr, digest, context))) return undefined;
  return `The image ${shortDigest(digest)} of ${service}, an earlier release in ${name}, is no longer in ${ecr.name}`;
}

function otherDigests({ images }: RunningService, digest: string | undefined): string[] {
  return images.map((image) => image.digest).filter((one) => one !== digest);
}

/** A digest in the reference identifies the image. For an index, ECS may report the digest of the platform's image. */
function digestOf({ reference, digest }: RunningImage): string {
  return digestIn(reference) ?? digest;
}

/**
 * Finds a task that runs another digest than the one it was started with, unless it is part of that index. An index
 * outside the account's ECR is not read, because a task that pulls by digest runs that digest.
 */
async function mismatch(
  upstream: RunningService,
  digest: string,
  { ecr }: ImageSource,
  { name, context }: PromotionRequest['source'],
): Promise<string | undefined> {
  const others = otherDigests(upstream, digest);
  if (others.length === 0 || !ecr) return undefined;
  const manifest = await readManifest(ecr, digest, context);
  const parts = new Set(manifest?.kind === 'index' ? manifest.children.map((child) => child.digest) : []);
  const unknown = others.find((one) => !parts.has(one));
  return unknown === undefined
    ? undefined
    : `A task in ${name} was started with ${shortDigest(digest)} but runs ${shortDigest(unknown)}, which is not part of that image`;
}

/** @param passes whether it resolves by itself. */
function originFinding(message: string, fix: string, passes = false): { finding: Finding } {
  return { finding: { gate: 'origin', message, fix, ...(passes && { passesAt: '' }) } };
}

/**
 * Compares the release of each service with the target's. An older one blocks, unless `allow-older` permits it.
 *
 * @returns one sentence for each comparison that was not possible.
 */
async function checkOrder(
  plans: readonly ServicePlan[],
  { target, order }: PromotionRequest,
): Promise<string[]> {
  const changing = plans.filter(({ action }) => action === 'promote');
  const notes = new Set<string>();
  await Promise.all(
    changing.map(async (plan) => {
      const { service, releases, digest = '', images } = plan;
      const candidate = {
        ...sourceOfRelease(releases.source, digest),
        image: `${images?.source.uri ?? ''}@${digest}`,
      };
      const { outdated, note } = await order.check(
        `${service.name} in ${target.name}`,
        releases.target,
        candidate,
      );
      if (note !== undefined) notes.add(note);
      if (!outdated) return;
      const finding = { gate: 'order' as const, message: outdated.message, fix: outdated.fix ?? '' };
      plan.findings.push({ ...finding, bypassed: order.allowOlder });
      if (!order.allowOlder) plan.action = 'blocked';
    }),
  );
  return [...notes];
}

/** The source of a release if it has the running image; otherwise unknown. */
export function sourceOfRelease(release: Release | undefined, digest: string): ReleaseSource {
  return release && digestIn(release.image) === digest ? sourceOf(release) : UNKNOWN_SOURCE;
}

/** Checks whether the target can use the images, and where its tasks will pull them from. */
async function checkTarget(plans: readonly ServicePlan[], { target }: PromotionRequest): Promise<void> {
  const changing = plans.filter(({ action }) => action === 'promote');
  const targets = await imageTargets(releasedImages(changing), target);
  for (const plan of changing) {
    const found = targets.get(plan.service.name);
    if (found && 'gate' in found) block(plan, found);
    else if (found && plan.images) plan.images = { ...plan.images, target: found };
  }
}

/** The images of plans with a known image. */
export function releasedImages(plans: readonly ServicePlan[]): ReleasedImage[] {
  return plans.flatMap(({ service, digest, images }) =>
    digest !== undefined && images ? [{ service: service.name, digest, ...images }] : [],
  );
}

/** Blocks a service with a finding that cannot be bypassed. */
export function block(plan: ServicePlan, finding: Finding): void {
  plan.action = 'blocked';
  plan.findings.push({ ...finding, bypassed: false });
}

const HEADERS = ['service', 'current', 'new', 'action'] as const;

/** Logs the plan as a table before anything changes. */
export function logPlan({ from, to, services }: PromotionReport, log: Pick<Log, 'info'>): void {
  const rows = services.map((one) => [
    one.service,
    shortDigest(one.before ?? '-'),
    one.action === 'blocked' ? '' : shortDigest(one.digest ?? '-'),
    actionText(one),
  ]);
  const all = [[...HEADERS], ...rows];
  const widths = HEADERS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  log.info(`Plan: ${from} to ${to}`);
  for (const row of all) {
    log.info(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
}

function actionText({ action, findings }: ServicePromotion): string {
  const gates = findings.map(({ gate, bypassed, pending }) =>
    pending
      ? `${gate} pending`
      : bypassed
        ? `${gate} overridden by ${gate === 'order' ? 'allow-older' : 'bypass-reason'}`
        : gate,
  );
  if (action === 'none') return 'already runs it';
  return [action, ...gates].join(', ');
}
