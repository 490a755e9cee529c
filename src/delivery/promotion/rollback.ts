import type { Context } from '../../core/context.ts';
import { environmentLock, withLock } from '../lock.ts';
import { requireAccounts, withSignal } from './environment.ts';
import { setHoldOf } from './holds.ts';
import { logPlan, placeOf, type ServicePlan } from './plan.ts';
import type { ReleaseEnd, ReleaseResult } from './result.ts';
import { rollOutServices } from './roll-out.ts';
import {
  type EnvironmentRollback,
  lastChange,
  type LastChange,
  planRollback,
  servicesOfRun,
} from './rollback-plan.ts';
import {
  approveRun,
  commitsBetween,
  endRun,
  failRun,
  type GitHubAccess,
  reportPlan,
  type Run,
  startRun,
} from './run.ts';
import { listOf, sentence } from '../../core/text.ts';

/**
 * Rolls an environment back: the services of the last change return to their previous release, and the environment is
 * put on hold, so that the next promotion does not bring the same image back. Never throws.
 *
 * The services and releases are determined when the rollback is requested. Then it sets the hold and takes the lock,
 * whose holder is requested to stop. Runs that wait for the lock find the hold when they get it.
 */
export async function rollBackEnvironment(
  context: Context,
  requested: EnvironmentRollback,
  gitHub: GitHubAccess,
): Promise<ReleaseResult> {
  const { target, dryRun, reason, lockWaitMs } = requested;
  const run = startRun(context.clock, { from: '', to: target.name, dryRun }, gitHub);
  try {
    const approvals = dryRun ? {} : await approveRun(run, requested.approval, 'rollback');
    const origin = { ...requested.origin, ...approvals };
    const request = { ...requested, origin };
    await requireAccounts([target]);
    const change = await lastChange(request);
    const plans = await planRollback(request, change);
    await reportPlans(plans, request, run);
    const end = endBeforeHold(plans, request);
    if (end) return endRun(run, end);
    await holdTarget(request, run);
    const lock = {
      ...environmentLock(placeOf(target)),
      who: origin.actor,
      run: origin.run,
      waitMs: lockWaitMs,
      stopHolder: reason,
    };
    return await withLock(target.context, lock, (signal) =>
      rollBackUnderLock({ ...request, target: withSignal(target, signal) }, { change, plans }, run),
    );
  } catch (error) {
    return failRun(run, context.signal.aborted ? context.signal.reason : error);
  }
}

/** The result if nothing is rolled back; undefined otherwise. */
function endBeforeHold(plans: readonly ServicePlan[], request: EnvironmentRollback): ReleaseEnd | undefined {
  const { target, dryRun } = request;
  const blocked = blockedReason(plans, 'Nothing was changed.');
  if (blocked !== undefined) return { verdict: 'blocked', reason: blocked };
  const names = namesOf(changingOf(plans));
  if (names === '') {
    const reason = `${target.name} already runs ${isPrevious(request) ? 'its previous' : 'that'} release. No hold was set.`;
    return { verdict: 'unchanged', reason };
  }
  const reason = `${names} would be rolled back, and ${target.name} would be put on hold.`;
  return dryRun ? { verdict: 'planned', reason } : undefined;
}

/** The hold comes first, so that even if the rollback fails, nothing releases the same images again. */
async function holdTarget({ target, reason, origin }: EnvironmentRollback, run: Run): Promise<void> {
  const at = new Date(target.context.clock.now()).toISOString();
  const hold = { reason, at, actor: origin.actor, run: origin.run };
  await setHoldOf(target, hold);
  run.remains = `No service was changed. ${target.name} is on hold.`;
  run.report.notes.push(`${target.name} is on hold until it is released with command: release-hold.`);
}

/** The decision from before the lock was taken. */
interface Decided {
  change: LastChange;
  plans: readonly ServicePlan[];
}

/**
 * The holder of the lock may have changed more services, or been rolled back itself; the chosen releases stay the same.
 */
async function rollBackUnderLock(
  request: EnvironmentRollback,
  { change, plans: before }: Decided,
  run: Run,
): Promise<ReleaseResult> {
  const { target, reason, origin, timeoutMs, lockWaitMs } = request;
  const decided = new Map(
    before.flatMap(({ service, releases }) =>
      releases.source ? [[service.name, releases.source] as const] : [],
    ),
  );
  const also = request.named ? [] : await servicesOfRun(request, change.holder);
  const services = [...new Set([...change.services, ...also])];
  const plans = await planRollback(request, { ...change, services }, decided);
  await reportPlans(plans, request, run);
  const blocked = blockedReason(plans, run.remains);
  if (blocked !== undefined) return endRun(run, { verdict: 'blocked', reason: blocked });
  const changing = changingOf(plans);
  const success: ReleaseEnd = {
    verdict: 'restored',
    reason: `Rolled ${namesOf(plans)} back to ${isPrevious(request) ? 'the previous' : 'an earlier'} release. ${target.name} is on hold.`,
  };
  if (changing.length === 0) return endRun(run, success);
  const options = { target, timeoutMs, lockWaitMs, origin, from: '', stopHolder: reason };
  return await rollOutServices(changing, options, success, run);
}

async function reportPlans(
  plans: readonly ServicePlan[],
  { target }: EnvironmentRollback,
  run: Run,
): Promise<void> {
  run.report.services = plans.map(reportPlan);
  run.report.commits = await commitsBetween(run.report.services, run.gitHub);
  logPlan(run.report, target.context.log);
}

/**
 * Why nothing is rolled back; undefined if no finding blocks it.
 *
 * @param remains a sentence about what has been changed so far.
 */
function blockedReason(plans: readonly ServicePlan[], remains: string): string | undefined {
  const [first] = plans.flatMap(({ findings }) => findings);
  return first && `${sentence(first.message)} ${remains} Fix: ${first.fix}`;
}

function changingOf(plans: readonly ServicePlan[]): ServicePlan[] {
  return plans.filter(({ action }) => action === 'promote');
}

function isPrevious({ steps, images }: EnvironmentRollback): boolean {
  return steps === 1 && Object.keys(images).length === 0;
}

function namesOf(plans: readonly ServicePlan[]): string {
  return listOf(plans.map(({ service }) => service.name));
}
