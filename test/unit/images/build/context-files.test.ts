import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { contextEntries, ignoreRules, IgnoreRules } from '../../../../src/images/build/context-files.ts';

/** The rules of https://docs.docker.com/build/concepts/context/#syntax, and the cases in moby's own tests. */
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
  // Other than in .gitignore, an exception holds below a folder that is ignored.
  ['*\n!src/a.ts', 'src/a.ts', false],
  ['*\n!src/a.ts', 'src/b.ts', true],
  ['**\n!*/src', 'service/src/main.ts', false],
  ['**\n!*/src\nbench', 'bench/src/main.ts', true],
  ['node_modules\n! node_modules/kept', 'node_modules/kept/a', false],
  ['\uFEFFtemp', 'temp', true],
  ['temp\r\nother', 'temp', true],
])('%j: %s ignored is %s', (rules, path, ignored) => {
  expect(new IgnoreRules(rules).ignores(path)).toBe(ignored);
});

test.each([
  ['*', 'node_modules', false],
  ['*\n!src/a.ts', 'src', true],
  ['*\n!src/a.ts', 'node_modules', false],
  ['*\n!*/src', 'node_modules', true],
  ['*\n!*/src', 'node_modules/a', false],
  ['*\n!**/keep', 'node_modules/a', true],
  ['a\n!a', 'a', false],
])('%j: an exception may hold below %s is %s', (rules, folder, expected) => {
  expect(new IgnoreRules(rules).mayExceptBelow(folder)).toBe(expected);
});

test.each(['!', '[a'])('the pattern %j is refused, as by Docker', (rules) => {
  expect(() => new IgnoreRules(rules)).toThrow('is not valid');
});

const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend', 'gateway'];

test.each(SERVICES)(
  'the build of %s sees itself, what is shared, and nothing of another service',
  (service) => {
    const rules = ignoreRules('services', join('services', service, 'Dockerfile'));
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
