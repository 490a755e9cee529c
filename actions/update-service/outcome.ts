import type { ServiceReport } from '../../src/delivery/release/request.ts';
import { rolloutSections } from '../../src/present/service.ts';
import type { Context } from '../../src/core/context.ts';
import type { Outcome } from '../../src/core/outcome.ts';

/** How many lines of a log fit into an annotation that is read. */
const ANNOTATED_LINES = 10;

/** A report as outputs, result, summary and annotations. */
export function serviceOutcome(
  report: ServiceReport,
  { annotations }: Pick<Context, 'annotations'>,
): Outcome {
  const { verdict, ok, reason, ...rest } = report;
  const { failure, findings } = report;
  if (failure && !ok) {
    const log = (failure.log?.lines ?? []).slice(-ANNOTATED_LINES);
    const message = [failure.cause, `Fix: ${failure.fix}`, ...(log.length > 0 ? ['Log:', ...log] : [])].join(
      '\n',
    );
    annotations.add({ level: 'error', title: `Why ${report.service} failed`, message, priority: 500 });
  }
  for (const { level, message, fix } of findings) {
    annotations.add({
      level,
      title: `${report.service}, before the deployment`,
      message: `${message}\n${fix}`,
    });
  }
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
    summary: rolloutSections(report, report),
  };
}
