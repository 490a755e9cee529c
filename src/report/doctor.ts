import { code, escapeCell, fence, type Section, table } from './markdown.ts';

/** One thing that must be so before an environment can be deployed. */
export interface Check {
  /** What was looked at: `the deploy role`. */
  name: string;
  /** `unknown`: it could not be looked at, and `says` tells why. A `problem` stops a deployment, a `warning` may. */
  state: 'ok' | 'warning' | 'problem' | 'unknown';
  says: string;
  /** What to do about it; lines. */
  fix?: string;
}

const SHOWN: Readonly<Record<Check['state'], string>> = {
  problem: '**problem**',
  unknown: '**not checked**',
  warning: 'warning',
  ok: 'ok',
};
const WORST_FIRST = Object.keys(SHOWN);

/** All checks in one table, the worst first, then each fix. */
export function doctorSections(environment: string, checks: readonly Check[]): Section[] {
  const sorted = [...checks].sort((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));
  const rows = sorted.map(({ state, name, says }) => [SHOWN[state], escapeCell(name), escapeCell(says)]);
  const fixes = sorted.flatMap(({ name, fix }) =>
    fix === undefined ? [] : [{ title: `Fix: ${escapeCell(name)}`, body: fence(fix), priority: 90 }],
  );
  return [
    {
      title: `Is ${code(environment)} ready?`,
      body: table(['', 'Check', 'What was found'], rows),
      priority: 100,
    },
    ...fixes,
  ];
}
