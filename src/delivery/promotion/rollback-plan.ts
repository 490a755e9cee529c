import { inParallel } from '../../core/concurrency.ts';
import { digestIn } from '../../ecs/proof.ts';
import { describeService } from '../../ecs/service.ts';
import { readManifest, readManifests } from '../../images/registry/manifest-reader.ts';
import { findRepositories } from '../../images/registry/repository.ts';
import { readCurrentRelease } from '../current-release.ts';
import { ledgerNames, readReleases, type Release, releaseHistory } from '../ledger.ts';
import { environmentLock, lockHolder } from '../lock.ts';
import { type CurrentRelease, rollbackTarget } from '../rollback-target.ts';
import type { PromotionEnvironment } from './environment.ts';
import { block, environmentTag, placeOf, runningDigest, type ServicePlan } from './plan.ts';
import type { Finding, Origin, PromotedService } from './request.ts';
import { missingService, readRunning } from './running.ts';

const SERVICES_AT_ONCE = 8;

export interface EnvironmentRollback {
  target: PromotionEnvironment;
  /** Those that may be rolled back. */
  services: readonly PromotedService[];
  /** Whether they were named; otherwise those that the last release has changed are rolled back. */
  named: boolean;
  reason: string;
  dryRun: boolean;
  lockWaitMs: number;
  timeoutMs: number;
  origin: Origin;
}

/**
 * What would go back, and to what.
 *
 * @param decided the releases that were chosen before, by service.
 */
export async function planRollback(
  { target }: EnvironmentRollback,
  chosen: readonly PromotedService[],
  decided: ReadonlyMap<string, Release>,
): Promise<ServicePlan[]> {
  const [running, repositories] = await Promise.all([
    readRunning(
      target,
      chosen.map(({ name }) => name),
    ),
    findRepositories(
      await target.context.ecr(),
      chosen.map(({ repository }) => repository),
      target.context,
    ),
  ]);
  const plans: ServicePlan[] = [];
  await inParallel(chosen, SERVICES_AT_ONCE, async (service) => {
    const downstream = running.get(service.name) ?? missingService(service.name);
    const { name, repository, smokeTest } = service;
    const plan: ServicePlan = {
      // The migrations of an older release are not run again.
      service: { name, repository, ...(smokeTest && { smokeTest }) },
      action: 'promote',
      upstream: downstream,
      downstream,
      releases: {},
      findings: [],
    };
    plans.push(plan);
    const uri = repositories.get(service.repository)?.uri;
    const finding = await findPrevious(plan, uri, target, decided.get(service.name));
    if (finding) block(plan, finding);
  });
  return plans.toSorted((a, b) => a.service.name.localeCompare(b.service.name));
}

/** Sets the release that a service goes back to; returns why there is none. */
async function findPrevious(
  plan: ServicePlan,
  uri: string | undefined,
  target: PromotionEnvironment,
  decided: Release | undefined,
): Promise<Finding | undefined> {
  const { service, downstream } = plan;
  if (downstream.state === 'missing') {
    const message = `${target.name} has no service ${service.name} in the cluster ${target.cluster}`;
    return { gate: 'target', message, fix: 'Leave it out of `services`.' };
  }
  const place = { ...placeOf(target), service: service.name };
  const [history, current] = await Promise.all([
    releaseHistory(target.context, ledgerNames(place)),
    currentReleaseOf(target, service.name),
  ]);
  const [recorded] = history;
  const before = digestIn(current.image) ?? runningDigest(downstream);
  if (before !== undefined) plan.before = before;
  const previous = decided ?? rollbackTarget(history, current, 'image');
  const digest = digestIn(previous?.image ?? '');
  if (!previous || digest === undefined) {
    const message = `The ledger of ${target.name} has no good release of ${service.name} before the current one`;
    return { gate: 'origin', message, fix: 'Promote or deploy the image that it should have.' };
  }
  // Another run has brought it back meanwhile.
  if (before === digest && current.state === 'complete') plan.action = 'none';
  plan.digest = digest;
  plan.releases = { source: previous, ...(recorded && { target: recorded }) };
  const source = {
    client: await target.context.ecr(),
    name: service.repository,
    uri: uri ?? previous.image.slice(0, -digest.length - 1),
  };
  const tag = environmentTag(target);
  const there = await readManifest(source, digest, target.context);
  if (!there) {
    const message = `The previous image of ${service.name}, ${digest}, is no longer in ${service.repository}`;
    return { gate: 'target', message, fix: 'Promote or deploy another one.' };
  }
  const [tagged] = await readManifests(source, [{ imageTag: tag }], target.context);
  plan.images = { source, target: source, present: true, tagged: tagged?.manifest.digest === digest };
  return undefined;
}

