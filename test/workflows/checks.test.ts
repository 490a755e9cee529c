import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { useWorkspaces } from '../support/action.ts';
import { callProblems } from './checks/calls.ts';
import { groupProblems } from './checks/groups.ts';
import { lockProblems } from './checks/locks.ts';
import { permissionProblems } from './checks/needs.ts';
import { referenceProblems } from './checks/references.ts';
import {
  findingsOf,
  lintProblems,
  NOT_KNOWN_TO_NPM,
  NOT_KNOWN_YET,
  schemaProblems,
} from './checks/schema.ts';
import { pinProblems, scriptProblems, secretProblems } from './checks/trust.ts';
import { CALLERS, REUSABLE, trackedLinks, workflowFile, workflowsOf } from './workflow.ts';
import type { WorkflowFile } from './workflow.ts';

type Check = (file: WorkflowFile) => string[] | Promise<string[]>;

const CHECKS: Record<string, Check> = {
  'is valid by the schema of GitHub': schemaProblems,
  'has no findings of actionlint': lintProblems,
  'passes the declared inputs in every call': callProblems,
  'refers only to inputs and outputs that exist': referenceProblems,
  'grants each job only the permissions that it needs': permissionProblems,
  'holds no concurrency group while it waits for an approval': groupProblems,
  'has time left after waiting for a lock': lockProblems,
  'pins third-party actions': pinProblems,
  'has no expression inside a script': scriptProblems,
  'inherits no secrets, and runs no untrusted code with permissions': secretProblems,
};

const files = [...workflowsOf(REUSABLE), ...workflowsOf(CALLERS)];

describe.each(files.map((file) => [file.path, file] as const))('%s', (_, file) => {
  test.each(Object.entries(CHECKS))('%s', async (_name, check) => {
    expect(await check(file)).toEqual([]);
  });
});

test('each exception for actionlint is still needed', async () => {
  const messages = (await Promise.all(files.map(findingsOf))).flat().map(({ message }) => message);
  const unused = [...NOT_KNOWN_YET, ...NOT_KNOWN_TO_NPM].filter(
    (one) => !messages.some((text) => one.test(text)),
  );
  expect(unused.map(String)).toEqual([]);
});

test('the repository has no symbolic links, because a broken one breaks $/', () => {
  expect(trackedLinks()).toEqual([]);
});

