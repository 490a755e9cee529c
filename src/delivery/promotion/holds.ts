import { WrongAccountError } from '../../aws/session.ts';
import { errorInfo } from '../../core/errors.ts';
import { describeHold, type Hold, holdParameter, readHold, releaseHold, setHold } from '../hold.ts';
import { accountRegionsOf, requireAccounts } from './environment.ts';
import type { PromotionEnvironment } from './environment.ts';
import { placeOf } from './plan.ts';
import type { Origin } from './request.ts';
import { type HoldEnd, type HoldResult, PROMOTION_VERDICTS } from './result.ts';

export interface HoldRequest {
  target: PromotionEnvironment;
  reason: string;
  dryRun: boolean;
  origin: Origin;
}

/** Puts an environment on hold. */
export async function holdEnvironment({ target, reason, dryRun, origin }: HoldRequest): Promise<HoldResult> {
  return await inOwnAccount(target, async () => {
    const { context, name } = target;
    const at = new Date(context.clock.now()).toISOString();
    const hold = { reason, actor: origin.actor, at, run: origin.run };
    if (dryRun) return { verdict: 'planned', reason: `Would put ${name} on hold.`, hold };
    await setHoldOf(target, hold);
    return { verdict: 'hold-set', reason: `${name} is ${describeHold(hold)}.`, hold };
  });
}

/** Releases an environment's hold. */
export async function releaseEnvironment({ target, dryRun }: HoldRequest): Promise<HoldResult> {
  return await inOwnAccount(target, async () => {
    const { context, name } = target;
    const client = await context.ssm();
    const hold = await readHold(client, holdParameter(placeOf(target)), context);
    if (!hold) return { verdict: 'unchanged', reason: `${name} is not on hold.` };
    const was = `It was ${describeHold(hold)}.`;
    if (dryRun) return { verdict: 'planned', reason: `Would release the hold on ${name}. ${was}`, hold };
    await releaseHoldOf(target);
    return { verdict: 'hold-released', reason: `Released the hold on ${name}. ${was}`, hold };
  });
}

/**
 * Puts an environment on hold in each account and region of its services, its own first. A service's release reads the
 * hold next to the service's ledger.
 */
export async function setHoldOf(environment: PromotionEnvironment, hold: Hold): Promise<void> {
  for (const { context } of accountRegionsOf(environment)) {
    await setHold(await context.ssm(), placeOf(environment), hold, context);
  }
}

/** Releases a hold, in the environment's own account and region last, because that one is reported. */
async function releaseHoldOf(environment: PromotionEnvironment): Promise<void> {
  for (const { context } of accountRegionsOf(environment).toReversed()) {
    await releaseHold(await context.ssm(), placeOf(environment), context);
  }
}

/** Runs the work if the credentials belong to the environment's account; otherwise the result is `blocked`. */
async function inOwnAccount(target: PromotionEnvironment, work: () => Promise<HoldEnd>): Promise<HoldResult> {
  const end = await requireAccounts([target]).then(work, (error: unknown): HoldEnd => {
    if (!(error instanceof WrongAccountError)) throw error;
    return { verdict: 'blocked', reason: `${error.message}. Nothing was changed.`, error: errorInfo(error) };
  });
  return { kind: 'hold', to: target.name, ...end, ok: PROMOTION_VERDICTS[end.verdict].ok };
}
