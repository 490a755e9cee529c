import type { ServiceReport } from '../../src/release/service/report.ts';
import type { Outcome } from '../../src/runtime/outcome.ts';

/** A report as outputs, result, summary and annotations. */
export function serviceOutcome(report: ServiceReport): Outcome {
  const { verdict, ok, reason, ...rest } = report;
  return {
    verdict,
    ok,
    reason,
    outputs: {
      deployment: report.deployment ?? '',
      'task-definition': report.taskDefinition ?? '',
      'previous-task-definition': report.previousTaskDefinition ?? '',
      digests: JSON.stringify(report.digests),
      'duration-seconds': String(Math.round(report.durationMs / 1000)),
    },
    result: rest,
  };
}
