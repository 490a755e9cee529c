import { errorText } from '../../aws/errors.ts';
import { RegistryError } from '../../images/registry/client.ts';
import { promotionSections } from '../../present/promotion.ts';
import type { PromotionReport } from '../../present/promotion.ts';
import { CancelledError, InputError, TimeoutError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import { LockTakenError } from '../lock.ts';
import { WrongAccountError } from './environment.ts';

export type Verdict =
  | 'promoted'
  | 'unchanged'
  | 'planned'
  | 'restored'
  | 'hold-set'
  | 'hold-released'
  | 'reported'
  | 'blocked'
  | 'held'
  | 'rolled-back'
  | 'partial'
  | 'failed'
  | 'timed-out'
  | 'cancelled';

const GREEN: readonly Verdict[] = [
  'promoted',
  'unchanged',
  'planned',
  'restored',
  'hold-set',
  'hold-released',
  'reported',
];

/** How a promotion or a rollback ended, as outputs, result and summary. */
export function outcomeOf(report: PromotionReport, verdict: Verdict, reason: string): Outcome {
  const ok = GREEN.includes(verdict);
  return {
    verdict,
    ok,
    reason,
    outputs: outputsOf(report),
    result: { ...report },
    summary: promotionSections(report, { verdict, ok, reason }),
  };
}

/**
 * The outcome of a run that an error has ended.
 *
 * @param left what is left behind, a sentence.
 */
export function failureOutcome(report: PromotionReport, error: unknown, left: string): Outcome {
  if (error instanceof CancelledError)
    return outcomeOf(report, 'cancelled', `${capital(error.message)}. ${left}`);
  if (error instanceof TimeoutError)
    return outcomeOf(report, 'timed-out', `${capital(error.message)}. ${left}`);
  if (error instanceof LockTakenError || error instanceof WrongAccountError) {
    return outcomeOf(report, 'blocked', `${sentence(error.message)} ${left}`);
  }
  if (error instanceof InputError) return outcomeOf(report, 'failed', error.message);
  const told = error instanceof RegistryError || (error instanceof Error && error.name === 'Error');
  return outcomeOf(report, 'failed', `${sentence(told ? error.message : errorText(error))} ${left}`);
}

function outputsOf({ from, to, services, dryRun }: PromotionReport): Record<string, string> {
  const images = services.flatMap(({ service, digest }) => (digest === undefined ? [] : [[service, digest]]));
  const named = (wanted: (one: PromotionReport['services'][number]) => boolean): string =>
    JSON.stringify(services.filter(wanted).map(({ service }) => service));
  const changes = (one: PromotionReport['services'][number]): boolean =>
    dryRun ? one.action === 'promote' : one.end !== undefined && one.end.runs !== 'what it ran before';
  return {
    from,
    to,
    images: JSON.stringify(Object.fromEntries(images)),
    'has-changes': String(services.some(changes)),
    promoted: named(({ end }) => end?.runs === 'the new image'),
    skipped: named(({ action }) => action === 'none'),
  };
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
