import { describe, expect, test } from '@jest/globals';
import { checkWords } from '../../../scripts/words/check.ts';
import { PHRASES } from '../../../scripts/words/phrases.ts';

const check = (text: string, file = 'src/file.ts'): string[] =>
  checkWords(new Map([[file, text]]), PHRASES, []);

test.each([
  ['`Express mode is not to be had here`', 'is not to be had'],
  ["'2 of 5 came to their end'", 'came to their end'],
  ['/** What was started came to\n * its end. */', 'came to its end'],
  ['// what stands\n  // in the way', 'stands in the way'],
  ["'No resource of stack x, set was ' +\n  'its stack policy'", 'set was its'],
  ["title: 'What STANDS AGAINST it'", 'STANDS AGAINST'],
  ["test('dev asks nobody', () => {});", 'asks nobody'],
  ['> The plan of dev lies\n> ready: 7 of 7 stacks.', 'lies ready'],
])('%s', (text, phrase) => {
  expect(check(text)).toEqual([expect.stringContaining(`avoid "${phrase}"`)]);
});

test('names the file and the line, and what to write instead', () => {
  expect(check('one\ntwo\nthe plan lies ready\n', 'docs/plan.md')).toEqual([
    'docs/plan.md:3: avoid "lies ready"; write: is ready',
  ]);
});

test('matches whole words only', () => {
  expect(check('marshalled, brought to, smallest, a one-shall-ow-name')).toEqual([]);
});

test.each([
  ['`${found.length} stacks changed`', '${found.length} stacks'],
  ['`${count} tasks of it`', '${count} tasks'],
  ["count === 1 ? '1 task' : many", "=== 1 ? '1 task"],
])('%s is correct only for some numbers', (text, shown) => {
  expect(check(text)).toEqual([
    `src/file.ts:1: "${shown}" is wrong for 1: use plural or outOf of src/core/text.ts`,
  ]);
  expect(check(text, 'docs/file.md')).toEqual([]);
});

test('a number with plural is correct for all', () => {
  expect(
    check("`${plural(found.length, 'stack')} ${found.length} of ${outOf(1, found.length, 'stack')}`"),
  ).toEqual([]);
});

describe('exceptions', () => {
  const texts = new Map([['docs/law.md', 'You shall not.']]);
  const exception = { path: 'docs/law.md', text: 'shall', because: 'A quotation.' };

  test('allow a phrase in one file', () => {
    expect(checkWords(texts, PHRASES, [exception])).toEqual([]);
    expect(checkWords(texts, PHRASES, [{ ...exception, path: 'docs/' }])).toEqual([]);
    expect(checkWords(texts, PHRASES, [{ ...exception, path: 'docs/law' }])).toHaveLength(2);
  });

  test('are reported if unused', () => {
    expect(checkWords(new Map(), PHRASES, [exception])).toEqual([
      'scripts/words/exceptions.ts: docs/law.md has no "shall"',
    ]);
  });
});

test('no phrase matches the empty text', () => {
  for (const phrase of PHRASES) expect(check('').concat(check(phrase.write))).toEqual([]);
});
