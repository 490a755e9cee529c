import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';

/**
 * Acceptance tests start actions with test/support, with the permissions of the roles that the bootstrap gives the jobs
 * of the workflows. Tests with other permissions are listed here, with the reason.
 */
const OTHER_RIGHTS: Readonly<Record<string, string>> = {
  'acceptance/adopt.test.ts': 'jobs of the page, whose roles have their own policy',
  'acceptance/bootstrap/story.test.ts':
    'an administrator deploys the bootstrap; every job has an identity token',
  'acceptance/bundles.test.ts': 'ends before any call',
  'acceptance/deploy-stack/guard.test.ts': 'a stack with an instance of EC2',
  'acceptance/deploy-stack/nested.test.ts': 'a stack with a table of DynamoDB',
  'acceptance/deploy-stack/templates.test.ts': 'a stack with a table of DynamoDB',
  'acceptance/deploy-stack/traps.test.ts': 'a region of another partition, in which the roles may do nothing',
  'acceptance/hour/newcomer.ts': 'commands of the pages that an administrator types',
  'acceptance/notify.test.ts': 'supersede-runs, which calls GitHub alone',
  'acceptance/one-action.test.ts': 'the role and the policy of the page, with an identity token',
  'acceptance/promote-environment/existing.test.ts':
    'services of another tool, whose roles have their own policy',
  'acceptance/rehearse/action.test.ts': 'every job has an identity token; the rehearsal has no credentials',
  'acceptance/runbook.test.ts': 'a command of the page that a person types, with the role that deploys',
  'acceptance/supersede-runs/supersede-runs.test.ts': 'calls GitHub alone',
  'acceptance/update-service/registries.test.ts':
    'images of another account and region, which the roles do not reach',
};

const TEST = join(import.meta.dirname, '..');

/** How a file may get permissions other than those of the roles. */
function othersIn(text: string): string[] {
  const found: string[] = [];
  if (/\brunAction\(/.test(text) && !/\b(?:actingAs|sessionOf|jobOf)\(/.test(text)) found.push('no role');
  if (/\w\.env\(\w|(?:\.\.\.|\benv: )[\w.]+\.env\(\)/.test(text) && !/export function actingAs/.test(text))
    found.push('keys of an account');
  if (/\bEXECUTION_OF_ANY_TYPE\b/.test(text)) found.push('every permission for CloudFormation');
  return found;
}

function filesIn(folder: string): string[] {
  return readdirSync(join(TEST, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

test('acceptance tests use the roles of the bootstrap, except those listed', () => {
  const files = filesIn('acceptance');
  const others = files.filter((file) => othersIn(readFileSync(join(TEST, file), 'utf8')).length > 0);
  expect(others.sort()).toEqual(Object.keys(OTHER_RIGHTS).sort());
  expect(files.length).toBeGreaterThan(60);
});

test('helpers that start an action accept a role', () => {
  const starting = filesIn('support')
    .filter((file) => !relative('support', file).includes('/'))
    .map((file) => [file, readFileSync(join(TEST, file), 'utf8')] as const)
    .filter(([, text]) => /\brunAction\(/.test(text));
  expect(starting.flatMap(([file, text]) => (othersIn(text).includes('no role') ? [file] : []))).toEqual([]);
  expect(starting.length).toBeGreaterThanOrEqual(6);
});

test.each([
  ["runAction('deploy-stack', { env: {} })", ['no role']],
  ["runAction('deploy-stack', { env: actingAs(sandbox, 'deploy') })", []],
  ['deployStack(sandbox, inputs, { env: sandbox.env(DEV) })', ['keys of an account']],
  ['deployStack(sandbox, inputs, { env: { ...sandbox.env() } })', ['keys of an account']],
  ["deployStack(sandbox, { 'role-arn': EXECUTION_OF_ANY_TYPE })", ['every permission for CloudFormation']],
])('detects %s', (text, found) => {
  expect(othersIn(text)).toEqual(found);
});
