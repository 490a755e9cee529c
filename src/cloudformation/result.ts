import type { StackReport } from '../report/stack.ts';
import type { DriftReport } from './drift.ts';
import type { Ending } from './outcome.ts';
import { countEffects } from './verdict.ts';
import type { Work } from './work.ts';

const SHOWN_STEPS = 500;

/** For machines: all that the summary shows, without account ids, as GitHub drops an output that a mask touches. */
export function resultOf(work: Work, ending: Ending, report: StackReport): Record<string, unknown> {
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
