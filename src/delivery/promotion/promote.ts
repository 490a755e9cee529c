import type { Context } from '../../core/context.ts';
import { errorInfo } from '../../core/errors.ts';
import { outOf, plural, sentence, shortDigest } from '../../core/text.ts';
import { awaitsApproval, requireOtherWriter, approvalInstructions } from '../approval.ts';
import { findHold, type HeldError, holdParameter } from '../hold.ts';
import { environmentLock, withLock } from '../lock.ts';
import { OutdatedError } from '../order-check.ts';
import { UnverifiedError } from '../../images/signature/verify.ts';
import { copyImages } from './images.ts';
import { rollOutServices } from './roll-out.ts';
import { requireAccounts, withSignal } from './environment.ts';
import { checkGates, isBlocking, timeText } from './gates/gates.ts';
import {
  planPromotion,
  placeOf,
  type PromotionPlan,
  logPlan,
  releasedImages,
  type ServicePlan,
  sourceOfRelease,
} from './plan.ts';
import type { PromotionRequest } from './request.ts';
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
import { soakedAt } from './gates/soak.ts';
import type { ReleaseEnd, ReleaseResult } from './result.ts';

/**
 * Promotes the release of one environment to the next: plan and gates, images, all services in parallel, and a
 * rollback of all of them if one fails. Never throws.
 */
export async function promote(
  context: Context,
  request: PromotionRequest,
  gitHub: GitHubAccess,
): Promise<ReleaseResult> {
  const { source, target, gates, dryRun } = request;
  const { bypassReason } = gates;
  const run = startRun(
    context.clock,
    {
      from: source.name,
      to: target.name,
      dryRun: dryRun || request.checkOnly,
      ...(bypassReason !== undefined && { bypassReason }),
    },
    gitHub,
  );
  try {
    const approvals = dryRun ? {} : await approveRun(run, request.approval, 'deployment');
    await requireAccounts([source, target]);
    if (dryRun) return await planOnly(request, run);
    await waitForGates(request);
    if (request.checkOnly) return await planOnly(request, run);
    const origin = { ...request.origin, ...approvals };
    const lock = {
      ...environmentLock(placeOf(target)),
      who: request.origin.actor,
      run: request.origin.run,
      waitMs: request.lockWaitMs,
    };
    return await withLock(target.context, lock, (signal) =>
      planAndApply(
        { ...request, origin, source: withSignal(source, signal), target: withSignal(target, signal) },
        run,
      ),
    );
  } catch (error) {
    return failRun(run, context.signal.aborted ? context.signal.reason : error);
  }
}

const POLL_INTERVAL_MS = 30_000;

/**
 * Waits, without the target's lock, for findings that resolve by themselves: the rest of a soak, and a deployment in
 * the source environment. Any other finding, or a soak that ends too late, stops the wait immediately; the following
 * plan reports it.
 */
async function waitForGates(request: PromotionRequest): Promise<void> {
  const { context } = request.source;
  const untilMs = context.clock.now() + request.soakWaitMs;
  for (let logged = ''; context.clock.now() < untilMs;) {
    const left = untilMs - context.clock.now();
    const plan = await planPromotion({ ...request, soakWaitMs: left });
    await checkGates(plan, request);
    const blocking = plan.services.flatMap(({ findings }) => findings).filter(isBlocking);
    const [first] = blocking;
    if (!first || (plan.hold && request.gates.bypassReason === undefined)) return;
    const ends = blocking.map(({ passesAt }) => (passesAt === '' ? 0 : Date.parse(passesAt ?? '')));
    const end = Math.max(...ends);
    if (Number.isNaN(end) || end > untilMs) return;
    if (first.message !== logged)
      context.log.info(`Waiting until ${timeText(untilMs)} at most: ${first.message}.`);
    logged = first.message;
    const rest = end === 0 ? POLL_INTERVAL_MS : Math.max(1000, end - context.clock.now());
    await context.clock.sleep(Math.min(POLL_INTERVAL_MS, rest, left), context.signal);
  }
}

async function planOnly(request: PromotionRequest, run: Run): Promise<ReleaseResult> {
  const plan = await planAndReport(request, run);
  const refused = endByFindings(plan, request);
  if (refused) return endRun(run, refused);
  const changing = plan.services.filter(({ action }) => action === 'promote');
  if (awaitsApproval(request.approval)) run.report.awaitsApproval = approvalInstructions(request.approval);
  const reason =
    changing.length === 0
      ? `${request.target.name} already runs the release of ${request.source.name}.`
      : `${outOf(changing.length, plan.services.length, 'service')} would be promoted${pendingText(changing)}.`;
  return endRun(run, { verdict: 'planned', reason });
}

/** ` after the soak time ends at 2026-11-27T09:00:00Z`; empty if nothing is pending. */
function pendingText(services: readonly ServicePlan[]): string {
  const ends = services.flatMap(({ findings }) =>
    findings.flatMap(({ pending, passesAt }) => (pending ? passesAt : [])),
  );
  const times = ends.flatMap((end) => (end === undefined || end === '' ? [] : Date.parse(end)));
  if (times.length > 0) return ` after the soak time ends at ${timeText(Math.max(...times))}`;
  return ends.length > 0 ? ' after the deployment upstream completes' : '';
}

