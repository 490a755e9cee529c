import { table } from '../../core/markdown/markdown.ts';
import { escapeCell } from '../../core/markdown/markdown.ts';
import type { Outcome } from '../../core/outcome.ts';
import { describeHold, readHold, releaseHold, setHold } from '../hold.ts';
import type { Hold } from '../hold.ts';
import { requireAccounts, WrongAccountError } from './environment.ts';
import type { PromotionEnvironment } from './environment.ts';
import type { Verdict } from './outcome.ts';
import { placeOf } from './plan.ts';
import type { Origin } from './request.ts';

export interface HoldOrder {
  target: PromotionEnvironment;
  reason: string;
  dryRun: boolean;
  origin: Origin;
}

/** Puts an environment on hold. */
export async function holdEnvironment({ target, reason, dryRun, origin }: HoldOrder): Promise<Outcome> {
  return checked(target, async () => {
    const { context, name } = target;
    const at = new Date(context.clock.now()).toISOString();
    const hold = { reason, actor: origin.actor, at, run: origin.run };
    if (dryRun) return outcome(target, 'planned', `${name} would be put on hold.`, hold, false);
    await setHold(await context.ssm(), placeOf(target), hold, context);
    return outcome(target, 'hold-set', `${name} is ${describeHold(hold)}.`, hold, true);
  });
}

/** Lifts an environment's hold. */
export async function releaseEnvironment({ target, dryRun }: HoldOrder): Promise<Outcome> {
  return checked(target, async () => {
    const { context, name } = target;
    const client = await context.ssm();
    const hold = await readHold(client, placeOf(target), context);
    if (!hold) return outcome(target, 'unchanged', `${name} is not on hold.`, undefined, false);
    const said = `It was ${describeHold(hold)}.`;
    if (dryRun) return outcome(target, 'planned', `${name} would be released. ${said}`, hold, false);
    await releaseHold(client, placeOf(target), context);
    return outcome(target, 'hold-released', `${name} may be promoted to again. ${said}`, hold, true);
  });
}

async function checked(target: PromotionEnvironment, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    await requireAccounts([target]);
  } catch (error) {
    if (!(error instanceof WrongAccountError)) throw error;
    return outcome(target, 'blocked', `${error.message}. Nothing was changed.`, undefined, false);
  }
  return work();
}

function outcome(
  { name }: PromotionEnvironment,
  verdict: Verdict,
  reason: string,
  hold: Hold | undefined,
  changed: boolean,
): Outcome {
  const ok = verdict !== 'blocked';
  const facts = hold
    ? table(['Since', 'By', 'Why'], [[escapeCell(hold.at), escapeCell(hold.actor), escapeCell(hold.reason)]])
    : '';
  return {
    verdict,
    ok,
    reason,
    outputs: { to: name, from: '', 'has-changes': String(changed) },
    result: { to: name, ...(hold && { hold: { ...hold } }) },
    summary: [
      {
        title: `${ok ? '✅' : '❌'} ${escapeCell(name)}: ${verdict}`,
        body: `${escapeCell(reason)}\n\n${facts}`,
        priority: 100,
      },
    ],
  };
}
