import { pathOf } from '../report/plan-counts.ts';
import { type Effect, EFFECTS, effectOf } from '../report/plan-counts.ts';
import { duration } from '../report/duration.ts';
import type { Diagnosis } from './diagnosis.ts';
import { plainReason } from './hints.ts';
import type { Plan } from './types.ts';
import type { Execution } from './watch.ts';

/** How a run of deploy-stack can end. Only what is proven is ok. */
export const VERDICTS = {
  created: { ok: true },
  updated: { ok: true },
  unchanged: { ok: true },
  planned: { ok: true },
  deleted: { ok: true },
  'in-sync': { ok: true },
  drifted: { ok: false },
  blocked: { ok: false },
  'plan-changed': { ok: false },
  'rolled-back': { ok: false },
  failed: { ok: false },
  stuck: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const satisfies Record<string, { ok: boolean }>;

export type Verdict = keyof typeof VERDICTS;

const COMPLETE: ReadonlySet<string> = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'IMPORT_COMPLETE']);

/** Whether an execution did all it was asked to. */
export function isComplete(execution: Execution): boolean {
  return COMPLETE.has(execution.status);
}

/** The verdict on an executed plan, and why, in one sentence. The diagnosis is that of a failed execution. */
export function judge(
  plan: Plan,
  execution: Execution,
  diagnosis: Diagnosis | undefined,
): { verdict: Verdict; reason: string } {
  const { stackName, kind } = plan;
  const { status, durationMs } = execution;
  if (isComplete(execution)) {
    const verdict = kind === 'create' ? 'created' : 'updated';
    return {
      verdict,
      reason: `Stack ${stackName} was ${verdict} in ${duration(durationMs)}: ${sizeOf(plan)}.`,
    };
  }
  const what = kind === 'create' ? 'creation' : 'update';
  const failed = `The ${what} of stack ${stackName} failed${causeText(diagnosis)}`;
  switch (status) {
    case 'UPDATE_ROLLBACK_COMPLETE':
      return {
        verdict: 'rolled-back',
        reason: `${failed}. It was rolled back: the stack is as it was before.`,
      };
    case 'ROLLBACK_COMPLETE':
      return { verdict: 'rolled-back', reason: `${failed}. It was rolled back: the stack holds nothing.` };
    case 'DELETE_COMPLETE':
      return { verdict: 'rolled-back', reason: `${failed}. The stack was deleted.` };
    case 'UPDATE_ROLLBACK_FAILED':
      return {
        verdict: 'stuck',
        reason: `${failed}. The rollback failed too${stuckText(diagnosis)}: deploy with continue-rollback: true once that is repaired.`,
      };
    case 'CREATE_FAILED':
    case 'UPDATE_FAILED':
      return { verdict: 'failed', reason: `${failed}. What was done is kept: the stack is ${status}.` };
    default:
      return { verdict: 'failed', reason: `${failed}. The stack is ${status}${stuckText(diagnosis)}.` };
  }
}

const SHOWN_REASON = 400;

/** ` at Vpc (AWS::EC2::VPC): the reason`, to follow `failed`. */
export function causeText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rootCause;
  if (!cause) return ', and AWS gave no reason';
  const said = sentence(cause.reason);
  const code = cause.code !== undefined && !said.includes(cause.code) ? ` (${cause.code})` : '';
  const where = ` at ${pathOf(cause)} (${cause.type}): `;
  return cause.tasks ? `${where}${cause.tasks.cause} (AWS: ${said})` : `${where}${said}${code}`;
}

function stuckText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rollbackFailures[0];
  return cause ? ` at ${pathOf(cause)} (${sentence(cause.reason)})` : '';
}

/** Shortened, in one line, without its full stop. */
function sentence(text: string): string {
  const line = plainReason(text);
  return (line.length > SHOWN_REASON ? `${line.slice(0, SHOWN_REASON)}…` : line).replace(/\.$/, '');
}

const DONE: Readonly<Record<Effect, string>> = {
  replace: 'replaced',
  maybe: 'changed or replaced',
  delete: 'deleted',
  retain: 'let go of',
  add: 'added',
  change: 'changed',
  import: 'imported',
  sync: 'marked as in sync',
};

/** `1 replaced, 2 added`: what an executed plan did. */
function sizeOf(plan: Plan): string {
  const parts = Object.entries(countEffects(plan)).map(
    ([effect, count]) => `${count} ${DONE[effect as Effect]}`,
  );
  return parts.length > 0 ? parts.join(', ') : 'no resource changed, but outputs, tags or settings did';
}

/** How many resources a plan changes in each way; ways that do not occur are left out. */
export function countEffects({ changes }: Pick<Plan, 'changes'>): Partial<Record<Effect, number>> {
  const effects = changes.map(effectOf);
  const counts = EFFECTS.map(
    (effect) => [effect, effects.filter((found) => found === effect).length] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}
