import { AwsError } from '../../aws/errors.ts';
import { inParallel } from '../../core/concurrency.ts';
import { InputError } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';
import { digestIn } from '../../ecs/proof.ts';
import { describeService } from '../../ecs/service.ts';
import { factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import type { ApprovalRequest } from '../approval.ts';
import { readCurrentRelease } from '../current-release.ts';
import { ledgerNames, type Release, releaseHistory, unknownRelease } from '../ledger.ts';
import { environmentLock, lockHolder } from '../lock.ts';
import {
  chooseCandidate,
  type CurrentRelease,
  goodReleases,
  isFirstRelease,
  listCandidates,
  rollbackCandidates,
  type RollbackChoice,
} from '../rollback-target.ts';
import { servedRevisions } from '../served-revisions.ts';
import { placeIn, type PromotionEnvironment, type ServicePlace } from './environment.ts';
import { earlierTargets, imageSources } from './images.ts';
import {
  block,
  noService,
  placeOf,
  releasedImages,
  releasesOf,
  runningDigest,
  type ServicePlan,
} from './plan.ts';
import type { Finding, Origin, PromotedService } from './request.ts';
import { missingService, readRunning } from './running.ts';

const SERVICES_AT_ONCE = 8;

export interface EnvironmentRollback {
  target: PromotionEnvironment;
  /** The services that may be rolled back. */
  services: readonly PromotedService[];
  /** Whether they were named explicitly; otherwise the services that the last releases changed are rolled back. */
  named: boolean;
  /** How many good releases to go back: of the environment, or of each named service. */
  steps: number;
  /** Digests of good releases to roll back to, by service. The services are then named. */
  images: Readonly<Record<string, string>>;
  reason: string;
  approval: ApprovalRequest;
  dryRun: boolean;
  lockWaitMs: number;
  timeoutMs: number;
  origin: Origin;
}

/**
 * Plans the rollback: which services, and to which releases.
 *
 * @param decided releases that were chosen earlier, by service.
 */
export async function planRollback(
  { target, images }: EnvironmentRollback,
  { services: chosen, steps }: Pick<LastChange, 'services' | 'steps'>,
  decided: ReadonlyMap<string, Release> = new Map(),
): Promise<ServicePlan[]> {
  const running = await readRunning(
    target,
    chosen.map(({ name }) => name),
  );
  const plans: ServicePlan[] = [];
  await inParallel(chosen, SERVICES_AT_ONCE, async (service) => {
    const downstream = running.get(service.name) ?? missingService(service.name);
    const { name, smokeTest, imageStacks } = service;
    const plan: ServicePlan = {
      // The migrations of an older release do not run again.
      service: { name, ...(smokeTest && { smokeTest }), imageStacks },
      action: 'promote',
      upstream: downstream,
      downstream,
      releases: {},
      findings: [],
    };
    plans.push(plan);
    const digest = images[name];
    const choice = digest === undefined ? { steps: steps.get(name) ?? 1 } : { digest };
    const finding = await findPrevious(plan, target, { choice, decided: decided.get(name) });
    if (finding) block(plan, finding);
  });
  await checkImages(plans, target);
  return plans.toSorted((a, b) => a.service.name.localeCompare(b.service.name));
}

/** Sets the release that a service is rolled back to, or returns a finding if there is none. */
async function findPrevious(
  plan: ServicePlan,
  target: PromotionEnvironment,
  { choice, decided }: { choice: RollbackChoice; decided: Release | undefined },
): Promise<Finding | undefined> {
  const { service, downstream } = plan;
  if (downstream.state === 'missing')
    return { gate: 'target', message: noService(service.name, target), fix: 'Remove it from `services`.' };
  const place = placeIn(target, service.name);
  const [history, current] = await Promise.all([
    releaseHistory(place.context, ledgerNames({ ...placeOf(target), service: service.name })),
    currentReleaseOf(target, service.name),
  ]);
  const [recorded] = history;
  const before = digestIn(current.image) ?? runningDigest(downstream);
  if (before !== undefined) plan.before = before;
  const { releases, unread } = decided
    ? { releases: [decided], unread: undefined }
    : await previousReleases(place, history, current);
  const previous = decided ?? chooseCandidate(releases, choice);
  const digest = digestIn(previous?.image ?? '');
  if (!previous || digest === undefined) {
    return noRelease({ service: service.name, environment: target.name }, choice, { releases, unread });
  }
  // Another run has already restored it.
  if (before === digest && current.state === 'complete') plan.action = 'none';
  plan.digest = digest;
  plan.releases = { source: previous, ...(recorded && { target: recorded }) };
  return undefined;
}

function noRelease(
  { service, environment }: { service: string; environment: string },
  choice: RollbackChoice,
  { releases, unread }: PreviousReleases,
): Finding {
  if (releases.length === 0) {
    const ecs = unread === undefined ? '' : `, and its ECS deployments cannot be read: ${unread}`;
    const message = `The ledger of ${environment} has no good release of ${service} before the current one${ecs}`;
    return { gate: 'origin', message, fix: 'Promote or deploy the image that it should run.' };
  }
  const count = plural(releases.length, 'good release');
  const message =
    'steps' in choice
      ? `The history of ${service} in ${environment} has only ${count} before the current one, but steps is ${choice.steps}`
      : `No good release of ${service} in ${environment} before the current one has the image ${choice.digest}`;
  return { gate: 'origin', message, fix: `Name one of these in \`images\`: ${listCandidates(releases)}.` };
}

interface PreviousReleases {
  /** The nearest first. */
  releases: readonly Release[];
  /** Why the deployments that would list them could not be read. */
  unread?: string | undefined;
}

/**
 * The releases before the current one. Releases from before the ledger had more than one image, such as before a
 * service's first promotion, are among ECS's successful deployments.
 */
async function previousReleases(
  place: ServicePlace,
  history: readonly Release[],
  current: CurrentRelease,
): Promise<PreviousReleases> {
  const releases = rollbackCandidates(history, current, 'image');
  if (releases.length > 0 || !isFirstRelease(history)) return { releases };
  try {
    const served = await servedReleases(place);
    // The task definition may reference the image by tag, which ECS has resolved to a digest in its deployments.
    const known = served.find(({ taskDefinition }) => taskDefinition === current.taskDefinition);
    const running = { ...current, ...(known && { image: known.image }) };
    return { releases: rollbackCandidates(served, running, 'image') };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { releases, unread: error.message };
  }
}

/** The service's successful deployments, the newest first. */
async function servedReleases(place: ServicePlace): Promise<Release[]> {
  const { context, cluster, service: name, container } = place;
  const service = await describeService(context, { cluster, service: name });
  const { definition } = await readTaskDefinition(context, service.taskDefinition ?? '');
  const main = mainContainer(definition, factsOf(service, name, container), 'image').name;
  const served = await servedRevisions(context, { cluster, service: name });
  return served.flatMap(({ images, taskDefinition }) => {
    const image = images[main];
    return image === undefined ? [] : [{ ...unknownRelease(image, true), taskDefinition }];
  });
}

/** Finds the repositories of the previous images, and blocks services whose image no longer exists. */
async function checkImages(plans: readonly ServicePlan[], target: PromotionEnvironment): Promise<void> {
  const going = plans.filter(({ action }) => action === 'promote');
  const images = going.map(({ service, releases }) => [service.name, releases.source?.image ?? ''] as const);
  const sources = await imageSources(new Map(images), target);
  for (const plan of going) {
    const source = sources.get(plan.service.name);
    if (source) plan.images = { source, target: { uri: source.uri } };
  }
  const targets = await earlierTargets(releasedImages(going), target);
  for (const plan of going) {
    const found = targets.get(plan.service.name);
    if (found && 'gate' in found) block(plan, found);
    else if (found && plan.images) plan.images = { ...plan.images, target: found };
  }
}

/** The change that a rollback undoes. */
export interface LastChange {
  services: readonly PromotedService[];
  /** How many of its own good releases each service goes back, by name. */
  steps: ReadonlyMap<string, number>;
  /** URL of the run that holds the lock; empty if it is free. */
  holder: string;
}

/**
 * The services that the last change affected. If a deployment is in progress or failed, these are the services that no
 * longer run the ledger's release and those that the run with the lock has already released; otherwise the services of
 * the newest release. With more steps, the services of earlier releases are included, each as far back as those
 * releases changed it.
 */
export async function lastChange(request: EnvironmentRollback): Promise<LastChange> {
  const { target, services, named, steps } = request;
  const holder = await lockHolder(target.context, environmentLock(placeOf(target)).parameter);
  if (named) return { services, steps: new Map(services.map(({ name }) => [name, steps])), holder };
  const [moved, released] = await Promise.all([movedServices(request), servicesOfRun(request, holder)]);
  const inProgress = services.filter((one) => moved.includes(one) || released.includes(one));
  if (steps === 1) {
    const changed = inProgress.length > 0 ? inProgress : await servicesOfLastRelease(request);
    return { services: changed, steps: new Map(), holder };
  }
  const before = await releasesOfEach(request, holder, inProgress.length > 0 ? steps - 1 : steps);
  const of = (one: PromotedService): number =>
    (before.get(one.name) ?? 0) + (inProgress.includes(one) ? 1 : 0);
  const changed = services.filter((one) => of(one) > 0);
  return { services: changed, steps: new Map(changed.map((one) => [one.name, of(one)])), holder };
}

/**
 * How many good releases of each service are among the environment's newest `count` releases, without those of a run.
 */
async function releasesOfEach(
  { target, services }: EnvironmentRollback,
  without: string,
  count: number,
): Promise<ReadonlyMap<string, number>> {
  const keyOf = ({ run, at }: Release): string => (run === '' ? at : run);
  const good = new Map<string, Release[]>();
  await inParallel(services, SERVICES_AT_ONCE, async ({ name }) => {
    const { context } = placeIn(target, name);
    const history = await releaseHistory(context, ledgerNames({ ...placeOf(target), service: name }));
    const others = goodReleases(history).filter(({ run }) => run === '' || run !== without);
    good.set(name, others);
  });
  const newestFirst = [...good.values()].flat().toSorted((a, b) => b.at.localeCompare(a.at));
  const undone = new Set([...new Set(newestFirst.map(keyOf))].slice(0, count));
  const ofEach = [...good].map(([name, releases]) => {
    const kept = releases.findIndex((release) => !undone.has(keyOf(release)));
    return [name, kept < 0 ? releases.length : kept] as const;
  });
  return new Map(ofEach);
}

/** The services whose deployment failed or is in progress, and that have another image than the ledger. */
async function movedServices({ target, services }: EnvironmentRollback): Promise<PromotedService[]> {
  const [running, releases] = await Promise.all([
    readRunning(
      target,
      services.map(({ name }) => name),
    ),
    recordedReleases({ target, services }),
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

async function currentReleaseOf(environment: PromotionEnvironment, name: string): Promise<CurrentRelease> {
  const { context, container, ...address } = placeIn(environment, name);
  return await readCurrentRelease(context, await describeService(context, address), container);
}

async function recordedReleases({
  target,
  services,
}: Pick<EnvironmentRollback, 'target' | 'services'>): Promise<Map<PromotedService, Release>> {
  const releases = await releasesOf(
    target,
    services.map(({ name }) => name),
  );
  return new Map(
    services.flatMap((service, index) => {
      const release = releases[index];
      return release ? [[service, release] as const] : [];
    }),
  );
}

/** The services whose newest release was made by a run. */
export async function servicesOfRun(request: EnvironmentRollback, run: string): Promise<PromotedService[]> {
  if (run === '') return [];
  const releases = await recordedReleases(request);
  return request.services.filter((service) => releases.get(service)?.run === run);
}

/** The services of the newest release, which one run changed together. */
async function servicesOfLastRelease(request: EnvironmentRollback): Promise<PromotedService[]> {
  const releases = await recordedReleases(request);
  const newest = [...releases.values()].toSorted((a, b) => b.at.localeCompare(a.at))[0];
  if (!newest) {
    const allowed = `the ledger of ${request.target.name} has no release, so the last changed services are unknown. Name the services to roll back`;
    throw new InputError('services', '', allowed);
  }
  return request.services.filter((service) => {
    const release = releases.get(service);
    if (!release) return false;
    return newest.run === '' ? release.at === newest.at : release.run === newest.run;
  });
}
