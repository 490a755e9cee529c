import type { Played } from '../stage.ts';

/** The colour of a verdict: `halted` means that nothing was changed, as intended. */
export type Tone = 'good' | 'halted' | 'failed';

const HALTED = new Set(['blocked', 'held', 'outdated', 'cancelled', 'drifted', 'plan-changed', 'superseded']);
const FAILED = new Set([
  ...['rolled-back', 'failed', 'stuck', 'timed-out', 'partial', 'stopped'],
  ...['pre-deploy-failed', 'smoke-test-failed', '(none)'],
]);

export function toneOf({ verdict, asExpected }: Played): Tone {
  if (!asExpected || FAILED.has(verdict)) return 'failed';
  return HALTED.has(verdict) ? 'halted' : 'good';
}

export const MARKS: Readonly<Record<Tone, string>> = { good: '✓', halted: '■', failed: '✗' };
