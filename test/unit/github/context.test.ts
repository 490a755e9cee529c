import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readGitHubContext } from '../../../src/github/context.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'event-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function contextOf(event: string) {
  const path = join(directory, 'event.json');
  writeFileSync(path, event);
  return readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_EVENT_PATH: path });
}

test('the variables of a run', () => {
  const context = readGitHubContext({
    GITHUB_REPOSITORY: 'org/platform',
    GITHUB_RUN_ID: '42',
    GITHUB_RUN_ATTEMPT: '2',
    GITHUB_RUN_NUMBER: '7',
    GITHUB_WORKFLOW: 'Pipeline',
    GITHUB_WORKFLOW_REF: 'org/platform/.github/workflows/pipeline.yml@refs/heads/main',
    GITHUB_ACTOR: 'octocat',
    GITHUB_SHA: 'abc',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_SERVER_URL: 'https://github.example/',
    GITHUB_API_URL: 'https://github.example/api/v3/',
    GITHUB_JOB: 'deploy',
  });
  expect(context).toEqual({
    repository: 'org/platform',
    runId: '42',
    runAttempt: 2,
    runNumber: 7,
    workflow: '.github/workflows/pipeline.yml',
    runUrl: 'https://github.example/org/platform/actions/runs/42',
    actor: 'octocat',
    sha: 'abc',
    ref: 'refs/heads/main',
    event: 'push',
    serverUrl: 'https://github.example',
    apiUrl: 'https://github.example/api/v3',
    job: 'deploy',
  });
});

test('without a runner', () => {
  expect(readGitHubContext({})).toMatchObject({
    repository: '',
    runAttempt: 1,
    runNumber: 0,
    workflow: '',
    apiUrl: 'https://api.github.com',
  });
});

test.each([
  ['by its name where the path is unknown', { GITHUB_WORKFLOW: 'Pipeline' }, 'Pipeline'],
  [
    "by its whole path when it is another repository's",
    { GITHUB_WORKFLOW_REF: 'org/shared/.github/workflows/required.yml@refs/heads/main' },
    'org/shared/.github/workflows/required.yml',
  ],
])('the workflow %s', (_name, env, workflow) => {
  expect(readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', ...env }).workflow).toBe(workflow);
});

test.each<[string, object, object | undefined]>([
  ['a push', { ref: 'refs/heads/main' }, undefined],
  [
    'a pull request',
    { pull_request: { number: 7, head: { repo: { full_name: 'org/platform' } } } },
    { number: 7, fork: false },
  ],
  [
    'one from a fork',
    { pull_request: { number: 7, head: { repo: { full_name: 'octocat/platform' } } } },
    { number: 7, fork: true },
  ],
  [
    'one from a deleted fork',
    { pull_request: { number: 7, head: { repo: null } } },
    { number: 7, fork: true },
  ],
  ['a comment on one', { issue: { number: 8, pull_request: {} } }, { number: 8, fork: true }],
  ['a comment on an issue', { issue: { number: 8 } }, undefined],
])('the pull request of %s', (_name, event, expected) => {
  expect(contextOf(JSON.stringify(event)).pullRequest).toEqual(expected);
});

test('the run that triggered this one', () => {
  const run = { path: '.github/workflows/ci.yml', head_branch: 'main', head_sha: 'abc', run_number: 101 };
  expect(contextOf(JSON.stringify({ workflow_run: { ...run, run_attempt: 2 } })).triggeringRun).toEqual({
    workflow: '.github/workflows/ci.yml',
    ref: 'refs/heads/main',
    sha: 'abc',
    runNumber: 101,
    runAttempt: 2,
  });
});

test.each(['', 'null', '[]', '"x"', '{'])('an invalid event is ignored: %j', (event) => {
  expect(contextOf(event).pullRequest).toBeUndefined();
});

test('a missing event is ignored', () => {
  expect(readGitHubContext({ GITHUB_EVENT_PATH: join(directory, 'nowhere') }).pullRequest).toBeUndefined();
});
