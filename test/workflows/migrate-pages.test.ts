import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PAGES } from './migrate/scene.ts';
import { ROOT } from './workflow.ts';

/** The guides show parts of workflows that migrate.test.ts runs: every excerpt is in the file that it links to. */

interface Excerpt {
  page: string;
  file: string;
  text: string;
}

function excerptsOf(page: string): Excerpt[] {
  const text = readFileSync(join(ROOT, PAGES, page), 'utf8');
  const blocks = text.matchAll(
    /^(?:Before|After) \(\[whole file\]\(([^)]+)\)\):\n\n```yaml\n([\s\S]*?)```$/gm,
  );
  return [...blocks].map(([, file = '', block = '']) => ({ page, file, text: block }));
}

/** Without the common indentation of all lines. */
function dedented(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const indent = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(indent));
}

function contains(file: string, excerpt: string): boolean {
  const wanted = dedented(excerpt);
  const lines = readFileSync(join(ROOT, PAGES, file), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.some(
    (_line, index) =>
      dedented(lines.slice(index, index + wanted.length).join('\n')).join('\n') === wanted.join('\n'),
  );
}

const GUIDES = readdirSync(join(ROOT, PAGES)).filter((name) => /^from-.+\.md$/.test(name));
const EXCERPTS = GUIDES.flatMap(excerptsOf);

test.each(EXCERPTS)('$page shows a part of $file', ({ file, text }) => {
  expect(contains(file, text)).toBe(true);
});

test('every guide has one before and one after', () => {
  const counts = GUIDES.map((page) => ({
    page,
    both: ['before.yml', 'after.yml'].every((end) =>
      EXCERPTS.some((excerpt) => excerpt.page === page && excerpt.file.endsWith(end)),
    ),
  }));
  expect(counts).toEqual(GUIDES.map((page) => ({ page, both: true })));
  expect(GUIDES).toHaveLength(5);
});
