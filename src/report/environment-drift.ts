import { code, escapeCell, type Section, table } from './markdown.ts';

/** One stack of an environment beside what really is. */
export interface StackComparison {
  stackName: string;
  /** `missing`: there is no such stack; `unknown`: it could not be compared. */
  state: 'in-sync' | 'drifted' | 'missing' | 'unknown';
  reason: string;
  /** What differs, or why it could not be compared. */
  sections: readonly Section[];
}

const SHOWN: Readonly<Record<StackComparison['state'], string>> = {
  drifted: '**drifted**',
  missing: '**not there**',
  unknown: '**not compared**',
  'in-sync': 'in sync',
};
const WORST_FIRST = Object.keys(SHOWN);

/** The drift of an environment: every stack in one table, the worst first, then what differs in each. */
export function environmentDriftSections(environment: string, stacks: readonly StackComparison[]): Section[] {
  const sorted = [...stacks].sort((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));
  const rows = sorted.map(({ stackName, state, reason }) => [
    SHOWN[state],
    code(stackName),
    escapeCell(reason),
  ]);
  return [
    { title: `Drift of ${escapeCell(environment)}`, body: table(['', 'Stack', ''], rows), priority: 100 },
    ...sorted.flatMap(({ sections }) => sections),
  ];
}
