import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

const read = (file: string) => parse(readFileSync(file, 'utf8')) as Record<string, unknown>;

test('the root action is deploy-environment', () => {
  const root = read('action.yml');
  const action = read('actions/deploy-environment/action.yml');
  expect(root['runs']).toEqual({ using: 'node24', main: 'dist/deploy-environment/index.js' });
  expect({ ...root, runs: undefined }).toEqual({ ...action, runs: undefined });
});