async function planAndApply(request: PromotionRequest, run: Run): Promise<ReleaseResult> {
  const plan = await planAndReport(request, run);
  const refused = endByFindings(plan, request);
  if (refused) return endRun(run, refused);
  const changing = plan.services.filter(({ action }) => action === 'promote');
  if (changing.length === 0) {
    return endRun(run, { verdict: 'unchanged', reason: `${request.target.name} already runs these images.` });
  }
  await requireOtherWriter(
    request.approval,
    request.origin.approvals ?? [],
    changing.map(({ releases, digest = '' }) => sourceOfRelease(releases.source, digest)),
  );
  run.remains = 'No service was changed. Copied images remain.';
  const copies = await copyImages(releasedImages(changing), request.target);
  for (const reported of run.report.services) {
    const copy = copies.get(reported.service);
    if (!copy) continue;
    const { notes, ...copied } = copy;
    reported.copy = copied;
    run.report.notes.push(...notes.map((note) => `${reported.service}: ${note}`));
  }
  const { source, target, timeoutMs, lockWaitMs, order, origin, gates } = request;
  const { bypassReason } = gates;
  // Copying may have taken minutes.
  const parameter = holdParameter(placeOf(target));
  const hold = await findHold(await target.context.ssm(), parameter, target.context);
  if (hold && bypassReason === undefined) return endRun(run, heldEnd(hold, run.remains));
  const isEarlier = changing.some(({ newer }) => newer !== undefined);
  const what = isEarlier ? `the newest soaked release of ${source.name}` : `the images of ${source.name}`;
  return rollOutServices(
    changing,
    {
      target,
      timeoutMs,
      lockWaitMs,
      order,
      origin,
      from: source.name,
      ...(bypassReason === undefined ? { hold: parameter } : { bypassReason }),
    },
    {
      verdict: 'promoted',
      reason: `Promoted ${plural(changing.length, 'service')} to ${target.name}: ${what}.`,
    },
    run,
  );
}

async function planAndReport(request: PromotionRequest, run: Run): Promise<PromotionPlan> {
  // Findings that were waited for have passed, or will not pass in time.
  const plan = await planPromotion(request.dryRun ? request : { ...request, soakWaitMs: 0 });
  await checkGates(plan, request);
  const { report } = run;
  report.services = plan.services.map(reportPlan);
  report.notes.push(...plan.notes, ...plan.services.flatMap((one) => newerNote(one, request)));
  if (plan.hold) report.hold = plan.hold.message;
  report.commits = await commitsBetween(report.services, run.gitHub);
  logPlan(report, request.target.context.log);
  return plan;
}

/** A note about a newer release in the source environment than the one that is promoted. */
function newerNote({ service, newer, action }: ServicePlan, { source, gates }: PromotionRequest): string[] {
  if (!newer || action === 'none') return [];
  const end = soakedAt(newer, gates.soakMs);
  const when = end === undefined || end === Infinity ? '' : ` and will have soaked at ${timeText(end)}`;
  return [
    `${service.name}: ${shortDigest(newer.digest)} is newer in ${source.name}${when}. Promoting the newest release that has soaked.`,
  ];
}

/** The result of a blocked promotion; undefined if it may continue. */
function endByFindings(
  { services, hold }: PromotionPlan,
  { gates }: PromotionRequest,
): ReleaseEnd | undefined {
  const blocked = services.filter(({ action }) => action === 'blocked');
  const first = blocked[0]?.findings.find(isBlocking);
  if (first) {
    const more = blocked.length > 1 ? ` ${plural(blocked.length, 'service')} are blocked.` : '';
    const reason = `${sentence(first.message)}${more} Nothing was changed. Fix: ${first.fix}`;
    const others = blocked.flatMap(({ findings }) => findings).filter(({ gate }) => gate !== 'order');
    if (others.some(isBlocking)) {
      const unsigned = others.find(({ gate }) => gate === 'signature');
      const error = unsigned && errorInfo(new UnverifiedError(unsigned.message));
      return { verdict: 'blocked', reason, ...(error && { error }) };
    }
    if (hold && gates.bypassReason === undefined) return heldEnd(hold, 'Nothing was changed.');
    return { verdict: 'outdated', reason, error: errorInfo(new OutdatedError(first.message)) };
  }
  const changes = services.some(({ action }) => action === 'promote');
  if (!hold || !changes || gates.bypassReason !== undefined) return undefined;
  return heldEnd(hold, 'Nothing was changed.');
}

/** @param remains a sentence about what has been changed so far. */
function heldEnd(hold: HeldError, remains: string): ReleaseEnd {
  const reason = `${sentence(hold.message)} ${remains} Fix: ${hold.fix ?? ''}`;
  return { verdict: 'held', reason, error: errorInfo(hold) };
}
