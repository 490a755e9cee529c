import { classify } from '../../aws/errors.ts';
import { errorInfo, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { readRelease } from '../ledger.ts';
import { serviceLock, withLock } from '../lock.ts';
import type { OutdatedError } from '../order-judge.ts';
import { sourceOf } from '../source.ts';
import { runRelease } from './on-failure.ts';
import type { Release } from './release.ts';
import type { ServiceContext, ServiceRequest } from './request.ts';
import type { ServiceResult } from './result.ts';

/**
 * Does the work while holding the lock of a service that has a ledger: its releases come one after the other, and
 * none replaces the rollout of another. Other services of the environment go on meanwhile. Never throws.
 *
 * A role that may not write the lock works without one: the ledger is read again before each change.
 *
 * @param work never throws; its context has the signal of the lock.
 * @returns what the work gives, or the result of a release that did not get the lock.
 */
export async function withServiceLock<T>(
  context: ServiceContext,
  request: ServiceRequest,
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
      `${request.service} is released without a lock: ${reasonOf(error)}. ` +
        `Fix: Allow ssm:PutParameter, ssm:GetParameterHistory and ssm:DeleteParameter on ${lock.parameter}.`,
    );
    return await work(context);
  }
}

/**
 * Compares a release with what the ledger has now. An older one that is allowed is noted, and recorded as such.
 *
 * @param image whole, as far as it is known.
 * @returns why it must not go on.
 */
export async function findNewer(
  context: ServiceContext,
  release: Release,
  { ledger, order, origin, service }: ServiceRequest,
  image?: string,
): Promise<OutdatedError | undefined> {
  if (!ledger || !order || !origin.source) return undefined;
  const recorded = await readRelease(context, ledger);
  const candidate = { ...sourceOf(origin.source), ...(image !== undefined && { image }) };
  const { outdated, note } = await order.judge(service, recorded, candidate);
  if (note !== undefined && !release.report.notes.includes(note)) release.addNote(note);
  if (!outdated || !order.allowOlder) return outdated;
  if (!release.allowedOlder)
    release.addNote(`${sentence(outdated.message)} It is replaced: allow-older is true.`);
  release.allowedOlder = true;
  return undefined;
}

/**
 * The result of a release that is older than what the ledger has now; undefined when it may go on. Never throws.
 *
 * @param image whole, as far as it is known.
 */
export async function refuseOutdated(
  context: ServiceContext,
  request: ServiceRequest,
  image?: string,
): Promise<ServiceResult | undefined> {
  return await runRelease(context, request, async (inner, release) => {
    const outdated = await findNewer(inner, release, request, image);
    return outdated ? endOutdated(release, outdated, 'Nothing was changed.') : undefined;
  });
}

/** @param remains the state that the service is left in, a sentence. */
export function endOutdated(release: Release, outdated: OutdatedError, remains: string): ServiceResult {
  const reason = `${sentence(outdated.message)} ${remains} Fix: ${outdated.fix ?? ''}`;
  return release.end({ verdict: 'outdated', reason, error: errorInfo(outdated) });
}
