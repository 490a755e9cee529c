import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pageOf } from './page.ts';
import type { Played } from './stage.ts';

export interface ReportFiles {
  folder: string;
  page: string;
  summaries: number;
}

/** Writes what was played: each step's log and summary, and one HTML page with all of them. */
export function writeReport(
  folder: string,
  title: string,
  about: string,
  played: readonly Played[],
): ReportFiles {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [index, step] of played.entries()) {
    const name = `${String(index + 1).padStart(2, '0')}-${slug(step.title)}`;
    writeFileSync(join(folder, `${name}.md`), step.run.summary);
    writeFileSync(join(folder, `${name}.log`), step.run.log);
  }
  const page = join(folder, 'index.html');
  writeFileSync(page, pageOf(title, about, played));
  return { folder: resolve(folder), page: resolve(page), summaries: played.length };
}

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
