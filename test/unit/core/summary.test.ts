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

test('nothing to say is nothing', () => {
  writeSummary([], { GITHUB_STEP_SUMMARY: file });
  expect(existsSync(file)).toBe(false);
});

test('a long text is cut below 1 MiB, in bytes, and says so', () => {
  const long = 'äöü\n'.repeat(MEBIBYTE / 4);
  writeSummary(sectionsOf('short', long), { GITHUB_STEP_SUMMARY: file });
  const text = readFileSync(file, 'utf8');
  expect(Buffer.byteLength(text)).toBeLessThan(MEBIBYTE);
  expect(Buffer.byteLength(text)).toBeGreaterThan(MEBIBYTE - 3000);
  expect(text).toMatch(/^### Part 0\n\nshort\n\n### Part 1\n\näöü\n/);
  expect(text).toMatch(/> Shortened to fit GitHub's limit: Part 1 cut\. The log has everything\.\n$/);
});

test('what is there already counts', () => {
  writeFileSync(file, 'x'.repeat(MEBIBYTE - 2000));
  for (let round = 0; round < 3; round++) {
    writeSummary(sectionsOf('line\n'.repeat(1000)), { GITHUB_STEP_SUMMARY: file });
    expect(readFileSync(file).length).toBeLessThan(MEBIBYTE);
  }
});

test('on a laptop there is nowhere to write', () => {
  expect(() => {
    writeSummary(sectionsOf('x'), {});
  }).not.toThrow();
});
