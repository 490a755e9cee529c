import { expect, test } from '@jest/globals';
import { gitHubState } from '../../../sandbox/github/state.ts';
import type { Run as WorkflowRun } from '../../../sandbox/github/state.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { runAction } from '../../../sandbox/runner.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes } from '../../support/action.ts';
import { expectResultExample } from '../../support/result-example.ts';

const sandboxOf = useSandboxes();
const environments = [
  { name: 'staging', reviewers: ['lead'] },
  { name: 'prod', reviewers: ['lead'] },
  { name: 'Staging', reviewers: ['lead'] },
];

/** Runs #1, #2 … of the pipeline, each waiting for the given environment. An empty text is a run that does not wait. */
async function stage(
  waiting: string[],
  more: Partial<WorkflowRun>[] = [],
): Promise<{ sandbox: Sandbox; runs: WorkflowRun[] }> {
  const sandbox = await sandboxOf({ scenario: { github: { environments, runs: [] } } });
  const state = gitHubState(sandbox.world);
  const runs = waiting.map((name, index) =>
    state.startRun({ pending: name === '' ? [] : [name], ...more[index] }),
  );
  return { sandbox, runs };
}

async function supersede(
  sandbox: Sandbox,
  run: WorkflowRun,
  permission: 'read' | 'write' = 'write',
): Promise<Run> {
  const { GITHUB_TOKEN: token = '', ...env } = sandbox.jobEnv({
    permissions: { actions: permission },
    claims: {},
  });
  return await runAction('supersede-runs', {
    inputs: { environment: 'staging' },
    token,
    node: [node24()],
    env: { ...env, GITHUB_RUN_ID: String(run.id) },
  });
}

const cancelled = (runs: WorkflowRun[]): number[] =>
  runs.filter(({ cancelling }) => cancelling.signal.aborted).map(({ number }) => number);

test('cancels older runs that wait for the environment', async () => {
  const { sandbox, runs } = await stage(['staging', 'staging', '']);
  const done = await supersede(sandbox, runs[2]!);
  expect(done.outputs).toMatchObject({
    verdict: 'superseded',
    runs: '[1,2]',
    reason: 'Cancelled the older runs #1, #2, which were waiting for approval of staging.',
  });
  expect(done.exitCode).toBe(0);
  await expectResultExample(done);
  expect(cancelled(runs)).toEqual([1, 2]);
});

// "Environment names are not case sensitive."
test("the environment's name is case-insensitive", async () => {
  const { sandbox, runs } = await stage(['Staging', '']);
  expect((await supersede(sandbox, runs[1]!)).outputs).toMatchObject({ verdict: 'superseded', runs: '[1]' });
});

test('does not cancel runs that wait for something else, are in progress, have completed, or are of another workflow or branch', async () => {
  const { sandbox, runs } = await stage(
    ['prod', '', 'staging', 'staging', 'staging', ''],
    [{}, {}, { conclusion: 'success' }, { workflow: '.github/workflows/other.yml' }, { branch: 'topic' }],
  );
  const done = await supersede(sandbox, runs[5]!);
  expect(done.outputs).toMatchObject({ verdict: 'unchanged', runs: '[]' });
  expect(cancelled(runs)).toEqual([]);
});

test('a run overtaken by a newer one is red and cancels nothing', async () => {
  const { sandbox, runs } = await stage(['staging', '', 'staging']);
  const done = await supersede(sandbox, runs[1]!);
  expect(done.outputs).toMatchObject({
    verdict: 'outdated',
    reason: 'The newer run #3 is already waiting for approval of staging.',
  });
  expect(done.exitCode).toBe(1);
  expect(cancelled(runs)).toEqual([]);
});

test('a run that completes in the meantime is not an error', async () => {
  const { sandbox, runs } = await stage(['staging', '']);
  sandbox.addFault({
    kind: 'error',
    operation: 'actions/cancel-workflow-run',
    status: 409,
    code: 'Conflict',
  });
  const done = await supersede(sandbox, runs[1]!);
  expect(done.outputs).toMatchObject({ verdict: 'unchanged', runs: '[]' });
});

test('a token that may not cancel is reported with the missing permission', async () => {
  const { sandbox, runs } = await stage(['staging', '']);
  const done = await supersede(sandbox, runs[1]!, 'read');
  expect(done.outputs).toMatchObject({ verdict: 'failed' });
  expect(done.outputs['reason']).toContain('the job needs the permission `actions: write`');
  expect(cancelled(runs)).toEqual([]);
});

test('a missing environment is an error before any call', async () => {
  const { sandbox, runs } = await stage(['staging']);
  const done = await runAction('supersede-runs', {
    node: [node24()],
    token: sandbox.tokens.installation,
    env: { ...sandbox.env(), GITHUB_RUN_ID: String(runs[0]!.id) },
  });
  expect(done.outputs['reason']).toContain('environment');
  expect(sandbox.calls.all).toEqual([]);
});

test('an exceeded rate limit is reported with its reset time, not as a missing permission', async () => {
  const sandbox = await sandboxOf({ scenario: { github: { rateLimit: { limit: 0 } } } });
  const done = await supersede(sandbox, gitHubState(sandbox.world).startRun({}));
  expect(done.exitCode).toBe(1);
  expect(done.outputs['verdict']).toBe('failed');
  expect(done.outputs['reason']).toMatch(
    /^GitHub's rate limit is exceeded until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: "API rate limit exceeded for installation\./,
  );
  expect(JSON.parse(done.outputs['result'] ?? '')).toMatchObject({ error: { code: 'throttled' } });
});

test('waits for a rate limit that resets soon', async () => {
  const sandbox = await sandboxOf({ scenario: { github: { rateLimit: { limit: 1, windowSeconds: 3 } } } });
  const done = await supersede(sandbox, gitHubState(sandbox.world).startRun({}));
  expect(done.outputs['verdict']).toBe('unchanged');
  expect(done.log).toMatch(/GitHub's rate limit is exceeded\. Waiting \d s\./);
});
