import { inParallel } from '../../core/concurrency.ts';
import type { Log } from '../../core/log.ts';
import { shortDigest } from '../../core/text.ts';
import { readManifest } from '../../images/registry/manifest-reader.ts';
import type { GateFinding, PromotionReport, ServicePromotion } from './result.ts';
import { findHold, type HeldError, holdParameter } from '../hold.ts';
import { ledgerNames, readReleases, type Release } from '../ledger.ts';
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

/** What happens to one service. */
export interface ServicePlan {
  service: PromotedService;
  /** `none`: it runs the image already. */
  action: 'promote' | 'none' | 'blocked';
  upstream: RunningService;
  downstream: RunningService;
  /** The image that runs upstream; undefined when it cannot be determined. */
  digest?: string;
  /** What runs in the target now; undefined when nothing does. */
  before?: string;
  /** What the ledgers say of the two. */
  releases: { source?: Release; target?: Release };
  /** Where the image is, and where it goes; set when it is to be promoted. */
  images?: { source: ImageSource; target: ImageTarget };
  findings: GateFinding[];
}

export interface PromotionPlan {
  services: ServicePlan[];
  /** What could not be compared, a sentence each. */
  notes: string[];
  hold?: HeldError;
}

/** Reads both environments and plans the promotion. Changes nothing. */
export async function planPromotion(request: PromotionRequest): Promise<PromotionPlan> {
  const { source, target, services } = request;
  const names = services.map(({ name }) => name);
  const [above, below, sourceReleases, targetReleases, hold] = await Promise.all([
    readRunning(source, names),
    readRunning(target, names),
    releasesOf(source, names),
    releasesOf(target, names),
    target.context.ssm().then((client) => findHold(client, holdParameter(placeOf(target)), target.context)),
  ]);
  const plans = services.map((service, index): ServicePlan => {
    const [release, known] = [sourceReleases[index], targetReleases[index]];
    const upstream = above.get(service.name) ?? missingService(service.name);
    const downstream = below.get(service.name) ?? missingService(service.name);
    return {
      service,
      action: 'promote',
      upstream,
      downstream,
      releases: { ...(release && { source: release }), ...(known && { target: known }) },
      findings: [],
    };
  });
  for (const plan of plans) checkOrigin(plan, request);
  await findSources(plans, request);
  const notes = await checkOrder(plans, request);
  await checkTarget(plans, request);
  return { services: plans, notes, ...(hold && { hold }) };
}

/** The environment's place in Parameter Store. */
export function placeOf({ project, name }: PromotionEnvironment): { project: string; environment: string } {
  return { project, environment: name };
}

/** The digest that a service's tasks were started with; undefined when it runs none, or several. */
export function runningDigest({ images }: RunningService): string | undefined {
  const digests = new Set(images.map(({ reference, digest }) => digestIn(reference) ?? digest));
  return digests.size === 1 ? [...digests][0] : undefined;
}

/** What the ledgers have of services, in their order. Each ledger is in the service's own account and region. */
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

/** Determines the image that runs upstream, whether it is the one asked for, and whether the target runs it already. */
function checkOrigin(plan: ServicePlan, request: PromotionRequest): void {
  const before = runningDigest(plan.downstream);
  if (before !== undefined) plan.before = before;
  const origin = originOf(plan, request);
  if ('finding' in origin) {
    block(plan, origin.finding);
    return;
  }
  const { source } = plan.releases;
  if (source?.proven === false && digestIn(source.image) === origin.digest) {
    block(plan, unprovenRelease(plan.service.name, request.source.name, origin.digest));
    return;
  }
  plan.digest = origin.digest;
  if (plan.downstream.state === 'missing') {
    block(plan, {
      gate: 'target',
      message: noService(plan.service.name, request.target),
      fix: 'Deploy the environment first: deploy-environment creates services with a stack. Of a service that exists already, check cluster and service in the manifest.',
    });
    return;
  }
  if (origin.digest === before) plan.action = 'none';
}

/** A release that was recorded when its service wanted no tasks. */
function unprovenRelease(service: string, source: string, digest: string): Finding {
  return {
    gate: 'origin',
    message: `${shortDigest(digest)} of ${service} is not proven in ${source}: when it was deployed there, the service wanted 0 tasks`,
    fix: `Deploy the same image to ${source} again while its tasks run: update-service then proves it, with the verdict unchanged.`,
  };
}

/** `prod has no service api in the cluster shop` */
export function noService(name: string, environment: PromotionEnvironment): string {
  const { service, cluster } = placeIn(environment, name);
  return `${environment.name} has no service ${service} in the cluster ${nameOf(cluster)}`;
}

/**
 * The image that runs upstream, read from the tasks themselves. Nothing else is ever promoted: neither what the ledger
 * has, nor what the input `images` names.
 */
