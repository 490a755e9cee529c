import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { formatted } from '../../scripts/format.ts';
import { guidelinesPage, lineOf, sections } from '../../scripts/guidelines/page.ts';
import { templatesPage } from '../../scripts/templates/page.ts';

const defects = sections.flatMap((section) => section.defects);

test('lists each of the 75 defects once', () => {
  const numbers = defects.map(({ number }) => number).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 75 }, (_, index) => index + 1));
});

test('each is fixed or is not a goal, with a reason', () => {
  const neither = defects.filter(({ places, fix }) => places.length === 0 && !fix.startsWith('Not a goal: '));
  expect(neither).toEqual([]);
});

describe('the files on the page exist', () => {
  const places = [...new Set(defects.flatMap((one) => one.places.map(([file]) => file)))];
  test.each(places)('%s', (file) => {
    expect(existsSync(file)).toBe(true);
  });
  test('so does every text that identifies a line', () => {
    for (const { places: all } of defects) for (const place of all) expect(lineOf(place)).toBeGreaterThan(0);
  });
  test('a missing place is an error', () => {
    expect(() => lineOf(['templates/alb.yml', ''])).toThrow('templates/alb.yml does not exist');
    expect(() => lineOf(['templates/vpc.yml', 'GreaterThan'])).toThrow('does not contain "GreaterThan"');
  });
});

/** Line numbers in files that change every day may be outdated. */
const withoutForeignLines = (page: string) =>
  page.replaceAll(/((?:services|actions|src)\/[\w./-]+)(:|#L)\d+/g, '$1$2').replaceAll(/ {2,}|-{3,}/g, ' ');

test('docs/guidelines.md is what `npx tsx scripts/guidelines/main.ts` writes', async () => {
  const page = await formatted('docs/guidelines.md', guidelinesPage());
  expect(withoutForeignLines(readFileSync('docs/guidelines.md', 'utf8'))).toBe(withoutForeignLines(page));
});

test('docs/reference/templates.md is what `npx tsx scripts/templates/main.ts` writes', async () => {
  const page = await formatted('docs/reference/templates.md', templatesPage());
  expect(readFileSync('docs/reference/templates.md', 'utf8')).toBe(page);
});
