import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

/** The versions in the support matrix are those that the tests install. */

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const page = read('docs/operations/support.md');

function pinned(file: string, pattern: RegExp): string {
  const found = pattern.exec(read(file))?.[1];
  if (found === undefined) throw new Error(`${file} has no ${pattern.source}`);
  return found;
}

const TOOLS = 'test/support/tools/tools.ts';
const VERSIONS: Readonly<Record<string, string>> = {
  'BuildKit (buildkitd, buildctl)': pinned(TOOLS, /buildkitd: \{[^}]*version: 'v([\d.]+)'/),
  buildx: pinned(TOOLS, /'docker-buildx': \{[^}]*version: 'v([\d.]+)'/),
  cosign: pinned(TOOLS, /cosign: \{[^}]*version: 'v([\d.]+)'/),
  act: pinned(TOOLS, /act: \{[^}]*version: 'v([\d.]+)'/),
  moto: pinned('.github/workflows/ci.yml', /moto\[server\]==([\d.]+)/),
  ministack: pinned('test/support/tools/ministack.txt', /^ministack==([\d.]+)/m),
};

test.each(Object.entries(VERSIONS))('%s %s', (program, version) => {
  const row = page.split('\n').find((line) => line.startsWith(`| ${program} `)) ?? '';
  expect(row.split('|')[2]?.trim()).toBe(version);
});

test('lists the Node.js versions of the actions and the scripts', () => {
  expect(pinned('actions/deploy-stack/action.yml', /using: node(\d+)/)).toBe('24');
  expect(page).toMatch(/\| Node\.js of the actions +\| 24 \(/);
  const engines = pinned('package.json', /"node": ">=([\d.]+)"/);
  expect(page).toMatch(new RegExp(String.raw`\| Node\.js of the scripts and tests +\| ${engines} or newer`));
});
