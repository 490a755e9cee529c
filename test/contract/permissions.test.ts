import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

/** The operations of AWS that a folder sends: `new DescribeStacksCommand(…)`. */
function operationsOf(folder: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const sources = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(root, folder, file), 'utf8'));
  const names = sources.flatMap((source) =>
    [...source.matchAll(/\bnew ([A-Z]\w+)Command\(/g)].map(([, name = '']) => name),
  );
  return [...new Set(names)].toSorted();
}

test('the page of deploy-stack names the permission of every operation that it uses', () => {
  const page = readFileSync(join(root, 'actions/deploy-stack/README.md'), 'utf8');
  const section = page.slice(page.indexOf('\n## Permissions\n'));
  const operations = operationsOf('src/cloudformation');
  const missing = operations.filter((name) => !new RegExp(`\`(?:[a-z0-9]+:)?${name}\``).test(section));
  expect(operations.length).toBeGreaterThan(20);
  // To repair: add the action to the table under "Permissions", beside what it is for.
  expect(missing).toEqual([]);
});
