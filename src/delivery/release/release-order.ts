import { classify } from '../../aws/errors.ts';
import { errorInfo, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { findHold, HeldError } from '../hold.ts';
import { readRelease } from '../ledger.ts';
import { serviceLock, withLock } from '../lock.ts';
import type { OutdatedError } from '../order-check.ts';
import { sourceOf } from '../source.ts';
import { runRelease } from './on-failure.ts';
import type { Release } from './release.ts';
import type { ServiceContext, ServiceRequest, ServiceTarget } from './request.ts';
import type { ServiceResult } from './result.ts';

/**
 * Runs the work while holding the lock of a service that has a ledger, so that its releases run one after the other
 * and none replaces another's rollout. Other services of the environment are not blocked. Never throws.
 *
 * A role without permission to write the lock works without one; the ledger is read again before each change.
 *
 * @param work must not throw; its context has the signal of the lock.
 * @returns the result of the work, or of a release that did not get the lock.
 */
export async function withServiceLock<T>(
  context: ServiceContext,
  request: ServiceTarget & Pick<ServiceRequest, 'lockHeld'>,
  work: (locked: ServiceContext) => Promise<T>,
): Promise<T | ServiceResult> {
  const { ledger, lockWaitMs, origin, stopHolder } = request;
  if (!ledger || request.lockHeld === true) return await work(context);
  const lock = {
    ...serviceLock(ledger),
    who: origin.actor,
    run: origin.run,
    waitMs: lockWaitMs,
    ...(stopHolder !== undefined && { stopHolder }),
  };
  try {
    return await withLock(context, lock, (signal) => work({ ...context, signal }));
  } catch (error) {
    if (classify(error) !== 'denied') {
      return await runRelease<ServiceResult>(context, request, () => {
        throw error;
      });
    }
    context.log.warning(
      `Releasing ${request.service} without a lock: ${reasonOf(error)}. ` +
        `Fix: Allow ssm:PutParameter, ssm:GetParameterHistory and ssm:DeleteParameter on ${lock.parameter}.`,
    );
    return await work(context);
  }
}

/**
 * Compares a release with the ledger. If it is older but allowed, that is noted and recorded.
 *
 * @param image full reference, if known.
 * @returns the reason to refuse it.
 */
async function findNewer(
  context: ServiceContext,
  release: Release,
  { ledger, order, origin, service }: ServiceRequest,
  image?: string,
): Promise<OutdatedError | undefined> {
  if (!ledger || !order || !origin.source) return undefined;
  const recorded = await readRelease(context, ledger);
  const candidate = { ...sourceOf(origin.source), ...(image !== undefined && { image }) };
  const { outdated, note } = await order.check(service, recorded, candidate);
  if (note !== undefined && !release.report.notes.includes(note)) release.addNote(note);
  if (!outdated || !order.allowOlder) return outdated;
  if (!release.allowedOlder)
    release.addNote(`${sentence(outdated.message)} It is replaced because allow-older is true.`);
  release.allowedOlder = true;
  return undefined;
}

/**
 * The reason to refuse a release: the ledger has a newer one, or the environment is on hold.
 *
 * @param image full reference, if known.
 */
export async function findRefusal(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  image?: string,
): Promise<OutdatedError | HeldError | undefined> {
  const [outdated, held] = await Promise.all([
    findNewer(context, release, request, image),
    heldBy(context, release, request),
  ]);
  return held ?? outdated;
}

/** A role that cannot read the hold gets a warning, and its releases ignore holds. */
async function heldBy(
  context: ServiceContext,
  release: Release,
  { hold }: ServiceRequest,
): Promise<HeldError | undefined> {
  if (hold === undefined) return undefined;
  try {
    return await findHold(await context.ssm(), hold, context);
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    const fix = `Allow ssm:GetParameter on ${hold}.`;
    const text = `Cannot check whether the environment is on hold: ${sentence(reasonOf(error))} Fix: ${fix}`;
    // Checked again right before the service changes.
    if (!release.report.notes.includes(text)) release.warn(text);
    return undefined;
  }
}

/**
 * The result of a refused release; undefined if it may continue. Never throws.
 *
 * @param image full reference, if known.
 */
export async function refuseRelease(
  context: ServiceContext,
  request: ServiceRequest,
  image?: string,
): Promise<ServiceResult | undefined> {
  return await runRelease(context, request, async (inner, release) => {
    const refusal = await findRefusal(inner, release, request, image);
    return refusal && endRefused(release, refusal, 'Nothing was changed.');
  });
}

/** @param remains a sentence that describes the state of the service. */
export function endRefused(
  release: Release,
  refusal: OutdatedError | HeldError,
  remains: string,
): ServiceResult {
  const verdict = refusal instanceof HeldError ? 'held' : 'outdated';
  const reason = `${sentence(refusal.message)} ${remains} Fix: ${refusal.fix ?? ''}`;
  return release.end({ verdict, reason, error: errorInfo(refusal) });
}
