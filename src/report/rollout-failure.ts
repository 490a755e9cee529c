import { duration } from './duration.ts';
import { code, escapeCell, fence, table } from './markdown.ts';
import type { ReportedRolloutFailure, ReportedTaskGroup } from './rollout.ts';

/** Why tasks failed, as Markdown: the cause, what to do, the end of the log, the tasks. */
export function rolloutFailure(found: ReportedRolloutFailure): string {
  const parts = [
    `**${escapeCell(found.cause)}.**`,
    `**Fix:** ${escapeCell(found.fix)}`,
    ...logOf(found),
    ...(found.groups.length === 0 ? [] : [groupsTable(found.groups)]),
  ];
  return parts.join('\n\n');
}

function logOf({ log }: ReportedRolloutFailure): string[] {
  if (!log) return [];
  return [`The end of the log ${code(log.stream)}:`, fence(log.lines.join('\n'))];
}

function groupsTable(groups: readonly ReportedTaskGroup[]): string {
  const rows = groups.map((group) => [
    String(group.count),
    escapeCell(group.cause),
    [code(group.task), group.container === undefined ? '' : code(group.container)].filter(Boolean).join(' '),
    escapeCell(evidenceOf(group)),
  ]);
  return table(['Tasks', 'Failed because', 'The first of them', 'AWS says'], rows);
}

function evidenceOf({
  exitCode,
  stopCode,
  stoppedReason,
  health,
  pullMs,
  target,
}: ReportedTaskGroup): string {
  return [
    exitCode === undefined ? '' : `exit code ${exitCode}`,
    [stopCode, stoppedReason].filter(Boolean).join(': '),
    health === undefined ? '' : `container ${health}`,
    target === undefined ? '' : `target ${target}`,
    pullMs === undefined ? '' : `pulled in ${duration(pullMs)}`,
  ]
    .filter((text) => text !== '')
    .join('; ');
}
