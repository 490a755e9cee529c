import { CancelledError, TimeoutError } from './errors.ts';
import type { Outcome } from './outcome.ts';

export type Verdicts = Readonly<Record<string, { ok: boolean }>>;

/** Errors whose message says it all. */
const OWN_NAMES = /^(?:Error|InputError|TimeoutError|CancelledError|MissingPermissionError)$/;

/**
 * What an error means for the run: a cancelled one is `cancelled`, a time-out `timed-out` (where the action has
 * that verdict), all else `failed`.
 */
export function failureOf(error: unknown, verdicts: Verdicts): Outcome {
  const wanted =
    error instanceof CancelledError ? 'cancelled' : error instanceof TimeoutError ? 'timed-out' : 'failed';
  return {
    verdict: Object.hasOwn(verdicts, wanted) ? wanted : 'failed',
    ok: false,
    reason: messageOf(error),
    outputs: {},
    result: {},
  };
}

/** An outcome as the contract allows it: an unknown verdict, or one that is not ok, is never green. */
export function checkedOutcome(outcome: Outcome, verdicts: Verdicts): Outcome {
  if (Object.hasOwn(verdicts, outcome.verdict)) {
    return { ...outcome, ok: outcome.ok && verdicts[outcome.verdict]?.ok === true };
  }
  const reason = `${outcome.reason} (unknown verdict ${JSON.stringify(outcome.verdict)}: please report this)`;
  return { ...outcome, verdict: 'failed', ok: false, reason };
}

/** A message for a person. Errors of the SDK carry their code in `name` and often say little without it. */
export function messageOf(error: unknown): string {
  const { name, message } = Object(error) as { name?: unknown; message?: unknown };
  if (typeof message !== 'string' || typeof name !== 'string') return String(error);
  const text = message.trim();
  if (text === '') return name;
  return OWN_NAMES.test(name) || text.startsWith(name) ? text : `${name}: ${text}`;
}