function originOf(
  { service, upstream }: ServicePlan,
  { source, images }: PromotionRequest,
): { digest: string } | { finding: Finding } {
  const { name } = service;
  if (upstream.state === 'missing') {
    return refused(noService(name, source), 'Leave the service out of `services`, or deploy it there first.');
  }
  const digests = [...new Set(upstream.images.map(digestOf))];
  const [digest, other] = digests;
  if (digest === undefined) {
    const why = upstream.desired === 0 ? 'is scaled to zero' : 'has no task that runs';
    return refused(
      `${name} ${why} in ${source.name}: nothing that could be promoted is proven there`,
      `Start it in ${source.name}, and let it become steady.`,
    );
  }
  if (other !== undefined) {
    return refused(
      `The tasks of ${name} in ${source.name} run ${digests.length} images: ${digests.map(shortDigest).join(', ')}`,
      'Wait until its deployment is over.',
    );
  }
  const wanted = images?.[name];
  if (wanted !== undefined && wanted !== digest) {
    return refused(
      `${shortDigest(wanted)} does not run in ${source.name}: ${name} runs ${shortDigest(digest)} there`,
      'Plan again: what was read and approved is no longer what runs.',
    );
  }
  return { digest };
}

/** Finds where the images are that run upstream, and tasks that run another image than they were started by. */
async function findSources(plans: readonly ServicePlan[], { source }: PromotionRequest): Promise<void> {
  const open = plans.filter(
    ({ action, digest, upstream }) =>
      action === 'promote' || (action === 'none' && otherDigests(upstream, digest).length > 0),
  );
  const references = open.map(
    ({ service, upstream }) => [service.name, upstream.images[0]?.reference ?? ''] as const,
  );
  const sources = await imageSources(new Map(references), source);
  await inParallel(open, IMAGES_AT_ONCE, async (plan) => {
    const { service, digest = '' } = plan;
    const found = sources.get(service.name);
    if (!found) return;
    plan.images = { source: found, target: { uri: found.uri } };
    const isOwn = placeIn(source, service.name).repository.kind === 'own';
    const wrong = isOwn ? await mismatch(plan.upstream, digest, found, source) : undefined;
    if (wrong === undefined) return;
    block(plan, { gate: 'origin', message: wrong, fix: `Deploy ${service.name} to ${source.name} again.` });
  });
}

function otherDigests({ images }: RunningService, digest: string | undefined): string[] {
  return images.map((image) => image.digest).filter((one) => one !== digest);
}

/** A reference by digest is the identity: for an index, ECS may report the digest of the platform's own image. */
function digestOf({ reference, digest }: RunningImage): string {
  return digestIn(reference) ?? digest;
}

/**
 * Finds a task that was started by one digest and runs another, which is no part of it. An index outside the account's
 * ECR is not read: what a task pulls by a digest is of that digest.
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
    : `A task in ${name} was started by ${shortDigest(digest)} and runs ${shortDigest(unknown)}, which is no part of it`;
}

function refused(message: string, fix: string): { finding: Finding } {
  return { finding: { gate: 'origin', message, fix } };
}

/**
 * Compares the upstream's release of each service with the target's. An older one blocks, unless `allow-older` permits
 * it.
 *
 * @returns what could not be compared, a sentence each.
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
      const { outdated, note } = await order.judge(
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

/** The source of a release, when it is of the image that really runs; else it is unknown. */
export function sourceOfRelease(release: Release | undefined, digest: string): ReleaseSource {
  return release && digestIn(release.image) === digest ? sourceOf(release) : UNKNOWN_SOURCE;
}

/** Whether the target can take the images, and where its tasks will pull them from. */
async function checkTarget(plans: readonly ServicePlan[], { target }: PromotionRequest): Promise<void> {
  const changing = plans.filter(({ action }) => action === 'promote');
  const targets = await imageTargets(releasedImages(changing), target);
  for (const plan of changing) {
    const found = targets.get(plan.service.name);
    if (found && 'gate' in found) block(plan, found);
    else if (found && plan.images) plan.images = { ...plan.images, target: found };
  }
}

/** The images of plans whose image is known. */
export function releasedImages(plans: readonly ServicePlan[]): ReleasedImage[] {
  return plans.flatMap(({ service, digest, images }) =>
    digest !== undefined && images ? [{ service: service.name, digest, ...images }] : [],
  );
}

/** Blocks a service: its finding cannot be bypassed. */
export function block(plan: ServicePlan, finding: Finding): void {
  plan.action = 'blocked';
  plan.findings.push({ ...finding, bypassed: false });
}

const HEADERS = ['service', 'now', 'then', 'what'] as const;

/** Logs the plan as a table, before anything is changed. */
export function logPlan({ from, to, services }: PromotionReport, log: Pick<Log, 'info'>): void {
  const rows = services.map((one) => [
    one.service,
    shortDigest(one.before ?? '-'),
    one.action === 'blocked' ? '' : shortDigest(one.digest ?? '-'),
    actionText(one),
  ]);
  const all = [[...HEADERS], ...rows];
  const widths = HEADERS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  log.info(`The plan, ${from} to ${to}:`);
  for (const row of all) {
    log.info(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
}

function actionText({ action, findings }: ServicePromotion): string {
  const gates = findings.map(({ gate, bypassed }) =>
    bypassed ? `${gate} passed by ${gate === 'order' ? 'allow-older' : 'the bypass'}` : gate,
  );
  if (action === 'none') return 'runs it already';
  return [action, ...gates].join(', ');
}
