import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { contextEntries, ignoreRules, locate } from '../../../../src/images/build/context-files.ts';
import { IgnoreRules, type MatchResult } from '../../../../src/images/build/ignore-rules.ts';
import { useWorkspaces } from '../../../support/action.ts';

const workspaceOf = useWorkspaces();

function rulesOf(text: string): IgnoreRules {
  return new IgnoreRules({ file: '.dockerignore', content: Buffer.from(text) });
}

/** The result of the rules for a path, checked from its first folder on. */
function ignores(rules: IgnoreRules, path: string): boolean {
  const parts = path.split('/');
  let match: MatchResult | undefined;
  for (const index of parts.keys()) match = rules.match(parts.slice(0, index + 1).join('/'), match);
  return match?.ignored === true;
}

/** The rules of https://docs.docker.com/build/concepts/context/#syntax, and the cases in moby's tests. */
test.each<[rules: string, path: string, ignored: boolean]>([
  ['', 'a', false],
  ['# comment', '# comment', false],
  [' # no comment', '# no comment', true],
  ['temp', 'temp', true],
  ['temp', 'temp/a', true],
  ['temp', 'b/temp', false],
  ['/temp', 'temp', true],
  ['temp/', 'temp/a', true],
  ['./temp', 'temp', true],
  ['a/../temp', 'temp', true],
  ['*/temp*', 'somedir/temporary.txt', true],
  ['*/temp*', 'somedir/temp', true],
  ['*/temp*', 'a/b/temporary', false],
  ['*/*/temp*', 'somedir/subdir/temporary.txt', true],
  ['temp?', 'tempa', true],
  ['temp?', 'temp', false],
  ['temp?', 'temp/a', false],
  ['**/*.go', 'main.go', true],
  ['**/*.go', 'a/b/main.go', true],
  ['**/*.go', 'a/b/main.gox', false],
  ['a/**', 'a', false],
  ['a/**', 'a/b/c', true],
  ['**', 'a/b', true],
  ['a**b', 'a/x/b', true],
  ['[ab].txt', 'b.txt', true],
  ['[^ab].txt', 'b.txt', false],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
  ['a.b', 'axb', false],
  ['a+(b)|c{1}$', 'a+(b)|c{1}$', true],
  ['*.md\n!README.md', 'README.md', false],
  ['*.md\n!README.md', 'OTHER.md', true],
  ['*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
  ['*.md\nREADME-secret.md\n!README*.md', 'README-secret.md', false],
  // In contrast to .gitignore, an exception applies below an ignored folder.
  ['*\n!src/a.ts', 'src/a.ts', false],
  ['*\n!src/a.ts', 'src/b.ts', true],
  ['**\n!*/src', 'service/src/main.ts', false],
  // Nor does a later rule apply below a folder that is already ignored.
  ['**\n!*/src\nbench', 'bench/src/main.ts', false],
  ['**.ts', 'a/main.ts', true],
  ['*\n!**.ts', 'a/main.ts', false],
  ['a|b*', 'a', true],
  ['node_modules\n! node_modules/kept', 'node_modules/kept/a', false],
  ['\uFEFFtemp', 'temp', true],
  ['temp\r\nother', 'temp', true],
])('%j: %s ignored is %s', (rules, path, ignored) => {
  expect(ignores(rulesOf(rules), path)).toBe(ignored);
});

test.each([
  ['*', 'node_modules', true],
  ['*\n!src/a.ts', 'src', false],
  ['*\n!src/a.ts', 'node_modules', true],
  ['*\n!src/**', 'node_modules', true],
  // An exception with a wildcard may apply anywhere.
  ['*\n!*/src', 'node_modules/a', false],
  ['*\n!**/keep', 'node_modules/a', false],
])('%j: nothing below %s is kept is %s', (rules, folder, expected) => {
  expect(rulesOf(rules).skips(folder)).toBe(expected);
});

test.each([
  ['a\n!', '2', '!'],
  ['[a', '1', '[a'],
  ['# fine\n\n  a[\\', '3', '  a[\\'],
  ['x'.repeat(70_000), '1', 'x'.repeat(100)],
])('a pattern that Docker refuses is an input error with its line', (rules, line, pattern) => {
  expect(() => rulesOf(rules)).toThrow(
    expect.objectContaining({
      code: 'input-invalid',
      message: expect.stringContaining(`.dockerignore:${line}: expected a pattern that Docker accepts`),
    }),
  );
  expect(() => rulesOf(rules)).toThrow(JSON.stringify(pattern).slice(0, -1));
});

test('an error that Docker detects when it matches a path is detected then', () => {
  const rules = rulesOf('*.md\n!x*[b-a]');
  expect(ignores(rules, 'a.ts')).toBe(false);
  expect(() => ignores(rules, 'a.md')).toThrow('.dockerignore:2: expected a pattern that Docker accepts');
});

const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend', 'gateway'];

test.each(SERVICES)(
  'the build context of %s has its files and the shared ones, but none of another service',
  (service) => {
    const { rules } = ignoreRules('services', join('services', service, 'Dockerfile'));
    const seen = contextEntries('services', rules)
      .filter(({ kind }) => kind === 'file')
      .map(({ path }) => path);
    const others = SERVICES.filter((name) => name !== service).map((name) => `${name}/package.json`);
    const foreign = seen.filter((path) => !path.startsWith(`${service}/`) && !path.startsWith('shared/'));
    const common = ['build.js', 'package-lock.json', 'package.json', 'tsconfig.json'];
    expect(foreign.sort()).toEqual([...common, ...others].sort());
    expect(seen).toEqual(expect.arrayContaining([`${service}/package.json`, 'shared/package.json']));
    expect(seen.filter((path) => /node_modules|\/(?:dist|test)\/|Dockerfile|\.md$/.test(path))).toEqual([]);
  },
);

describe('an ignore file that is a link', () => {
  const used = (folder: string): { entries: string[]; notes: string[] } => {
    const { rules, notes } = ignoreRules(folder, join(folder, 'Dockerfile'));
    return { entries: contextEntries(folder, rules).map(({ path }) => path), notes };
  };

  test.each([
    ['a file next to it', 'shared.ignore'],
    ['a file below it, by its path from the root of the context', '/config/shared.ignore'],
    ['a file reached by a path out of the context and back', '../../config/shared.ignore'],
    ['a link', 'config/link'],
  ])('to %s is used', (_, target) => {
    const folder = workspaceOf({ 'shared.ignore': 'hidden', 'config/shared.ignore': 'hidden', hidden: '' });
    symlinkSync('shared.ignore', join(folder, 'config/link'));
    symlinkSync(target, join(folder, '.dockerignore'));
    const { entries, notes } = used(folder);
    expect(entries).not.toContain('hidden');
    expect(notes).toEqual([]);
  });

  test.each([
    ['a file outside', '../outside.ignore'],
    ['nothing', 'missing'],
    ['itself', '.dockerignore'],
    ['a folder', 'app'],
    ['a path that the client and the builder may read differently', 'app/../shared.ignore'],
  ])('to %s ignores nothing', (_, target) => {
    const outer = workspaceOf({
      'outside.ignore': 'hidden',
      'app/hidden': '',
      'app/app/x': '',
      'app/shared.ignore': 'hidden',
    });
    const folder = join(outer, 'app');
    symlinkSync(target, join(folder, '.dockerignore'));
    const { entries, notes } = used(folder);
    expect(entries).toContain('hidden');
    expect(notes).toEqual([expect.stringContaining(`Docker ignores ${join(folder, '.dockerignore')}`)]);
  });

  test('next to the Dockerfile and out of its folder has no effect', () => {
    const folder = workspaceOf({
      '.dockerignore': 'hidden',
      hidden: '',
      'all.ignore': '',
      'api/Dockerfile': '',
    });
    symlinkSync('../all.ignore', join(folder, 'api/Dockerfile.dockerignore'));
    const { rules, notes } = ignoreRules(folder, join(folder, 'api/Dockerfile'));
    expect(contextEntries(folder, rules).map(({ path }) => path)).not.toContain('hidden');
    expect(notes).toHaveLength(1);
  });
});

test('a folder with the name of an ignore file ignores nothing', () => {
  const folder = workspaceOf({ '.dockerignore/a': '', hidden: '' });
  expect(ignoreRules(folder).notes).toEqual([]);
});

test('file names that are not UTF-8 are distinct, and rules apply to their bytes', () => {
  const folder = workspaceOf({});
  for (const name of ['a\xff', 'a\xfe', 'b\xff', 'é']) writeFileSync(locate(folder, name), '');
  const paths = (rules: string): string[] => contextEntries(folder, rulesOf(rules)).map(({ path }) => path);
  expect(paths('')).toEqual(['a\xfe', 'a\xff', 'b\xff', 'é']);
  expect(paths('a?')).toEqual(['b\xff', 'é']);
});
