import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, parseAllDocuments } from 'yaml';
import { manifestJsonSchema } from '../../src/environment/manifest/schema.ts';
import { OF_A_PART, workflowExamples } from '../support/examples.ts';
import { markdownPages } from '../support/markdown.ts';
import { callProblems } from '../workflows/checks/calls.ts';
import { schemaProblems } from '../workflows/checks/schema.ts';
import { withOwner, workflowFile } from '../workflows/workflow.ts';

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

/** All steps below a value, whether an example starts with jobs, steps, or a single step. */
function stepsIn(value: unknown): Step[] {
  if (typeof value !== 'object' || value === null) return [];
  const { uses, id, with: inputs } = value as { uses?: string; id?: string; with?: Record<string, unknown> };
  const [, action = ''] = /^<OWNER>\/platform\/actions\/([a-z-]+)@v1$/.exec(uses ?? '') ?? [];
  const own = action === '' ? [] : [{ action, id, with: inputs ?? {} }];
  return [...own, ...Object.values(value).flatMap(stepsIn)];
}

const pages = markdownPages().filter(({ file }) => !/^(test|sandbox)\//.test(file));
const blocksIn = (...languages: string[]): { file: string; line: number; text: string }[] =>
  pages.flatMap(({ file, blocks }) =>
    blocks
      .filter(({ language }) => languages.includes(language))
      .map(({ line, text }) => ({ file, line, text })),
  );

test('every YAML and JSON example parses', () => {
  const [yaml, json] = [blocksIn('yaml', 'yml'), blocksIn('json')];
  console.info(`${yaml.length} YAML and ${json.length} JSON examples`);
  const broken = [
    ...yaml.map((block) => ({ ...block, read: () => problemsOfYaml(block.text) })),
    ...json.map((block) => ({ ...block, read: () => problemsOfJson(block.text) })),
  ].flatMap(({ file, line, read }) => read().map((problem) => `${file}:${line}: ${problem}`));
  expect([yaml.length > 100, json.length > 5, broken]).toEqual([true, true, []]);
});

const problemsOfYaml = (text: string): string[] =>
  parseAllDocuments(text).flatMap((document) => document.errors.map(({ message }) => message));

function problemsOfJson(text: string): string[] {
  try {
    JSON.parse(text);
    return [];
  } catch (error) {
    return [String(error)];
  }
}

test("every workflow example passes GitHub's parser and calls existing actions", async () => {
  const examples = workflowExamples(pages);
  console.info(`${examples.length} workflow examples`);
  expect(examples.length).toBeGreaterThan(100);
  const problems: string[] = [];
  for (const { file, line, isWhole, workflow } of examples) {
    const read = workflowFile(`${file}:${line}`, withOwner(workflow));
    const found = [...(await schemaProblems(read)), ...callProblems(read)];
    const open = found.filter((problem) => isWhole || !OF_A_PART.some((pattern) => pattern.test(problem)));
    problems.push(...open.map((problem) => `${file}:${line}: ${problem}`));
  }
  expect(problems).toEqual([]);
});

test('every example of platform.yml matches its schema', () => {
  const matches = new Ajv2020({ allowUnionTypes: true, allErrors: true }).compile(manifestJsonSchema());
  const examples = blocksIn('yaml', 'yml').filter(({ text }) => {
    const value: unknown = parse(text, { logLevel: 'error' });
    return (
      typeof value === 'object' &&
      value !== null &&
      ('environments' in value || 'services' in value) &&
      !('jobs' in value)
    );
  });
  const wholes = examples.filter(({ text }) => /^project:/m.test(text));
  console.info(`${examples.length} examples of platform.yml, ${wholes.length} of them whole`);
  expect(wholes.length).toBeGreaterThan(0);
  const problems = examples.flatMap(({ file, line, text }) => {
    matches(parse(text, { logLevel: 'error' }));
    // An excerpt omits what is not its subject.
    const found = (matches.errors ?? []).filter(
      ({ keyword }) => !['required', 'if'].includes(keyword) || /^project:/m.test(text),
    );
    return found.map(({ instancePath, message = '' }) => `${file}:${line}: ${instancePath} ${message}`);
  });
  expect(problems).toEqual([]);
});

/** The documents and workflows that a reader copies from. */
const copied = execFileSync('git', ['ls-files', '*.md', '*.yml'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && !/^(test|sandbox|services)\//.test(file));

// A copied line would run the code of the owner of that name, with the reader's permissions in AWS.
test('no example uses a repository name that someone else could own', () => {
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
test('no example has a job with both an environment and a concurrency group', () => {
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

test.each(names)("the examples of %s's page use existing inputs and outputs", (name) => {
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
    // A stack's outputs are outputs too.
    if (action !== 'deploy-stack') expect(Object.keys(definitionOf(action).outputs)).toContain(output);
  }
});