describe('each check can fail', () => {
  const workspace = useWorkspaces();
  const problems = (check: Check, jobs: string, { path = '.github/workflows/x.yml', on = 'push' } = {}) =>
    check(workflowFile(path, `on: ${on}\npermissions: {}\njobs:\n${jobs.replace(/^/gm, '  ')}\n`));
  const steps = (text: string): string => `a:\n  runs-on: ubuntu-latest\n  steps:\n    - ${text}`;

  test.each<[string, Check, string, RegExp]>([
    ['an unknown key', schemaProblems, 'a: { runs-on: x, stepz: [] }', /Unexpected value 'stepz'/],
    [
      'an environment on a calling job',
      schemaProblems,
      'a: { uses: ./.github/workflows/x.yml, environment: prod }',
      /environment/,
    ],
    ['an unknown context', lintProblems, steps('run: echo ${{ nothing.here }}'), /undefined variable/],
    ['an output of an unknown job', lintProblems, 'a: { needs: b, runs-on: x, steps: [] }', /"b"/],
    [
      'an unknown form of reference',
      lintProblems,
      steps('uses: nowhere/deploy-stack'),
      /invalid format because ref is missing/,
    ],
    [
      'an unknown input',
      callProblems,
      steps('{ uses: $/actions/deploy-stack, with: { stack-name: x, stak: y } }'),
      /has no input stak/,
    ],
    [
      'a missing input',
      callProblems,
      steps('{ uses: $/actions/deploy-stack, with: {} }'),
      /needs stack-name/,
    ],
    ['an unknown action', callProblems, steps('uses: $/actions/deploy-stick'), /no such action/],
    [
      'an unknown workflow',
      callProblems,
      'a: { uses: org/platform/.github/workflows/none.yml@v1 }',
      /no such reusable workflow/,
    ],
    ['an unknown input', referenceProblems, steps('run: echo ${{ inputs.none }}'), /no input none/],
    [
      'an unknown input in a condition',
      referenceProblems,
      "a: { runs-on: x, if: inputs.none == 'x' }",
      /no input none/,
    ],
    [
      'an output of an unknown action',
      referenceProblems,
      `${steps('{ id: s, uses: $/actions/deploy-stack, with: { stack-name: x } }')}\n    - run: echo \${{ steps.s.outputs.none }}`,
      /step s has no output none/,
    ],
    [
      'an output of an unknown job',
      referenceProblems,
      'a: { runs-on: x, outputs: { one: 1 } }\nb: { needs: a, runs-on: x, if: needs.a.outputs.two }',
      /needs.a has no output two/,
    ],
    ['too little permission', permissionProblems, steps('uses: actions/checkout@v5'), /has \{\} and needs/],
    [
      'too much permission',
      permissionProblems,
      `${steps('run: "true"')}\n  permissions: { contents: read }`,
      /has \{contents: read\} and needs \{\}/,
    ],
    [
      'a group of a job that waits for an approval',
      groupProblems,
      `${steps('run: "true"')}\n  environment: prod\n  concurrency: { group: deploy-prod, queue: max }`,
      /^a holds its concurrency group while it waits for an approval$/,
    ],
    [
      'a group of a job that calls one which waits for an approval',
      groupProblems,
      'a: { uses: $/.github/workflows/rollback.yml, concurrency: deploy-prod }',
      /^a holds its concurrency group/,
    ],
    [
      'waiting for a lock until the job ends',
      lockProblems,
      `${steps('{ uses: $/actions/promote-environment, with: { lock-timeout: 60m } }')}\n  timeout-minutes: 60`,
      /^a: timeout-minutes is 60, and its steps may need 120$/,
    ],
    [
      'waiting for a lock too briefly',
      lockProblems,
      `${steps('{ uses: $/actions/deploy-environment, with: { command: apply } }')}\n  timeout-minutes: 180`,
      /does not say lock-timeout/,
    ],
    ['a tag', pinProblems, steps('uses: actions/checkout@v5'), /not pinned/],
    ['a commit without a version', pinProblems, steps(`uses: a/b@${'a'.repeat(40)}`), /no version/],
    ['our own action by a tag', pinProblems, steps('uses: org/platform/actions/deploy-stack@v1'), /say \$\//],
    [
      'untrusted text in a script',
      scriptProblems,
      steps('run: echo ${{ github.event.pull_request.title }}'),
      /inside run/,
    ],
    [
      'inherited secrets',
      secretProblems,
      'a: { uses: ./.github/workflows/x.yml, secrets: inherit }',
      /inherit/,
    ],
  ])('%s', async (_name, check, jobs, problem) => {
    expect((await problems(check, jobs)).join('\n')).toMatch(problem);
  });

  test('a workflow-level group with a job that waits for an approval', () => {
    const jobs = `${steps('run: "true"')}\n  environment: prod\nconcurrency: deploy`;
    const file = workflowFile('x.yml', `on: push\njobs:\n  ${jobs.replace(/\n(?!concurrency)/g, '\n  ')}`);
    expect(groupProblems(file)).toEqual([
      'the workflow holds its concurrency group while it waits for an approval',
    ]);
  });

  test('a third-party workflow with permissions', () => {
    expect(problems(secretProblems, steps('run: "true"'), { on: 'pull_request_target' })).toEqual([
      'it runs on pull_request_target',
    ]);
  });

  test('a workflow with default write permissions', () => {
    const file = workflowFile('x.yml', 'on: push\njobs: { a: { runs-on: x, steps: [] } }');
    expect(permissionProblems(file)).toEqual(['permissions: {} is missing at the top']);
  });

  test('a caller that uses a path in its own repository', () => {
    const jobs = 'a: { uses: $/.github/workflows/deploy.yml }';
    expect(problems(pinProblems, jobs, { path: 'workflows/x.yml' })).toEqual([
      '$/.github/workflows/deploy.yml: say @v1',
    ]);
  });

  test('a symbolic link in the repository', () => {
    const root = workspace({ 'a.txt': 'a' });
    execFileSync('ln', ['-s', 'nowhere', 'link'], { cwd: root });
    execFileSync('git', ['init', '-q'], { cwd: root });
    execFileSync('git', ['add', '-A'], { cwd: root });
    expect(trackedLinks(root)).toEqual(['link']);
  });
});
