import { inParallel } from '../../core/concurrency.ts';
import type { Log } from '../../core/log.ts';
import { readManifests } from '../../images/registry/manifest-reader.ts';
import { findRepositories, type ImageRepository } from '../../images/registry/repository.ts';
import type { GateFinding, PromotionReport, ServicePromotion } from './result.ts';
import { type Hold, readHold } from '../hold.ts';
import { ledgerNames, readReleases, type Release } from '../ledger.ts';
import type { PromotionEnvironment } from './environment.ts';
import { originOf } from './origin.ts';
import type { Finding, PromotedService, PromotionRequest } from './request.ts';
import { digestIn, readRunning, type RunningService } from './running.ts';

const IMAGES_AT_ONCE = 8;

/** What is to become of one service. */
export interface ServicePlan {
  service: PromotedService;
  /** `none`: it runs the image already. */
  action: 'promote' | 'none' | 'blocked';
  upstream: RunningService;
  downstream: RunningService;
  /** The image that runs upstream; undefined when it cannot be told. */
  digest?: string;
  /** What runs in the target now; undefined when nothing does. */
  before?: string;
  /** What the ledgers say of the two. */
  releases: { source?: Release; target?: Release };
  /** Where the image is, and where it goes; set when it is to be promoted. */
  images?: { source: ImageRepository; target: ImageRepository; present: boolean; tagged: boolean };
  findings: GateFinding[];
}

export interface PromotionPlan {
  services: ServicePlan[];
  hold?: Hold;
}

/** Reads both environments, and tells what a promotion would do. Changes nothing. */
export async function makePlan(request: PromotionRequest): Promise<PromotionPlan> {
  const { source, target, services } = request;
  const names = services.map(({ name }) => name);
  const [above, below, sourceReleases, targetReleases, hold] = await Promise.all([
    readRunning(source, names),
    readRunning(target, names),
    releasesOf(source, names),
    releasesOf(target, names),
    target.context.ssm().then((client) => readHold(client, placeOf(target), target.context)),
  ]);
  const plans = services.map((service, index): ServicePlan => {
    const [release, known] = [sourceReleases[index], targetReleases[index]];
    const [upstream, downstream] = [above.get(service.name), below.get(service.name)];
    if (!upstream || !downstream) throw new Error(`${service.name} was not read`);
    return {
      service,
      action: 'promote',
      upstream,
      downstream,
      releases: { ...(release && { source: release }), ...(known && { target: known }) },
      findings: [],
    };
  });
  await inParallel(plans, IMAGES_AT_ONCE, (plan) => judgeOrigin(plan, request));
  await judgeTarget(plans, request);
  return { services: plans, ...(hold && { hold }) };
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

function releasesOf(
  { project, name, context }: PromotionEnvironment,
  services: readonly string[],
): Promise<(Release | undefined)[]> {
  return readReleases(
    context,
    services.map((service) => ledgerNames({ project, environment: name, service })),
  );
}

/** What runs upstream, whether it is what was asked for, and whether the target has it already. */
async function judgeOrigin(plan: ServicePlan, request: PromotionRequest): Promise<void> {
  const before = runningDigest(plan.downstream);
  if (before !== undefined) plan.before = before;
  const origin = await originOf(plan, request);
  if ('finding' in origin) {
    block(plan, origin.finding);
    return;
  }
  plan.digest = origin.digest;
  plan.images = { source: origin.place, target: origin.place, present: false, tagged: false };
  if (plan.downstream.state === 'missing') {
    block(plan, {
      gate: 'target',
      message: `${request.target.name} has no service ${plan.service.name} in the cluster ${request.target.cluster}`,
      fix: 'Deploy the environment first: deploy-environment makes the service.',
    });
    return;
  }
  if (origin.digest === before) plan.action = 'none';
}

/** Whether the target can take the images: its repositories, and the tag that says what runs there. */
async function judgeTarget(plans: readonly ServicePlan[], { target }: PromotionRequest): Promise<void> {
  const changing = plans.filter(({ action }) => action === 'promote');
  if (changing.length === 0) return;
  const client = await target.context.ecr();
  const names = [...new Set(changing.map(({ service }) => service.repository))];
  const repositories = await findRepositories(client, names, target.context);
  const tag = environmentTag(target);
  await inParallel(changing, IMAGES_AT_ONCE, async (plan) => {
    const { service, digest = '', images } = plan;
    const repository = repositories.get(service.repository);
    if (!repository || !images) {
      block(plan, {
        gate: 'target',
        message: `There is no repository ${service.repository} in the account of ${target.name}`,
        fix: 'Deploy the stack with the repositories there first.',
      });
      return;
    }
    const place = { client, name: repository.name, uri: repository.uri };
    const ids = [{ imageDigest: digest }, { imageTag: tag }];
    const found = await readManifests(place, ids, target.context);
    const present = found.some((one) => one.manifest.digest === digest);
    const tagged = found.find((one) => one.tag === tag)?.manifest.digest;
    plan.images = { ...images, target: place, present, tagged: tagged === digest };
    if (tagged !== undefined && tagged !== digest && repository.isImmutable(tag)) {
      block(plan, {
        gate: 'target',
        message: `The tag ${tag} of ${repository.name} in ${target.name} is immutable and stands on ${tagged}`,
        fix: 'Exclude env-* from the immutable tags of the repository.',
      });
    }
  });
}

/** The tag that says what runs in an environment, and keeps the image from expiring. */
export function environmentTag({ name }: PromotionEnvironment): string {
  return `env-${name}`;
}

export function block(plan: ServicePlan, finding: Finding): void {
  plan.action = 'blocked';
  plan.findings.push({ ...finding, bypassed: false });
}

const HEADERS = ['service', 'now', 'then', 'what'] as const;

/** Writes the plan into the log, as a table, before anything is changed. */
export function tellPlan({ from, to, services }: PromotionReport, log: Pick<Log, 'info'>): void {
  const rows = services.map((one) => [
    one.service,
    short(one.before),
    one.action === 'blocked' ? '' : short(one.digest),
    what(one),
  ]);
  const all = [[...HEADERS], ...rows];
  const widths = HEADERS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  log.info(`The plan, ${from} to ${to}:`);
  for (const row of all) {
    log.info(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
}

function what({ action, findings }: ServicePromotion): string {
  const gates = findings.map(({ gate, bypassed }) => (bypassed ? `${gate} passed by the bypass` : gate));
  if (action === 'none') return 'runs it already';
  return [action, ...gates].join(', ');
}

function short(digest: string | undefined): string {
  return digest === undefined ? '-' : digest.slice(0, 'sha256:'.length + 12);
}
