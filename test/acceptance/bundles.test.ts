import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bundleOf, runAction } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';

const root = join(import.meta.dirname, '../..');
const actions = readdirSync(join(root, 'actions'));
const shared = join(root, 'dist/shared');
const chunks = readdirSync(shared).filter((file) => file.endsWith('.js'));

describe.each(actions)('the bundle of %s', (name) => {
  test('starts and names the missing input', async () => {
    const run = await runAction(name, { node: [node24()] });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(/^[a-z-]+: .*required/);
    expect(run.log).not.toContain('    at ');
  });

  test('is a small entry file without its own code', () => {
    expect(readdirSync(join(root, 'dist', name))).toEqual(['index.js']);
    expect(readFileSync(bundleOf(name), 'utf8').length).toBeLessThan(200);
  });
});

describe('the shared bundles', () => {
  test.each(chunks)('%s has all its modules', (file) => {
    const text = readFileSync(join(shared, file), 'utf8');
    expect(/Cannot find module '[^']+'"?\)[^}]{0,40}MODULE_NOT_FOUND/.exec(text)?.[0]).toBeUndefined();
  });

  test('contain no other files', () => {
    const found = readdirSync(join(root, 'dist')).sort();
    expect(found).toEqual([...actions, 'package.json', 'shared'].sort());
  });

  test('list the licences, with each package once', () => {
    const lines = readFileSync(join(shared, 'licenses.txt'), 'utf8').split('\n');
    for (const name of ['@actions/github', '@aws-sdk/core', '@smithy/core', 'undici', 'yaml', 'zod']) {
      expect(lines.filter((line) => line === name)).toEqual([name]);
    }
  });
});
