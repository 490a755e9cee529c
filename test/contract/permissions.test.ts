import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

/** The operations of AWS that files in folders send: `new DescribeStacksCommand(…)`. */
function operationsOf(...folders: readonly string[]): string[] {
  const sources = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(root, folder, file), 'utf8')),
  );
  const names = sources.flatMap((source) =>
    [...source.matchAll(/\bnew ([A-Z]\w+)Command\(/g)].map(([, name = '']) => name),
  );
  return [...new Set(names)].toSorted();
}

test.each([
  ['deploy-stack', ['src/cloudformation']],
  ['update-service', ['src/ecs', 'src/delivery/release', 'src/delivery/rollout', 'src/delivery/one-off']],
])('the page of %s lists the permissions for all its operations', (action, folders) => {
  const page = readFileSync(join(root, 'actions', action, 'README.md'), 'utf8');
  const section = page.slice(page.indexOf('\n## Permissions\n'));
  const operations = operationsOf(...folders);
  const missing = operations.filter((name) => !new RegExp(`\`(?:[a-z0-9]+:)?${name}\``).test(section));
  expect(operations.length).toBeGreaterThan(20);
  // To fix: add the action to the table under "Permissions", next to its purpose.
  expect(missing).toEqual([]);
});
