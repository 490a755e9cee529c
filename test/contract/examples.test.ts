import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

/** A step of an example that uses one of our actions. */
interface Step {
  action: string;
  id: string | undefined;
  with: Record<string, unknown>;
}

const root = resolve(import.meta.dirname, '../..');
const names = readdirSync(join(root, 'actions'));

function definitionOf(action: string): { inputs: object; outputs: object } {
  return parse(readFileSync(join(root, 'actions', action, 'action.yml'), 'utf8')) as {
    inputs: object;
    outputs: object;
  };
}

/** All steps below a value, wherever an example begins: at jobs, at steps, or at one step. */
function stepsIn(value: unknown): Step[] {
  if (typeof value !== 'object' || value === null) return [];
  const { uses, id, with: inputs } = value as { uses?: string; id?: string; with?: Record<string, unknown> };
  const [, action = ''] = /^<OWNER>\/platform\/actions\/([a-z-]+)@v1$/.exec(uses ?? '') ?? [];
  const own = action === '' ? [] : [{ action, id, with: inputs ?? {} }];
  return [...own, ...Object.values(value).flatMap(stepsIn)];
}

/** The documents and workflows that a reader copies from. */
const copied = execFileSync('git', ['ls-files', '*.md', '*.yml'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && !/^(test|sandbox|services)\//.test(file));

// A copied line would run the code of the owner of that name, with the reader's rights in AWS.
test('no example uses a repository of a name that somebody else may own', () => {
  const uses = copied.flatMap((file) =>
    [
      ...readFileSync(join(root, file), 'utf8').matchAll(/^.*?uses:\s*['"]?([^\s'"]+\/platform[/@]\S*)/gm),
    ].map(([, reference = '']) => ({ file, reference })),
  );
  expect(uses.length).toBeGreaterThan(100);
  expect(uses.filter(({ reference }) => !/^<OWNER>\/platform[^@]*@v1$/.test(reference))).toEqual([]);
});

/** The jobs below a value that have an environment and a concurrency group. */
function heldGroups(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const { environment, concurrency, 'runs-on': runner } = value as Record<string, unknown>;
  const own = runner !== undefined && environment !== undefined && concurrency !== undefined ? [value] : [];
  return [...own, ...Object.values(value).flatMap(heldGroups)];
}

// "A second workflow run will be blocked and cannot be approved until the first workflow run is approved."
// https://github.com/orgs/community/discussions/17401
test('no example has a job that waits for an approval and holds a concurrency group meanwhile', () => {
  const pages = copied.filter((file) => file.endsWith('.md'));
  const examples = pages.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/^```ya?ml\n(.*?)^```$/gms)].map(
      ([, text = '']) => text,
    ),
  );
  const workflows = examples.filter((text) => text.includes('runs-on:'));
  console.info(`${workflows.length} workflows in ${pages.length} pages`);
  expect(workflows.flatMap((text) => heldGroups(parse(text)))).toEqual([]);
});

test.each(names)("the examples of %s's page use inputs and outputs that there are", (name) => {
  const page = readFileSync(join(root, 'actions', name, 'README.md'), 'utf8');
  const examples = [...page.matchAll(/^```ya?ml\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const steps = examples.flatMap((text) => stepsIn(parse(text)));
  expect(steps.map(({ action }) => action)).toContain(name);
  const ids = new Map<string, string>();
  for (const { action, id, with: inputs } of steps) {
    if (!existsSync(join(root, 'actions', action))) continue;
    const known = Object.keys(definitionOf(action).inputs);
    expect({ action, unknown: Object.keys(inputs).filter((key) => !known.includes(key)) }).toEqual({
      action,
      unknown: [],
    });
    if (id !== undefined) ids.set(id, action);
  }
  for (const [, id = '', output = ''] of page.matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
    const action = ids.get(id);
    if (action === undefined) continue;
    // A stack's own outputs are outputs too.
    if (action !== 'deploy-stack') expect(Object.keys(definitionOf(action).outputs)).toContain(output);
  }
});
