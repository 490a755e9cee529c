import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bundleOf, runAction } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';

const actions = readdirSync(join(import.meta.dirname, '../../actions'));

/** The bundler builds green with a module that it could not resolve; the bundle then dies where it is used. */
describe.each(actions)('the bundle of %s', (name) => {
  const folder = dirname(bundleOf(name));
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));

  test('starts, and says which input is missing', async () => {
    const run = await runAction(name, { node: [node24()] });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(/^[a-z-]+: .*required/);
    expect(run.log).not.toContain('    at ');
  });

  test.each(files)('%s lacks no module', (file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    expect(/Cannot find module '[^']+'"?\)[^}]{0,40}MODULE_NOT_FOUND/.exec(text)?.[0]).toBeUndefined();
  });

  test('says what licences it carries', () => {
    const licences = readFileSync(join(folder, 'licenses.txt'), 'utf8').split('\n');
    const entry = readFileSync(join(import.meta.dirname, '../../actions', name, 'main.ts'), 'utf8');
    const carried = entry.includes('/aws/session.ts')
      ? ['@aws-sdk/core', '@smithy/core', 'yaml']
      : ['@actions/github'];
    expect(licences).toEqual(expect.arrayContaining(carried));
  });
});
