import { code, escapeCell, type Section, table } from './markdown.ts';
import { duration } from './duration.ts';

/** A stack as it stands. */
export interface ReportedStackState {
  stackName: string;
  /** CloudFormation's, or `not there`; absent when it could not be read. */
  status?: string;
  /** ISO 8601. */
  changedAt?: string;
  /** Why it could not be read. */
  error?: string;
}

/** The stacks of an environment, in the order in which they are made. */
export function stacksSection(stacks: readonly ReportedStackState[], now: number): Section {
  const rows = stacks.map(({ stackName, status, changedAt, error = '' }) => [
    code(stackName),
    status === undefined ? `**not read**: ${escapeCell(error)}` : escapeCell(status),
    changedAt === undefined ? '' : `${duration(now - Date.parse(changedAt))} ago`,
  ]);
  return { title: 'Stacks', body: table(['Stack', 'Status', 'Changed'], rows), priority: 90 };
}
