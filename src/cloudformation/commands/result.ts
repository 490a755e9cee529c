import type { ErrorInfo } from '../../core/errors.ts';
import type { Verdicts } from '../../core/outcome.ts';
import { duration, plural } from '../../core/text.ts';
import { countEffects, type Effect, pathOf, type Plan } from '../change-set/changes.ts';
import { EXPRESS_RECOVERY } from '../change-set/replacements.ts';
import type { Finding } from '../change-set/failure.ts';
import type { GuardFinding } from '../change-set/guard.ts';
import type { Diagnosis } from '../diagnosis/diagnosis.ts';
import { plainReason } from '../diagnosis/hints.ts';
import type { DriftReport } from '../drift/drift.ts';
import type { TimelineFacts } from '../execution/events.ts';
import type { UnprovenChange } from '../execution/reconcile.ts';
import type { Execution } from '../execution/watch.ts';
import type { DeployStackInputs } from '../context.ts';
import { hasFailedInExpressMode, type StackSnapshot } from '../stack.ts';

/** How a run of deploy-stack can end. Only what is proven is ok. */
export const STACK_VERDICTS = {
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
} as const satisfies Verdicts;

export type StackVerdict = keyof typeof STACK_VERDICTS;

/** What any command may know of its stack, however it ended. */
interface StackFacts {
  /** One or two sentences that a person on call understands. */
  reason: string;
  /** The plan that was made or read, where the command got that far. */
  plan?: Plan;
  /** The stack as it was when the plan was made. */
  before?: StackSnapshot;
  /** The stack as it is in the end. */
  stack?: StackSnapshot;
  /** The drift that was found, also before it was reverted. */
  drift?: DriftReport;
}

/** The resources are as the template says. */
interface Deployed extends StackFacts {
  verdict: 'created' | 'updated';
  /** Absent when only settings changed, or when an earlier attempt executed the plan. */
  execution?: Execution;
}

interface Unchanged extends StackFacts {
  verdict: 'unchanged';
}

interface Planned extends StackFacts {
  verdict: 'planned';
  plan: Plan;
  /** What `deploy` and `apply` would block. */
  guard: readonly GuardFinding[];
}

interface Deleted extends StackFacts {
  verdict: 'deleted';
  execution: Execution;
}

interface Compared extends StackFacts {
  verdict: 'in-sync' | 'drifted';
  drift: DriftReport;
  stack: StackSnapshot;
}

/** Nothing was executed: data would be lost, or a person has to look at the stack first. */
interface Blocked extends StackFacts {
  verdict: 'blocked';
  guard?: readonly GuardFinding[];
  error?: ErrorInfo;
}

interface PlanChanged extends StackFacts {
  verdict: 'plan-changed';
  /** What differs from the approved plan, a line each; absent when there was nothing to compare. */
  difference?: readonly string[];
}

/** A plan that was executed and failed. */
interface ExecutionFailed extends StackFacts {
  verdict: 'rolled-back' | 'stuck';
  execution: Execution;
  diagnosis: Diagnosis;
  /** Of a rollback that failed again. */
  error?: ErrorInfo;
}

interface Failed extends StackFacts {
  verdict: 'failed';
  execution?: Execution;
  /** What an operation did that was not watched to its end. */
  timeline?: TimelineFacts;
  diagnosis?: Diagnosis;
  /** Planned changes that nothing proves although the operation completed. */
  unproven?: readonly UnprovenChange[];
  /** What CloudFormation refuses in a plan. */
  findings?: readonly Finding[];
  error?: ErrorInfo;
}

/** The run ended before its operation did. */
interface Interrupted extends StackFacts {
  verdict: 'timed-out' | 'cancelled';
  execution?: Execution;
  timeline?: TimelineFacts;
  diagnosis?: Diagnosis;
  error: ErrorInfo;
}

/** How a command ended. */
export type CommandResult =
  | Deployed
  | Unchanged
  | Planned
  | Deleted
  | Compared
  | Blocked
  | PlanChanged
  | ExecutionFailed
  | Failed
  | Interrupted;

/** What was asked for, and what the run took. */
interface RunFacts {
  stackName: string;
  region: string;
  command: DeployStackInputs['command'];
  /** The template's path or URL, as it was given. */
  template?: string;
  durationMs: number;
  /** What was done besides, or is worth knowing: a sentence each. */
  notes: readonly string[];
}

/** How a run of deploy-stack ended. */
export type StackResult = CommandResult & RunFacts;

/** The verdict on a plan that was executed to the end, and why. */
export function judgeSuccess(
  plan: Plan,
  { durationMs }: Execution,
): { verdict: 'created' | 'updated'; reason: string } {
  const verdict = plan.kind === 'create' ? 'created' : 'updated';
  const reason = `Stack ${plan.stackName} was ${verdict} in ${duration(durationMs)}: ${describeChanges(plan)}.`;
  return { verdict, reason };
}