/** What a rollback without names takes back. */
export interface LastChange {
  services: readonly PromotedService[];
  /** The run that holds the lock, by its page; empty when none does. */
  holder: string;
}

/**
 * The services that the last change has changed: those that a deployment in progress, or one that failed, has moved off
 * the ledger, with what the run that holds the lock has released already; else those of the newest release.
 */
export async function lastChange(request: EnvironmentRollback): Promise<LastChange> {
  const { target, services, named } = request;
  const holder = await lockHolder(target.context, environmentLock(placeOf(target)).parameter);
  if (named) return { services, holder };
  const [moved, released] = await Promise.all([movedServices(request), servicesOfRun(request, holder)]);
  const inProgress = services.filter((one) => moved.includes(one) || released.includes(one));
  return { services: inProgress.length > 0 ? inProgress : await servicesOfLastRelease(request), holder };
}

/** The services whose deployment failed, or is not over, and has another image than the ledger. */
async function movedServices({ target, services }: EnvironmentRollback): Promise<PromotedService[]> {
  const [running, releases] = await Promise.all([
    readRunning(
      target,
      services.map(({ name }) => name),
    ),
    releasesOf({ target, services }),
  ]);
  const moved: PromotedService[] = [];
  await inParallel(services, SERVICES_AT_ONCE, async (service) => {
    const now = running.get(service.name);
    const recorded = releases.get(service);
    if (!now || now.steady || now.state === 'missing' || !recorded) return;
    const { image, state } = await currentReleaseOf(target, service.name);
    if (state !== 'complete' && digestIn(recorded.image) !== digestIn(image)) moved.push(service);
  });
  return moved;
}

async function currentReleaseOf(
  { cluster, context }: PromotionEnvironment,
  service: string,
): Promise<CurrentRelease> {
  return await readCurrentRelease(context, await describeService(context, { cluster, service }));
}

async function releasesOf({
  target,
  services,
}: Pick<EnvironmentRollback, 'target' | 'services'>): Promise<Map<PromotedService, Release>> {
  const names = services.map(({ name }) => ledgerNames({ ...placeOf(target), service: name }));
  const releases = await readReleases(target.context, names);
  return new Map(
    services.flatMap((service, index) => {
      const release = releases[index];
      return release ? [[service, release] as const] : [];
    }),
  );
}

/** The services whose newest release is of a run. */
export async function servicesOfRun(request: EnvironmentRollback, run: string): Promise<PromotedService[]> {
  if (run === '') return [];
  const releases = await releasesOf(request);
  return request.services.filter((service) => releases.get(service)?.run === run);
}

/** The services of the newest release: those that one run has changed together. */
async function servicesOfLastRelease(request: EnvironmentRollback): Promise<PromotedService[]> {
  const releases = await releasesOf(request);
  const newest = [...releases.values()].toSorted((a, b) => b.at.localeCompare(a.at))[0];
  if (!newest) return [...request.services];
  return request.services.filter((service) => {
    const release = releases.get(service);
    if (!release) return false;
    return newest.run === '' ? release.at === newest.at : release.run === newest.run;
  });
}
