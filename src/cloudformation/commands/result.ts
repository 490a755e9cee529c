import type { Section } from '../../core/markdown/markdown.ts';
import type { Outcome } from '../../core/outcome.ts';
import { duration } from '../../core/text.ts';
import { type PlanReport, planSections } from '../../present/plan.ts';
import { driftSections, type ReportedCause, type StackReport, stackSections } from '../../present/stack.ts';
import { type Effect, effectOf, EFFECTS, pathOf } from '../change-set/effects.ts';
import { describeFinding, type Finding } from '../change-set/failure.ts';
import type { GuardFinding } from '../change-set/guard.ts';
import type { Cause, Diagnosis } from '../diagnosis/diagnosis.ts';
import { plainReason } from '../diagnosis/hints.ts';
import type { DriftReport } from '../drift/drift.ts';
import type { Timeline } from '../execution/events.ts';
import type { Execution } from '../execution/watch.ts';
import { isSecretName, MASKED } from '../template/secrets.ts';
import type { Plan, ResourceChange, StackSnapshot } from '../types.ts';
import type { Work } from './command-run.ts';
import { retainedBy } from './delete.ts';

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

type Verdict = keyof typeof VERDICTS;

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
function countEffects({ changes }: Pick<Plan, 'changes'>): Partial<Record<Effect, number>> {
  const effects = changes.map(effectOf);
  const counts = EFFECTS.map(
    (effect) => [effect, effects.filter((found) => found === effect).length] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** What a command has to say; outputs, result and summary are made of it. */
export interface Ending {
  verdict: Verdict;
  /** One sentence that a person on call understands. */
  reason: string;
  plan?: Plan;
  /** The stack as it was when the plan was made. */
  before?: StackSnapshot;
  guard?: readonly GuardFinding[];
  execution?: Execution;
  /** What an operation did that was not watched to its end. */
  timeline?: Timeline;
  diagnosis?: Diagnosis;
  drift?: DriftReport;
  /** The stack as it is in the end; its outputs become the step's. */
  stack?: StackSnapshot;
  /** What CloudFormation refuses in a plan. */
  findings?: readonly Finding[];
  /** What differs from the approved plan, a line each. */
  difference?: readonly string[];
}

const CHANGES_LIMIT = 200_000;

/** Turns the end of a command into what the action tells. */
export function outcomeOf(work: Work, ending: Ending): Outcome {
  const { context, inputs } = work;
  const { verdict, plan, stack } = ending;
  return {
    verdict,
    ok: VERDICTS[verdict].ok,
    reason: withoutAccount(ending.reason),
    outputs: {
      'stack-name': inputs.stackName,
      region: context.session.region,
      ...(plan ? planOutputs(plan) : {}),
      ...(stack
        ? stepOutputs(shownOutputs(stack.outputs), (message) => {
            context.log.notice(message);
          })
        : {}),
    },
    result: resultOf(work, ending, reportOf(work, ending)),
    summary: sectionsOf(work, ending),
  };
}

function planOutputs(plan: Plan): Record<string, string> {
  return {
    'has-changes': String(plan.hasChanges),
    plan: plan.hasChanges ? plan.changeSetName : '',
    fingerprint: plan.fingerprint,
    changes: changesJson(plan.changes),
  };
}

/** Without values, which may be long or secret; without the properties too when the list is very long. */
function changesJson(changes: readonly ResourceChange[]): string {
  const short = changes.map(({ logicalId, nesting, type, action, replacement, policyAction }) => ({
    logicalId,
    nesting,
    type,
    action,
    replacement,
    ...(policyAction === undefined ? {} : { policyAction }),
  }));
  const whole = short.map((change, index) => ({
    ...change,
    properties: (changes[index]?.properties ?? []).map(({ path }) => path),
  }));
  const json = JSON.stringify(whole);
  return json.length <= CHANGES_LIMIT ? json : JSON.stringify(short);
}

const SHOWN_STEPS = 500;

/** For machines: all that the summary shows, without account ids, as GitHub drops an output that a mask touches. */
function resultOf(work: Work, ending: Ending, report: StackReport): Record<string, unknown> {
  const { plan, guard, drift, execution, diagnosis, findings, difference } = ending;
  const { timeline, retained, rootCause, alsoFailed, rollbackFailures } = report;
  const result = {
    stack: report.stackName,
    region: report.region,
    command: report.command,
    durationSeconds: seconds(report.durationMs),
    ...(plan
      ? {
          hasChanges: plan.hasChanges,
          changes: countEffects(plan),
          plan: plan.changeSetName,
          fingerprint: plan.fingerprint,
        }
      : {}),
    ...(guard ? { guard } : {}),
    ...(findings ? { findings } : {}),
    ...(difference ? { difference } : {}),
    ...(drift ? { drift: driftResult(drift) } : {}),
    ...(execution ? { status: execution.status, executionSeconds: seconds(execution.durationMs) } : {}),
    ...(diagnosis ? { rolledBack: diagnosis.rolledBack, rootCause, alsoFailed, rollbackFailures } : {}),
    ...(timeline.length > 0 ? { timeline: timeline.slice(0, SHOWN_STEPS).map(stepResult) } : {}),
    ...(retained.length > 0 ? { retained: retained.map(({ path, type }) => ({ path, type })) } : {}),
    notes: work.notes,
  };
  return withoutAccounts(result) as Record<string, unknown>;
}

function stepResult({
  path,
  type,
  status,
  startedAt,
  endedAt,
  rollback,
}: StackReport['timeline'][number]): object {
  return {
    path,
    type,
    status,
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt === undefined ? {} : { seconds: seconds(endedAt - startedAt) }),
    ...(rollback ? { rollback } : {}),
  };
}

/** Without physical ids, which are often ARNs. */
function driftResult({ resources, unchecked }: DriftReport): object {
  const drifted = resources.map(({ logicalId, nesting, type, status, properties }) => ({
    logicalId,
    nesting,
    type,
    status,
    properties,
  }));
  return { resources: drifted, unchecked };
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

function withoutAccounts(value: unknown): unknown {
  if (typeof value === 'string') return withoutAccount(value);
  if (Array.isArray(value)) return value.map(withoutAccounts);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutAccounts(item)]));
}

