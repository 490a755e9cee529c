import { expect, test } from '@jest/globals';
import { checkCallers } from '../../../../src/environment/doctor/callers.ts';
import { useWorkspaces } from '../../../support/action.ts';
import { workflowRefsOf } from '../../../workflows/rehearsal/workflow-ref.ts';
import { CALLERS, ROOT, withOwner, workflowsOf } from '../../../workflows/workflow.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const workspaceOf = useWorkspaces();
const caller = (uses: string): string => `on: push\njobs: { a: { uses: '${uses}' } }\n`;
const step = (uses: string): string =>
  `on: push\njobs: { a: { runs-on: x, steps: [{ uses: '${uses}' }] } }\n`;

function check(files: Record<string, string>, actionRepository = '') {
  const entries = Object.entries(files).map(([name, text]) => [`.github/workflows/${name}`, text]);
  return checkCallers(workspaceOf(Object.fromEntries(entries) as Record<string, string>), actionRepository);
}

const DEPLOY = '.github/workflows/deploy.yml';
const SHA = 'a'.repeat(40);

const CASES: readonly [string, string, string, RegExp][] = [
  [
    'a caller as it was copied',
    caller(`<OWNER>/platform/${DEPLOY}@v1`),
    'problem',
    /placeholder.*<OWNER>.*\(x\.yml\)/,
  ],
  ['a step as it was copied', step('<OWNER>/platform/actions/deploy-stack@v1'), 'problem', /placeholder/],
  ['another placeholder', caller(`OWNER/platform/${DEPLOY}@v1`), 'problem', /placeholder/],
  ['an impossible name', caller(`{{owner}}/platform/${DEPLOY}@v1`), 'problem', /placeholder/],
  ['a branch', caller(`org/platform/${DEPLOY}@main`), 'warning', /use a branch: .*@main/],
  ['a tag', caller(`org/platform/${DEPLOY}@v1`), 'ok', /^1 call of org\/platform/],
  ['a version', caller(`org/platform/${DEPLOY}@v1.2.3`), 'ok', /org\/platform/],
  ['a commit', caller(`org/platform/${DEPLOY}@${SHA}`), 'ok', /org\/platform/],
  ['an enterprise user', caller(`lead_corp/platform/${DEPLOY}@v1`), 'ok', /lead_corp\/platform/],
  ['a third-party action', step('actions/checkout@main'), 'ok', /no workflow/],
  ['its own workflow', caller('./.github/workflows/other.yml'), 'ok', /no workflow/],
  ['an empty file', '', 'ok', /no workflow/],
  ['not YAML', 'a: [', 'unknown', /./],
];

test.each(CASES)(`%s (one of ${CASES.length})`, (_name, text, state, says) => {
  const found = check({ 'x.yml': text }).check;
  expect(found.state).toBe(state);
  expect(found.says).toMatch(says);
});

test('no workflows folder', () => {
  expect(checkCallers(workspaceOf({}), '').check).toMatchObject({ state: 'ok' });
});

test('a copy with another name is recognized by its action', () => {
  const files = { 'x.yml': caller(`org/ci/${DEPLOY}@main`) };
  expect(check(files).check.state).toBe('ok');
  expect(check(files, 'org/ci').check.state).toBe('warning');
});

test('the claims of deploy jobs are those that GitHub sets', () => {
  const deploying = ['deploy', 'pipeline', 'promote', 'rollback'];
  const callers = workflowsOf(CALLERS);
  for (const { path } of callers) {
    const name = path.replace(/^workflows\/|\.yml$/g, '');
    const text = withOwner(readFileSync(join(ROOT, path), 'utf8'));
    const { workflowRefs } = check({ [`${name}.yml`]: text });
    expect({ name, workflowRefs }).toEqual({
      name,
      workflowRefs: deploying.includes(name) ? workflowRefsOf(path) : [],
    });
  }
  expect(check({ 'x.yml': caller(`org/platform/${DEPLOY}@${SHA}`) }).workflowRefs).toEqual([
    `org/platform/${DEPLOY}@${SHA}`,
  ]);
});
