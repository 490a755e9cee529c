import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { logText, readLog } from '../log.ts';
import { type Story, storyPage } from './page.ts';

export interface ReportFiles {
  folder: string;
  page: string;
}

/** Writes each step's summary and log, and one HTML page with all of them. */
export function writeReport(folder: string, story: Story): ReportFiles {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [index, { title, environment, run }] of story.played.entries()) {
    const name = `${String(index + 1).padStart(2, '0')}-${environment.name}-${slug(title)}`;
    writeFileSync(join(folder, `${name}.md`), run.summary);
    writeFileSync(join(folder, `${name}.log`), logText(readLog(run.log)));
  }
  const page = join(folder, 'index.html');
  writeFileSync(page, storyPage(story));
  return { folder: resolve(folder), page: resolve(page) };
}

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
