import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Section } from '../../../src/core/markdown/sections.ts';
import { writeSummary } from '../../../src/core/outcome.ts';

const MEBIBYTE = 1024 * 1024;
let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'summary-'));
  file = join(directory, 'summary');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function sectionsOf(...bodies: string[]): Section[] {
  return bodies.map((body, index) => ({ title: `Part ${index}`, body, priority: -index }));
}

test('texts follow each other', () => {
  writeSummary([{ body: 'one', priority: 0 }], { GITHUB_STEP_SUMMARY: file });
  writeSummary([{ body: 'two\n\n', priority: 0 }], { GITHUB_STEP_SUMMARY: file });
  expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
});

test('an empty text writes nothing', () => {
  writeSummary([], { GITHUB_STEP_SUMMARY: file });
  expect(existsSync(file)).toBe(false);
});

test('a long text is truncated below 1 MiB, with a note', () => {
  const long = 'äöü\n'.repeat(MEBIBYTE / 4);
  writeSummary(sectionsOf('short', long), { GITHUB_STEP_SUMMARY: file });
  const text = readFileSync(file, 'utf8');
  expect(Buffer.byteLength(text)).toBeLessThan(MEBIBYTE);
  expect(Buffer.byteLength(text)).toBeGreaterThan(MEBIBYTE - 3000);
  expect(text).toMatch(/^### Part 0\n\nshort\n\n### Part 1\n\näöü\n/);
  expect(text).toMatch(
    /> Shortened to fit GitHub's limit: Part 1 truncated\. See the log for the full text\.\n$/,
  );
});

test('existing content counts', () => {
  writeFileSync(file, 'x'.repeat(MEBIBYTE - 2000));
  for (let round = 0; round < 3; round++) {
    writeSummary(sectionsOf('line\n'.repeat(1000)), { GITHUB_STEP_SUMMARY: file });
    expect(readFileSync(file).length).toBeLessThan(MEBIBYTE);
  }
});

test('without a runner, nothing is written', () => {
  expect(() => {
    writeSummary(sectionsOf('x'), {});
  }).not.toThrow();
});

/** A generator of numbers below a limit, the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % limit;
  };
}

const PIECES = [
  'a line\n',
  '👩‍💻 äöü 東京\n',
  '| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n',
  '```\ncode | with | bars\n```\n',
  '<details>\n<summary>More</summary>\n\ninside\n\n</details>\n',
  '\n',
];

test('the summary is always below 1 MiB and valid Markdown in UTF-8', () => {
  const random = numbers(7);
  let cut = 0;
  const ROUNDS = 10;
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(file, { force: true });
    if (random(2) === 0) writeFileSync(file, 'x'.repeat(MEBIBYTE - 1 - random(5000)));
    for (let write = 0; write < 3; write++) {
      const bodies = Array.from({ length: 1 + random(4) }, () =>
        (PIECES[random(PIECES.length)] ?? '').repeat(1 + random(20_000)),
      );
      writeSummary(sectionsOf(...bodies), { GITHUB_STEP_SUMMARY: file });
      const bytes = readFileSync(file);
      const text = bytes.toString('utf8');
      expect(bytes.length).toBeLessThan(MEBIBYTE);
      expect(text.includes('\uFFFD')).toBe(false);
      expect((text.match(/^```$/gm) ?? []).length % 2).toBe(0);
      expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
      if (text.includes('Shortened to fit')) cut++;
    }
  }
  console.log(`${ROUNDS * 3} summaries written, ${cut} of them shortened`);
  expect(cut).toBeGreaterThan(5);
});
