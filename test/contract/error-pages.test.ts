import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { ERROR_CODES, errorPage } from '../../src/core/errors.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'docs/errors');
const codes = Object.keys(ERROR_CODES);
/** `internal` is only used for defects of an action. */
const WITHOUT_EXAMPLE: readonly string[] = ['internal'];
const OTHER_PAGES = ['index.md', 'verdicts.md'];

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** The headings of a level, with the text below each. */
function sectionsOf(page: string, level: number): Map<string, string> {
  const parts = page.split(new RegExp(`^${'#'.repeat(level)} (.+)\n`, 'm')).slice(1);
  return new Map(parts.flatMap((part, at) => (at % 2 === 0 ? [[part, parts[at + 1]?.trim() ?? '']] : [])));
}

async function redVerdicts(): Promise<Set<string>> {
  const contracts = await Promise.all(
    readdirSync(join(root, 'actions')).map(
      (name) =>
        import(join(root, 'actions', name, 'contract.ts')) as Promise<{
          contract: { verdicts: Record<string, { ok: boolean }> };
        }>,
    ),
  );
  const all = contracts.flatMap(({ contract }) => Object.entries(contract.verdicts));
  return new Set(all.filter(([, { ok }]) => !ok).map(([verdict]) => verdict));
}

test('every error code has a page, and there is no page without a code', () => {
  const pages = readdirSync(folder).filter((name) => !OTHER_PAGES.includes(name));
  expect(pages.toSorted()).toEqual(codes.map((code) => `${code}.md`).toSorted());
});

test.each(codes)('the page of %s has its meaning and its sections', (code) => {
  const page = read(`${code}.md`);
  const [title, meaning] = page.split('\n\n');
  expect(title).toBe(`# ${code}`);
  expect(meaning).toBe(ERROR_CODES[code as keyof typeof ERROR_CODES]);
  const sections = sectionsOf(page, 2);
  const example = WITHOUT_EXAMPLE.includes(code) ? [] : ['Example'];
  expect([...sections.keys()]).toEqual(['How to see it', ...example, 'Causes', 'Fix']);
  expect([...sections.values()].filter((text) => text === '')).toEqual([]);
  for (const heading of ['Causes', 'Fix']) expect(sections.get(heading)).toMatch(/^- \S/);
});

test('the index lists every code with its meaning, in alphabetical order', () => {
  const rows = [...read('index.md').matchAll(/^\| \[`([a-z-]+)`\]\(\1\.md\) +\| (.+?) +\|$/gm)];
  expect(rows.map(([, code, meaning]) => [code, meaning])).toEqual(
    Object.entries(ERROR_CODES).toSorted(([a], [b]) => a.localeCompare(b)),
  );
});

test('every red verdict without an error code has a section', async () => {
  const expected = [...(await redVerdicts())].filter((verdict) => !codes.includes(verdict));
  const sections = sectionsOf(read('verdicts.md'), 2);
  expect([...sections.keys()]).toEqual(expected.toSorted());
  for (const [verdict, text] of sections) {
    const labels = [...text.matchAll(/^\*\*([A-Za-z]+):\*\* \S/gm)].map(([, label]) => label);
    expect({ verdict, labels }).toEqual({ verdict, labels: ['Meaning', 'Causes', 'Fix'] });
  }
});

test('each failure links to a page and a section that exist', async () => {
  for (const name of new Set([...codes, ...(await redVerdicts())])) {
    const [file = '', anchor] = errorPage(name, {}).path.split('#');
    const page = readFileSync(join(root, file), 'utf8');
    expect([...sectionsOf(page, anchor === undefined ? 1 : 2).keys()]).toContain(anchor ?? name);
  }
});
