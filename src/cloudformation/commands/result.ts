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

/** The verdicts of deploy-stack. Only verified results are ok. */
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

/** What any result may contain. */
interface StackFacts {
  /** One or two sentences for the person on call. */
  reason: string;
  /** The plan that was created or read, if the command got that far. */
  plan?: Plan;
  /** The stack when the plan was created. */
  before?: StackSnapshot;
  /** The stack at the end. */
  stack?: StackSnapshot;
  /** The drift that was found, before any revert. */
  drift?: DriftReport;
  /** The stack operation had completed when the run was stopped. */
  completed?: true;
}

/** The resources match the template. */
interface Deployed extends StackFacts {
  verdict: 'created' | 'updated';
  /** Absent if only settings changed, or if an earlier attempt executed the plan. */
  execution?: Execution;
}

interface Unchanged extends StackFacts {
  verdict: 'unchanged';
}

interface Planned extends StackFacts {
  verdict: 'planned';
  plan: Plan;
  /** The changes that `deploy` and `apply` would block. */
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

/** Nothing was executed: data would be lost, or the stack needs manual action first. */
interface Blocked extends StackFacts {
  verdict: 'blocked';
  guard?: readonly GuardFinding[];
  error?: ErrorInfo;
}

interface PlanChanged extends StackFacts {
  verdict: 'plan-changed';
  /** The differences from the approved plan, one line each; absent if there was nothing to compare. */
  difference?: readonly string[];
}

/** A plan that was executed and failed. */
interface ExecutionFailed extends StackFacts {
  verdict: 'rolled-back' | 'stuck';
  execution: Execution;
  diagnosis: Diagnosis;
  /** Set for a rollback that failed again. */
  error?: ErrorInfo;
}

interface Failed extends StackFacts {
  verdict: 'failed';
  execution?: Execution;
  /** The events of an operation that was not watched to its end. */
  timeline?: TimelineFacts;
  diagnosis?: Diagnosis;
  /** Planned changes that could not be verified although the operation completed. */
  unproven?: readonly UnprovenChange[];
  /** Why CloudFormation rejected a plan. */
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

/** The result of a command. */
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

/** The request, and facts about the run. */
interface RunFacts {
  stackName: string;
  region: string;
  command: DeployStackInputs['command'];
  /** The template's path or URL, as in the input. */
  template?: string;
  durationMs: number;
  /** Further actions and information, one sentence each. */
  notes: readonly string[];
}

/** The result of a run of deploy-stack. */
export type StackResult = CommandResult & RunFacts;

/** The verdict and the reason for a plan that was executed. */
export function successResult(
  plan: Plan,
  { durationMs }: Execution,
): { verdict: 'created' | 'updated'; reason: string } {
  const verdict = plan.kind === 'create' ? 'created' : 'updated';
  const reason = `Stack ${plan.stackName} was ${verdict} in ${duration(durationMs)}: ${describeChanges(plan)}.`;
  return { verdict, reason };
}

/** The verdict and the reason for an operation that completed, but whose planned changes could not all be verified. */
export function unprovenResult(
  { stackName }: Plan,
  { status }: Execution,
  unproven: readonly UnprovenChange[],
): { verdict: 'failed'; reason: string; unproven: readonly UnprovenChange[]; error: ErrorInfo } {
  const named = unproven
    .slice(0, SHOWN_UNPROVEN)
    .map((change) => `${pathOf(change)} (${change.type}): ${change.why}`);
  const more = unproven.length > named.length ? `; and ${unproven.length - named.length} more` : '';
  const count = plural(unproven.length, 'planned change');
  const message = `Stack ${stackName} is ${status}, but ${count} could not be verified: ${named.join('; ')}${more}.`;
  const fix =
    unproven.find((change) => change.fix !== undefined)?.fix ??
    'Compare the resource with the template (command: drift), then deploy again with mode: standard.';
  return {
    verdict: 'failed',
    reason: `${message} ${fix}`,
    unproven,
    error: { code: 'stack-unproven', message, fix },
  };
}

/** The verdict and the reason for a plan whose execution failed. */
export function failureResult(
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
        reason: `${failed}. The update was rolled back.`,
      };
    case 'ROLLBACK_COMPLETE':
      return { verdict: 'rolled-back', reason: `${failed}. The creation was rolled back.` };
    case 'DELETE_COMPLETE':
      if (diagnosis && !diagnosis.rootCause) {
        const reason = `Stack ${stackName} was deleted by another caller while this ${what} was in progress.`;
        return { verdict: 'rolled-back', reason };
      }
      return { verdict: 'rolled-back', reason: `${failed}. The stack was deleted.` };
    case 'UPDATE_ROLLBACK_FAILED':
      return stuckResult(`${failed}. The rollback also failed${stuckText(diagnosis)}`, CONTINUE_ROLLBACK);
    case 'ROLLBACK_FAILED':
      return stuckResult(`${failed}. The rollback also failed${stuckText(diagnosis)}`, RECREATE);
    case 'CREATE_FAILED':
      return { verdict: 'failed', reason: `${failed}. It was not rolled back: the stack is ${status}.` };
    case 'UPDATE_FAILED':
      return {
        verdict: 'failed',
        reason: `${failed}. It was not rolled back: the stack is ${status}. ${nextStep(stack)}`,
      };
    default:
      return { verdict: 'failed', reason: `${failed}. The stack is ${status}${stuckText(diagnosis)}.` };
  }
}

const CONTINUE_ROLLBACK =
  'Resolve the error of that resource, then run deploy-stack with continue-rollback: true.';
/**
 * "Delete the stack or view the stack events to see any associated error messages."
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
 */
const RECREATE =
  'Remove what prevents the deletion of that resource, then deploy again: what is left of the stack is deleted, and the stack is created again.';

function stuckResult(message: string, fix: string): { verdict: 'stuck'; reason: string; error: ErrorInfo } {
  return {
    verdict: 'stuck',
    reason: `${message}. Fix: ${fix}`,
    error: { code: 'stack-stuck', message, fix },
  };
}

function nextStep(stack: StackSnapshot | undefined): string {
  if (stack && hasFailedInExpressMode(stack)) return EXPRESS_RECOVERY;
  return 'Run deploy-stack with on-failure: keep to continue from this state, or with continue-rollback: true to roll back first.';
}

const SHOWN_UNPROVEN = 5;
const SHOWN_REASON = 400;

/** ` at Vpc (AWS::EC2::VPC): reason`, to append to `failed`. */
export function causeText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rootCause;
  if (!cause) return ', and AWS gave no reason';
  const reason = shortReason(cause.reason);
  const code = cause.code !== undefined && !reason.includes(cause.code) ? ` (${cause.code})` : '';
  const where = ` at ${pathOf(cause)} (${cause.type}): `;
  return cause.tasks ? `${where}${cause.tasks.cause} (AWS: ${reason})` : `${where}${reason}${code}`;
}

function stuckText(diagnosis: Diagnosis | undefined): string {
  const cause = diagnosis?.rollbackFailures[0];
  return cause ? ` at ${pathOf(cause)} (${shortReason(cause.reason)})` : '';
}

/** The reason in one line, truncated and without its full stop. */
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

/** The changes of an executed plan: `1 replaced, 2 added`. */
function describeChanges(plan: Plan): string {
  const parts = Object.entries(countEffects(plan)).map(
    ([effect, count]) => `${count} ${DONE[effect as Effect]}`,
  );
  return parts.length > 0 ? parts.join(', ') : 'no resource changed, but outputs, tags or settings did';
}
