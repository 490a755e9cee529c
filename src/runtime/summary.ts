import { appendFileSync, statSync } from 'node:fs';
import { fitSections } from './sections.ts';
import type { Section } from './sections.ts';

/** GitHub drops a step's summary beyond 1 MiB, and the step still passes. */
const LIMIT_BYTES = 1024 * 1024 - 1;

/**
 * Appends to the job summary; when it would be too long the least important sections are cut, and it says so.
 * Does nothing where there is no summary (`GITHUB_STEP_SUMMARY` is not set).
 */
export function writeSummary(sections: readonly Section[], env: NodeJS.ProcessEnv): void {
  const file = env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '' || sections.length === 0) return;
  const room = LIMIT_BYTES - (statSync(file, { throwIfNoEntry: false })?.size ?? 0) - 1;
  appendFileSync(file, `${fitSections(sections, room)}\n`);
}
