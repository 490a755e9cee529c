import { describe, expect, test } from '@jest/globals';
import { type Differences, split, unexplained } from './differences.ts';
import { mismatch } from './match.ts';
import type { Situation } from './situation.ts';

const situation = (name: string, needs: string[] = []): Situation => ({
  name,
  needs,
  stack: name,
  action: 'deploy-stack',
  files: {},
  steps: [],
});
const situations = [situation('a'), situation('b'), situation('c', ['cloudformation DetectStackDrift'])];
const differences: Differences = {
  lacks: [{ endpoint: 'x', call: 'cloudformation DetectStackDrift', with: {}, refuses: 'InvalidAction' }],
  differs: [{ endpoint: 'x', because: 'it is so', situations: { a: 'got created' } }],
};

describe('the table of differences', () => {
  const { played, skipped } = split(situations, differences, 'x');
  const judged = (wrong: Record<string, string>): string[] =>
    unexplained(differences, 'x', played, new Map(Object.entries(wrong)));

  test('skips situations that need an unsupported call on an endpoint', () => {
    expect([...skipped]).toEqual([['c', 'x has no cloudformation DetectStackDrift']]);
    expect(split(situations, differences, 'y').played).toHaveLength(3);
  });

  test('explains a difference by its output', () => {
    expect(judged({ a: 'step 1: expected failed, got created: …' })).toEqual([]);
    expect(judged({ a: 'step 1: expected failed, got updated: …' })).toHaveLength(1);
    expect(judged({ a: 'got created', b: 'got nothing' })).toEqual(['x: b: got nothing']);
  });

  test('has no entry without a difference', () => {
    expect(judged({})).toEqual(['x: a: is right now, delete its entry in differences.yml']);
  });
});

test.each([
  [{ a: 1 }, { a: 1, b: 2 }, true],
  [{ a: null }, { b: 2 }, true],
  [{ a: null }, { a: 2 }, false],
  [[{ a: 1 }, { a: 2 }], [{ a: 2 }, { a: 3 }, { a: 1 }], true],
  [[{ a: 4 }], [{ a: 2 }], false],
  [[], [], true],
  [[], [1], false],
  ['~^a.c$', 'abc', true],
  ['abc', 'abcd', false],
  ['1', 1, false],
])('%j of %j: %s', (expected, actual, same) => {
  expect(mismatch(expected, actual) === undefined).toBe(same);
});
