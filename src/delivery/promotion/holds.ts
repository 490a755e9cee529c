import { WrongAccountError } from '../../aws/session.ts';
import { errorInfo } from '../../core/errors.ts';
import { describeHold, holdParameter, readHold, releaseHold, setHold } from '../hold.ts';
import { requireAccounts } from './environment.ts';
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
    if (dryRun) return { verdict: 'planned', reason: `${name} would be put on hold.`, hold };
    await setHold(await context.ssm(), placeOf(target), hold, context);
    return { verdict: 'hold-set', reason: `${name} is ${describeHold(hold)}.`, hold };
  });
}

/** Lifts an environment's hold. */
export async function releaseEnvironment({ target, dryRun }: HoldRequest): Promise<HoldResult> {
  return await inOwnAccount(target, async () => {
    const { context, name } = target;
    const client = await context.ssm();
    const hold = await readHold(client, holdParameter(placeOf(target)), context);
    if (!hold) return { verdict: 'unchanged', reason: `${name} is not on hold.` };
    const was = `It was ${describeHold(hold)}.`;
    if (dryRun) return { verdict: 'planned', reason: `${name} would be released. ${was}`, hold };
    await releaseHold(client, placeOf(target), context);
    return { verdict: 'hold-released', reason: `${name} may be promoted to again. ${was}`, hold };
  });
}

/** Does the work when the credentials are those of the environment's account; others are `blocked`. */
async function inOwnAccount(target: PromotionEnvironment, work: () => Promise<HoldEnd>): Promise<HoldResult> {
  const end = await requireAccounts([target]).then(work, (error: unknown): HoldEnd => {
    if (!(error instanceof WrongAccountError)) throw error;
    return { verdict: 'blocked', reason: `${error.message}. Nothing was changed.`, error: errorInfo(error) };
  });
  return { kind: 'hold', to: target.name, ...end, ok: PROMOTION_VERDICTS[end.verdict].ok };
}
