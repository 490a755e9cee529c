import { literal } from '../core/markdown/markdown.ts';
import type { Outcome } from '../core/outcome.ts';
import { SUPERSEDE_VERDICTS, type SupersedeResult } from '../github/supersede.ts';

/** The result of supersede-runs as its outputs, its `result` and its summary. */
export function presentSupersede(result: SupersedeResult): Outcome {
  const { verdict, environment, reason } = result;
  const runs = verdict === 'superseded' ? result.runs : [];
  return {
    verdict,
    ok: SUPERSEDE_VERDICTS[verdict].ok,
    reason,
    subject: `approval of ${environment}`,
    outputs: { runs: JSON.stringify(runs) },
    result: { environment, runs, ...(verdict === 'outdated' && { newer: result.newer }) },
    summary: [{ title: `Approval of ${literal(environment)}`, body: reason, priority: 1 }],
  };
}
