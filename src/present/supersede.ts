import { literal } from '../core/markdown/markdown.ts';
import type { Outcome } from '../core/outcome.ts';
import { SUPERSEDE_VERDICTS, type SupersedeResult } from '../github/supersede.ts';

/** The approval that the run is about to request. */
interface AwaitedApproval {
  reviewers: readonly string[];
  /** What is to be approved, in one or two sentences; empty if that is not known. */
  what: string;
}

/** The fields of the `result` output. */
type SupersedeFields = {
  environment: string;
  /** The numbers of the runs that were cancelled. */
  runs: readonly number[];
  /** The number of the newer run that is already waiting. */
  newer?: number;
};

/** The result of supersede-runs as outputs, `result` and summary. */
export function presentSupersede(
  result: SupersedeResult,
  awaited?: AwaitedApproval,
): Outcome<SupersedeFields> {
  const { verdict, environment, reason } = result;
  const runs = verdict === 'superseded' ? result.runs : [];
  return {
    verdict,
    ok: SUPERSEDE_VERDICTS[verdict].ok,
    reason,
    subject: `approval of ${environment}`,
    outputs: { runs: JSON.stringify(runs) },
    result: { environment, runs, ...(verdict === 'outdated' && { newer: result.newer }) },
    ...(awaited && { announcement: waiting(environment, awaited) }),
    summary: [{ title: `Approval of ${literal(environment)}`, body: reason, priority: 1 }],
  };
}

function waiting(
  environment: string,
  { reviewers, what }: AwaitedApproval,
): NonNullable<Outcome['announcement']> {
  const steps = `Reviewers: ${reviewers.join(', ')}. Review the plan in the run's summary, then approve or reject the deployment there.`;
  return { icon: '⏳', title: 'Waiting for approval', subject: environment, text: `${what} ${steps}`.trim() };
}