/** Text without the account ids in its ARNs and registry names. */
export function withoutAccount(text: string): string {
  return text.replace(/(?<=:)\d{12}(?=:)|\b\d{12}(?=\.dkr\.)/g, '…');
}

/** How much less a plan matters once it has been executed: how it went comes first. */
const EXECUTED_SHARE = 0.6;

/** The parts of the job summary, and of the comment. */
function sectionsOf(work: Work, ending: Ending): Section[] {
  const { drift, plan, execution } = ending;
  const [headline, ...rest] = stackSections(reportOf(work, ending));
  const planned = plan?.hasChanges ? planSections(planReport(work, ending, plan)) : [];
  const weighed = planned.map((section) =>
    execution ? { ...section, priority: section.priority * EXECUTED_SHARE } : section,
  );
  const drifted = drift ? driftSections({ stackName: work.inputs.stackName, ...drift }) : [];
  return [
    ...(headline ? [headline] : []),
    ...drifted,
    ...(execution ? [...rest, ...weighed] : [...weighed, ...rest]),
  ];
}

/** All that happened, as plain data. */
function reportOf(work: Work, ending: Ending): StackReport {
  const { execution, diagnosis, stack } = ending;
  const timeline = execution?.timeline ?? ending.timeline;
  return {
    stackName: work.inputs.stackName,
    region: work.context.session.region,
    command: work.inputs.command,
    verdict: ending.verdict,
    ok: VERDICTS[ending.verdict].ok,
    reason: ending.reason,
    durationMs: work.context.clock.now() - work.startedMs,
    notes: [...(ending.findings ?? []).map(describeFinding), ...(ending.difference ?? []), ...work.notes],
    ...(diagnosis?.rootCause ? { rootCause: reportedCause(diagnosis.rootCause) } : {}),
    alsoFailed: (diagnosis?.alsoFailed ?? []).map(reportedCause),
    rollbackFailures: (diagnosis?.rollbackFailures ?? []).map(reportedCause),
    timeline: [...(timeline?.steps ?? [])].map((step) => ({ path: pathOf(step), ...step })),
    retained: execution ? retainedBy(execution).map((step) => ({ path: pathOf(step), ...step })) : [],
    outputs: shownOutputs(stack?.outputs ?? {}),
  };
}

/** A stack's outputs without those that are masked or have a secret's name. */
function shownOutputs(outputs: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outputs).filter(([key, value]) => value !== MASKED && !isSecretName(key)),
  );
}

function reportedCause(cause: Cause): ReportedCause {
  return { path: pathOf(cause), ...cause };
}

function planReport({ context, notes }: Work, { guard, before }: Ending, plan: Plan): PlanReport {
  const { stackName, kind, hasChanges, changes, changeSetName, fingerprint, settings, warnings } = plan;
  return {
    stackName,
    region: context.session.region,
    kind,
    hasChanges,
    changes,
    changeSetName,
    fingerprint,
    ...(settings ? { settings } : {}),
    ...(before && kind === 'update' ? { before: { parameters: before.parameters, tags: before.tags } } : {}),
    ...(guard ? { blocked: guard } : {}),
    warnings: [...(warnings ?? [])].filter((warning) => !notes.includes(warning)),
  };
}

/** The step's own outputs. GitHub's expressions do not tell upper from lower case, so neither does this list. */
export const DECLARED_OUTPUTS: ReadonlySet<string> = new Set([
  'verdict',
  'reason',
  'result',
  'stack-name',
  'region',
  'has-changes',
  'plan',
  'fingerprint',
  'changes',
  'outputs',
]);

/**
 * A stack's outputs as outputs of the step: all of them as JSON under `outputs`, and each under its own key unless
 * that name is taken.
 * @param notice told of each output that has no key of its own.
 */
function stepOutputs(
  outputs: Readonly<Record<string, string>>,
  notice: (message: string) => void,
): Record<string, string> {
  const own: Record<string, string> = {};
  const taken = new Set<string>(DECLARED_OUTPUTS);
  for (const [key, value] of Object.entries(outputs)) {
    if (taken.has(key.toLowerCase())) {
      notice(`The stack's output ${key} is in "outputs" only: the step has another output of that name.`);
      continue;
    }
    taken.add(key.toLowerCase());
    own[key] = value;
  }
  return { ...own, outputs: JSON.stringify(outputs) };
}
