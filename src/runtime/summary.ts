import { appendFileSync, statSync } from 'node:fs';
import { bytes, cutMarkdown } from './markdown-cut.ts';

/** GitHub drops a step's summary beyond 1 MiB, and the step still passes. */
const LIMIT_BYTES = 1024 * 1024 - 1;

/**
 * Appends to the job summary, cut between lines when it would be too long; the text then says so. Does
 * nothing where there is no summary (`GITHUB_STEP_SUMMARY` is not set).
 */
export function writeSummary(markdown: string, env: NodeJS.ProcessEnv): void {
  const file = env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '') return;
  const room = LIMIT_BYTES - (statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  const text = `${markdown.trimEnd()}\n`;
  appendFileSync(file, bytes(text) <= room ? text : cutWithNotice(text, room));
}

function cutWithNotice(text: string, room: number): string {
  const notice = '\n\n> Shortened: GitHub shows 1 MiB of summary a step. The log has the rest.\n';
  if (bytes(notice) > room) return '';
  return cutMarkdown(text, room - bytes(notice), bytes) + notice;
}
