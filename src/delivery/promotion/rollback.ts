import { readManifest, readManifests } from '../../images/registry/manifest-reader.ts';
import { findRepositories } from '../../images/registry/repository.ts';
import type { Context } from '../../core/context.ts';
import { inParallel } from '../../core/concurrency.ts';
import { setHold } from '../hold.ts';
import { ledgerNames, readReleases, releaseHistory } from '../ledger.ts';
import type { Release } from '../ledger.ts';
import { environmentLock, withLock } from '../lock.ts';
import { rollOutServices } from './roll-out.ts';
import { requireAccounts, withSignal } from './environment.ts';
import type { PromotionEnvironment } from './environment.ts';
import type { Finding, Origin, PromotedService } from './request.ts';
import { block, environmentTag, placeOf, runningDigest, type ServicePlan, logPlan } from './plan.ts';
import { commitsBetween, endRun, failRun, type GitHubAccess, reportPlan, type Run, startRun } from './run.ts';
import type { ReleaseResult } from './result.ts';
import { digestIn } from '../../ecs/proof.ts';
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
 * Rolls an environment back to its previous release in the ledger, and puts it on hold, so that the next promotion
 * does not bring the same image again. Never throws.
 */
export async function rollBackEnvironment(
  context: Context,
  request: EnvironmentRollback,
  gitHub: GitHubAccess,
): Promise<ReleaseResult> {
  const { target, dryRun, origin, lockWaitMs } = request;
  const run = startRun(context.clock, { from: '', to: target.name, dryRun }, gitHub);
  try {
    await requireAccounts([target]);
    if (dryRun) return await planAndRollBack(request, run);
    const lock = {
      ...environmentLock(placeOf(target)),
      who: origin.actor,
      run: origin.run,
      waitMs: lockWaitMs,
    };
    return await withLock(target.context, lock, (signal) =>
      planAndRollBack({ ...request, target: withSignal(target, signal) }, run),
    );
  } catch (error) {
    return failRun(run, context.signal.aborted ? context.signal.reason : error);
  }
}

async function planAndRollBack(request: EnvironmentRollback, run: Run): Promise<ReleaseResult> {
  const { target, reason, origin, timeoutMs, lockWaitMs } = request;
  const plans = await planRollback(request);
  run.report.services = plans.map(reportPlan);
  run.report.commits = await commitsBetween(run.report.services, run.gitHub);
  logPlan(run.report, target.context.log);
  const objection = plans.flatMap(({ findings }) => findings)[0];
  if (objection) {
    return endRun(run, {
      verdict: 'blocked',
      reason: `${objection.message}. ${objection.fix} Nothing was changed.`,
    });
  }
  const changing = plans.filter(({ action }) => action === 'promote');
  if (changing.length === 0) {
    return endRun(run, {
      verdict: 'unchanged',
      reason: `${target.name} runs its previous release already. There is no hold.`,
    });
  }
  const names = changing.map(({ service }) => service.name).join(', ');
  if (request.dryRun)
    return endRun(run, {
      verdict: 'planned',
      reason: `${names} would go back, and ${target.name} would be on hold.`,
    });
  // The hold comes first: even when the rollback fails, nothing may bring the same images again.
  const at = new Date(target.context.clock.now()).toISOString();
  const hold = { reason, at, actor: origin.actor, run: origin.run };
  await setHold(await target.context.ssm(), placeOf(target), hold, target.context);
  run.report.notes.push(`${target.name} is on hold until somebody releases it (release-hold).`);
  return rollOutServices(
    changing,
    { target, timeoutMs, lockWaitMs, origin, from: '' },
    {
      verdict: 'restored',
      reason: `${names} run their previous release again, and ${target.name} is on hold.`,
    },
    run,
  );
}

/** What would go back, and to what. */
async function planRollback(request: EnvironmentRollback): Promise<ServicePlan[]> {
  const { target } = request;
  const chosen = request.named ? request.services : await servicesOfLastRelease(request);
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
    const finding = await findPrevious(plan, uri, target);
    if (finding) block(plan, finding);
  });
  return plans.toSorted((a, b) => a.service.name.localeCompare(b.service.name));
}

/** Sets the release that a service goes back to; returns why there is none. */
async function findPrevious(
  plan: ServicePlan,
  uri: string | undefined,
  target: PromotionEnvironment,
): Promise<Finding | undefined> {
  const { service, downstream } = plan;
  const place = { ...placeOf(target), service: service.name };
  const [current, ...earlier] = await releaseHistory(target.context, ledgerNames(place));
  const before = runningDigest(downstream) ?? digestIn(current?.image ?? '');
  const previous = earlier.find((release) => digestIn(release.image) !== before && hasDigest(release));
  if (before !== undefined) plan.before = before;
  if (downstream.state === 'missing') {
    const message = `${target.name} has no service ${service.name} in the cluster ${target.cluster}`;
    return { gate: 'target', message, fix: 'Leave it out of `services`.' };
  }
  const digest = digestIn(previous?.image ?? '');
  if (!previous || digest === undefined) {
    const message = `The ledger of ${target.name} knows no release of ${service.name} before this one`;
    return { gate: 'origin', message, fix: 'Promote or deploy the image that it should have.' };
  }
  plan.digest = digest;
  plan.releases = { source: previous, ...(current && { target: current }) };
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

/** The services of the newest release: those that one run has changed together. */
async function servicesOfLastRelease({ target, services }: EnvironmentRollback): Promise<PromotedService[]> {
  const names = services.map(({ name }) => ledgerNames({ ...placeOf(target), service: name }));
  const releases = await readReleases(target.context, names);
  const newest = releases.reduce<Release | undefined>(
    (best, one) => (one && one.at > (best?.at ?? '') ? one : best),
    undefined,
  );
  if (!newest) return [...services];
  return services.filter((_, index) => {
    const release = releases[index];
    if (!release) return false;
    return newest.run === '' ? release.at === newest.at : release.run === newest.run;
  });
}

function hasDigest({ image }: Release): boolean {
  return digestIn(image) !== undefined;
}
