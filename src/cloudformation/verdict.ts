import { type Diagnosis, pathOf } from './diagnosis.ts';
import { duration } from '../report/stack.ts';
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

function causeText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rootCause;
  if (!cause) return ', and AWS gave no reason';
  return ` at ${pathOf(cause)} (${cause.type}): ${sentence(cause.reason)}`;
}

function stuckText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rollbackFailures[0];
  return cause ? ` at ${pathOf(cause)} (${sentence(cause.reason)})` : '';
}

/** Shortened, in one line, without its full stop. */
function sentence(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return (line.length > SHOWN_REASON ? `${line.slice(0, SHOWN_REASON)}…` : line).replace(/\.$/, '');
}

/** `2 added, 1 changed, 1 replaced, 1 removed`. */
export function sizeOf({ changes }: Plan): string {
  const counts = countChanges({ changes });
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  if (parts.length === 0) return 'no resource changed, only what surrounds them';
  return parts.map(([name, count]) => `${count} ${name}`).join(', ');
}

/** How many resources a plan adds, changes, replaces (for certain or perhaps) and removes. */
export function countChanges({ changes }: Pick<Plan, 'changes'>): Record<string, number> {
  const counts = { added: 0, changed: 0, replaced: 0, 'perhaps replaced': 0, removed: 0, imported: 0 };
  for (const { action, replacement } of changes) {
    if (action === 'add') counts.added += 1;
    else if (action === 'remove') counts.removed += 1;
    else if (action === 'import') counts.imported += 1;
    else if (replacement === 'yes') counts.replaced += 1;
    else if (replacement === 'maybe') counts['perhaps replaced'] += 1;
    else counts.changed += 1;
  }
  return counts;
}
