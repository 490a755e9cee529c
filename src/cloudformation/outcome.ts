import { fitSections } from '../report/markdown.ts';
import { type ReportedCause, type ReportedStep, stackSections, type StackReport } from '../report/stack.ts';
import type { Outcome } from '../runtime/outcome.ts';
import { retainedBy } from './delete.ts';
import { type Cause, type Diagnosis, pathOf } from './diagnosis.ts';
import type { DriftReport } from './drift.ts';
import type { GuardFinding } from './guard.ts';
import { stepOutputs } from './stack-outputs.ts';
import type { Plan, ResourceChange, StackSnapshot } from './types.ts';
import { countChanges, type Verdict, VERDICTS } from './verdict.ts';
import type { Execution } from './watch.ts';
import type { Work } from './work.ts';

/** What a command has to say; outputs, result and summary are made of it. */
export interface Ending {
  verdict: Verdict;
  /** One sentence that a person on call understands. */
  reason: string;
  plan?: Plan;
  guard?: readonly GuardFinding[];
  execution?: Execution;
  diagnosis?: Diagnosis;
  drift?: DriftReport;
  /** The stack as it is in the end; its outputs become the step's. */
  stack?: StackSnapshot;
  /** What differs from the approved plan, a line each. */
  difference?: readonly string[];
}

const SUMMARY_LIMIT = 1_000_000;
const CHANGES_LIMIT = 200_000;
const SHOWN_STEPS = 500;

/** Turns the end of a command into what the action tells. */
export function outcomeOf(work: Work, ending: Ending): Outcome {
  const { context, inputs } = work;
  const report = reportOf(work, ending);
  const { plan } = ending;
  return {
    verdict: ending.verdict,
    ok: VERDICTS[ending.verdict].ok,
    reason: withoutAccount(ending.reason),
    outputs: {
      'stack-name': inputs.stackName,
      region: context.session.region,
      ...(plan ? planOutputs(plan) : {}),
      ...(ending.stack
        ? stepOutputs(ending.stack.outputs, (message) => {
            context.log.info(message);
          })
        : {}),
    },
    result: resultOf(work, ending, report),
    summary: fitSections(stackSections(report), SUMMARY_LIMIT),
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

function reportOf(work: Work, ending: Ending): StackReport {
  const { execution, diagnosis, stack } = ending;
  return {
    stackName: work.inputs.stackName,
    region: work.context.session.region,
    command: work.inputs.command,
    verdict: ending.verdict,
    ok: VERDICTS[ending.verdict].ok,
    reason: ending.reason,
    durationMs: work.context.clock.now() - work.startedMs,
    notes: [
      ...work.notes,
      ...(ending.difference ?? []),
      ...(ending.guard ?? []).map(({ message }) => message),
    ],
    ...(diagnosis?.rootCause ? { rootCause: reportedCause(diagnosis.rootCause) } : {}),
    alsoFailed: (diagnosis?.alsoFailed ?? []).map(reportedCause),
    rollbackFailures: (diagnosis?.rollbackFailures ?? []).map(reportedCause),
    timeline: execution ? [...execution.timeline.steps].map(reportedStep) : [],
    retained: execution
      ? retainedBy(execution).map((step) => ({
          path: pathOf(step),
          type: step.type,
          physicalId: step.physicalId,
        }))
      : [],
    outputs: stack ? stack.outputs : {},
  };
}

function reportedCause(cause: Cause): ReportedCause {
  const { type, reason, code, hint, file, line } = cause;
  return {
    path: pathOf(cause),
    type,
    reason,
    ...(code === undefined ? {} : { code }),
    ...(hint === undefined ? {} : { hint }),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
  };
}

function reportedStep(
  step: Execution['timeline']['steps'] extends Iterable<infer S> ? S : never,
): ReportedStep {
  const { type, status, startedAt, endedAt, rollback } = step;
  return {
    path: pathOf(step),
    type,
    status,
    startedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    rollback,
  };
}

/** For machines: all that the summary shows, without account ids, as GitHub drops an output that a mask touches. */
function resultOf(work: Work, ending: Ending, report: StackReport): Record<string, unknown> {
  const { plan, guard, drift, execution, diagnosis, difference } = ending;
  const { timeline, retained, rootCause, alsoFailed, rollbackFailures } = report;
  const result = {
    stack: report.stackName,
    region: report.region,
    command: report.command,
    durationSeconds: Math.round(report.durationMs / 1000),
    ...(plan
      ? { plan: { ...countChanges(plan), fingerprint: plan.fingerprint, hasChanges: plan.hasChanges } }
      : {}),
    ...(guard ? { guard } : {}),
    ...(difference ? { difference } : {}),
    ...(drift ? { drift: driftResult(drift) } : {}),
    ...(execution
      ? { status: execution.status, executionSeconds: Math.round(execution.durationMs / 1000) }
      : {}),
    ...(diagnosis ? { rolledBack: diagnosis.rolledBack, rootCause, alsoFailed, rollbackFailures } : {}),
    ...(timeline.length > 0 ? { timeline: timeline.slice(0, SHOWN_STEPS) } : {}),
    ...(retained.length > 0 ? { retained: retained.map(({ path, type }) => ({ path, type })) } : {}),
    notes: work.notes,
  };
  return withoutAccounts(result) as Record<string, unknown>;
}

/** Physical ids are often ARNs. */
function driftResult({ resources, unchecked }: DriftReport): Record<string, unknown> {
  const drifted = resources.map(({ logicalId, nesting, type, status, properties }) => ({
    logicalId,
    nesting,
    type,
    status,
    properties,
  }));
  return { resources: drifted, unchecked };
}

function withoutAccounts(value: unknown): unknown {
  if (typeof value === 'string') return withoutAccount(value);
  if (Array.isArray(value)) return value.map(withoutAccounts);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutAccounts(item)]));
}

/** The account id in ARNs and registry names. */
function withoutAccount(text: string): string {
  return text.replace(/(?<=:)\d{12}(?=:)|\b\d{12}(?=\.dkr\.)/g, '…');
}