/** The verdict on an operation that completed without proof that it made all planned changes. */
export function judgeUnproven(
  { stackName }: Plan,
  { status }: Execution,
  unproven: readonly UnprovenChange[],
): { verdict: 'failed'; reason: string; unproven: readonly UnprovenChange[]; error: ErrorInfo } {
  const named = unproven
    .slice(0, SHOWN_UNPROVEN)
    .map((change) => `${pathOf(change)} (${change.type}): ${change.why}`);
  const more = unproven.length > named.length ? `; and ${unproven.length - named.length} more` : '';
  const count = `${plural(unproven.length, 'planned change')} ${unproven.length === 1 ? 'is' : 'are'}`;
  const message = `Stack ${stackName} is ${status}, and ${count} not proven to be in effect: ${named.join('; ')}${more}.`;
  const fix =
    unproven.find((change) => change.fix !== undefined)?.fix ??
    'Compare the resource with the template (command: drift), and deploy again in mode: standard.';
  return {
    verdict: 'failed',
    reason: `${message} ${fix}`,
    unproven,
    error: { code: 'stack-unproven', message, fix },
  };
}

/** The verdict on a plan whose execution failed, and why. */
export function judgeFailure(
  { stackName, kind }: Plan,
  { status, stack }: Execution,
  diagnosis: Diagnosis | undefined,
): { verdict: 'rolled-back' | 'stuck' | 'failed'; reason: string; error?: ErrorInfo } {
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
      if (diagnosis && !diagnosis.rootCause) {
        const reason = `Stack ${stackName} was deleted by another job or person while this ${what} was in progress.`;
        return { verdict: 'rolled-back', reason };
      }
      return { verdict: 'rolled-back', reason: `${failed}. The stack was deleted.` };
    case 'UPDATE_ROLLBACK_FAILED':
      return stuckEnd(`${failed}. The rollback failed too${stuckText(diagnosis)}`);
    case 'CREATE_FAILED':
      return { verdict: 'failed', reason: `${failed}. What was done is kept: the stack is ${status}.` };
    case 'UPDATE_FAILED':
      return {
        verdict: 'failed',
        reason: `${failed}. What was done is kept: the stack is ${status}. ${keptWayOut(stack)}`,
      };
    default:
      return { verdict: 'failed', reason: `${failed}. The stack is ${status}${stuckText(diagnosis)}.` };
  }
}

function stuckEnd(message: string): { verdict: 'stuck'; reason: string; error: ErrorInfo } {
  const fix = 'Repair that resource, then run deploy-stack with continue-rollback: true.';
  return {
    verdict: 'stuck',
    reason: `${message}. Fix: ${fix}`,
    error: { code: 'stack-stuck', message, fix },
  };
}

function keptWayOut(stack: StackSnapshot | undefined): string {
  if (stack && hasFailedInExpressMode(stack)) return EXPRESS_RECOVERY;
  return 'Run deploy-stack with on-failure: keep to continue from this state, or with continue-rollback: true to roll back first.';
}

const SHOWN_UNPROVEN = 5;
const SHOWN_REASON = 400;

/** ` at Vpc (AWS::EC2::VPC): the reason`, to follow `failed`. */
export function causeText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rootCause;
  if (!cause) return ', and AWS gave no reason';
  const said = shortReason(cause.reason);
  const code = cause.code !== undefined && !said.includes(cause.code) ? ` (${cause.code})` : '';
  const where = ` at ${pathOf(cause)} (${cause.type}): `;
  return cause.tasks ? `${where}${cause.tasks.cause} (AWS: ${said})` : `${where}${said}${code}`;
}

function stuckText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rollbackFailures[0];
  return cause ? ` at ${pathOf(cause)} (${shortReason(cause.reason)})` : '';
}

/** Shortened, in one line, without its full stop. */
function shortReason(text: string): string {
  const line = plainReason(text);
  return (line.length > SHOWN_REASON ? `${line.slice(0, SHOWN_REASON)}…` : line).replace(/\.$/, '');
}

const DONE: Readonly<Record<Effect, string>> = {
  replace: 'replaced',
  maybe: 'changed or replaced',
  delete: 'deleted',
  retain: 'retained outside the stack',
  add: 'added',
  change: 'changed',
  import: 'imported',
  sync: 'marked as in sync',
};

/** `1 replaced, 2 added`: what an executed plan did. */
function describeChanges(plan: Plan): string {
  const parts = Object.entries(countEffects(plan)).map(
    ([effect, count]) => `${count} ${DONE[effect as Effect]}`,
  );
  return parts.length > 0 ? parts.join(', ') : 'no resource changed, but outputs, tags or settings did';
}
