import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { licencesOf } from '../../../scripts/licences.ts';

const folder = mkdtempSync(join(tmpdir(), 'licences-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A package with one module. Returns the module's path. */
function install(name: string, manifest: object, text?: string): string {
  const path = join(folder, 'node_modules', name);
  const module = join(path, 'lib/index.js');
  mkdirSync(dirname(module), { recursive: true });
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name, version: '1.0.0', ...manifest }));
  writeFileSync(join(path, 'lib/package.json'), '{ "type": "commonjs" }');
  if (text !== undefined) writeFileSync(join(path, 'LICENSE'), text);
  return module;
}

test('packages with the same text are grouped', () => {
  const modules = [
    install('b', { license: 'MIT' }, 'Do what\r\nyou like.\r\n'),
    install('@scope/c', { license: 'ISC' }),
    install('a', { license: 'MIT' }, 'Do what\nyou like.'),
  ].map((nameForCondition) => ({ nameForCondition, chunks: [1] }));
  expect(licencesOf({ modules })).toBe('@scope/c\nISC\n\na\nb\nMIT\nDo what\nyou like.\n');
});

test('a merged module counts, and one without a chunk does not', () => {
  const merged = install('merged', { license: 'MIT' });
  const dropped = install('dropped', { license: 'MIT' });
  const modules = [
    { identifier: '/app/src/main.js', chunks: [1], modules: [{ nameForCondition: merged }] },
    { nameForCondition: dropped, chunks: [] },
  ];
  expect(licencesOf({ modules })).toBe('merged\nMIT\n');
});

test('a package without a licence is an error', () => {
  const modules = [{ nameForCondition: install('nameless', {}), chunks: [1] }];
  expect(() => licencesOf({ modules })).toThrow('package nameless has no licence');
});
