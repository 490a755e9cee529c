import { driftSections } from '../report/drift.ts';
import type { Section } from '../report/markdown.ts';
import { pathOf } from '../report/plan-counts.ts';
import { type PlanReport, planSections } from '../report/plan.ts';
import { type ReportedCause, stackSections, type StackReport } from '../report/stack.ts';
import { retainedBy } from './delete.ts';
import type { Cause } from './diagnosis.ts';
import type { Ending } from './outcome.ts';
import { describeFinding } from './plan-failure.ts';
import { isSecretName, MASKED } from './secrets.ts';
import type { Plan } from './types.ts';
import { VERDICTS } from './verdict.ts';
import type { Work } from './work.ts';

/** How much less a plan matters once it has been executed: how it went comes first. */
const EXECUTED_SHARE = 0.6;

/** The parts of the job summary, and of the comment. */
export function sectionsOf(work: Work, ending: Ending): Section[] {
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
export function reportOf(work: Work, ending: Ending): StackReport {
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
export function shownOutputs(outputs: Readonly<Record<string, string>>): Record<string, string> {
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
