import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { ERROR_CODES } from '../../src/core/errors.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');

/** The text of each `### \`name\`` section. */
const sections = new Map(
  page
    .split(/^#{2,3} /m)
    .slice(1)
    .flatMap((section) => {
      const [, name, text] = /^`([a-z-]+)`\n([\s\S]*)$/.exec(section) ?? [];
      return name === undefined || text === undefined ? [] : [[name, text] as const];
    }),
);

async function redVerdicts(): Promise<string[]> {
  const contracts = await Promise.all(
    readdirSync(join(root, 'actions')).map(
      (name) =>
        import(join(root, 'actions', name, 'contract.ts')) as Promise<{
          contract: { verdicts: Record<string, { ok: boolean }> };
        }>,
    ),
  );
  const all = contracts.flatMap(({ contract }) => Object.entries(contract.verdicts));
  return [...new Set(all.filter(([, { ok }]) => !ok).map(([verdict]) => verdict))];
}

test('docs/troubleshooting.md has a section for every error code and every red verdict, and no other', async () => {
  const expected = new Set([...Object.keys(ERROR_CODES), ...(await redVerdicts())]);
  const missing = [...expected].filter((name) => !sections.has(name));
  // To repair: add `### \`name\`` with the lines Meaning, Causes and Fix.
  expect(missing).toEqual([]);
  expect([...sections.keys()].filter((name) => !expected.has(name))).toEqual([]);
});

test('every section has its meaning, its causes and a fix', () => {
  for (const [name, text] of sections) {
    const labels = [...text.matchAll(/^\*\*([A-Za-z]+):\*\* \S/gm)].map(([, label]) => label);
    expect({ name, labels }).toEqual({ name, labels: ['Meaning', 'Causes', 'Fix'] });
  }
});

test('the meaning of an error code is the one that the code has', () => {
  for (const [code, meaning] of Object.entries(ERROR_CODES)) {
    expect({ code, meaning: /\*\*Meaning:\*\* (.*)/.exec(sections.get(code) ?? '')?.[1] }).toEqual({
      code,
      meaning,
    });
  }
});

test('the sections of each chapter are in alphabetical order', () => {
  for (const chapter of page.split(/^## /m).slice(1)) {
    const names = [...chapter.matchAll(/^### `([a-z-]+)`/gm)].map(([, name]) => name);
    expect(names).toEqual(names.toSorted());
  }
});
