import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { callProblems } from './checks/calls.ts';
import { referenceProblems } from './checks/references.ts';
import { lintProblems, schemaProblems } from './checks/schema.ts';
import { scriptProblems, secretProblems } from './checks/trust.ts';
import { MigrateScene, PAGES } from './migrate/scene.ts';
import { REFUSED } from './migrate/refused.ts';
import { SERVICES } from './migrate/services.ts';
import type { Shape } from './migrate/shapes.ts';
import { STACKS } from './migrate/stacks.ts';
import { droppedOf, logOf, verdictsOf } from './scenarios/stage.ts';
import { readWorkflow, ROOT } from './workflow.ts';

const SHAPES: Record<string, Shape> = { ...SERVICES, ...STACKS, ...REFUSED };
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

describe.each(Object.entries(SHAPES))('%s', (name, shape) => {
  test('before and after are workflows', async () => {
    const [before, after] = [
      readWorkflow(`${PAGES}/${name}/before.yml`),
      readWorkflow(`${PAGES}/${name}/after.yml`),
    ];
    for (const file of [before, after]) {
      expect({
        path: file.path,
        problems: [...(await schemaProblems(file)), ...(await lintProblems(file))],
      }).toEqual({
        path: file.path,
        problems: [],
      });
    }
    const checks = [callProblems, referenceProblems, scriptProblems, secretProblems];
    expect(checks.flatMap((check) => check(after))).toEqual([]);
  });

  test('after has the same result as before', async () => {
    const scene = new MigrateScene(name, await sandboxOf(), workspaceOf, shape);
    await shape.given?.(scene);
    const report = await scene.play(shape.event ?? { name: 'push' });
    const verdicts = verdictsOf(report);
    if (!isDeepStrictEqual(verdicts, shape.verdicts)) console.error(logOf(report));
    expect(verdicts).toEqual(shape.verdicts);
    expect(droppedOf(report)).toEqual([]);
    for (const [service, containers] of Object.entries(shape.runs ?? {})) {
      const expected = Object.entries(containers).map(
        ([container, image]) => `${container}=${image === 'new' ? scene.built : scene.old}`,
      );
      expect({ service, runs: await scene.runs(service) }).toEqual({ service, runs: expected.sort() });
    }
    await shape.also?.(scene, report);
  });
});

/** By shape, its class in a row of the page's tables. */
function rowsOf(page: string): Record<string, string> {
  const rows = page.matchAll(
    /^\| \[[^\]]+\]\(([a-z-]+)\/before\.yml\) +\| \[after\]\(\1\/after\.yml\) +\| ([ABC]) /gm,
  );
  return Object.fromEntries([...rows].map(([, name = '', grade = '']) => [name, grade]));
}

describe('the page', () => {
  const page = readFileSync(join(ROOT, PAGES, 'README.md'), 'utf8');
  const grades = Object.fromEntries(Object.entries(SHAPES).map(([name, { grade }]) => [name, grade]));

  test('has a row of each workflow, with its class', () => {
    expect(rowsOf(page)).toEqual(grades);
    const folders = readdirSync(join(ROOT, PAGES), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(grades).sort());
  });

  const count = (grade: string): number => Object.values(grades).filter((one) => one === grade).length;
  const total = `${Object.keys(grades).length} workflows: ${count('A')} A, ${count('B')} B, ${count('C')} C`;
  test(total, () => {
    expect(page).toContain(`${total}.`);
  });
});
