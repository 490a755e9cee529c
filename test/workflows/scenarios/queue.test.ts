import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { gitHubState } from '../../../sandbox/github/state.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import type { Event } from '../rehearsal/run.ts';
import { listOf, readWorkflow } from '../workflow.ts';
import { madeOf } from './scene.ts';
import { GITHUB, logOf, reviewer, verdictsOf } from './stage.ts';

const hooks = { sandboxOf: useSandboxes(), workspaceOf: useWorkspaces() };
const CALLER = 'workflows/plan.yml';
const BASE = '7b1f002b00ec25a5facc43e470ef7dfe6d32f300';

/**
 * A pull request, from a fork or not, in the merge queue: the event does not contain which.
 *
 * @see https://github.com/octokit/webhooks: payload-examples/api.github.com/merge_group/checks_requested.payload.json
 * @see https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#merge_group
 *  GITHUB_SHA is the SHA of the merge group, GITHUB_REF the ref of the merge group.
 */
function mergeGroup(pull: number, sha: string): Event {
  const ref = `refs/heads/gh-readonly-queue/main/pr-${pull}-${BASE}`;
  const merge_group = { head_sha: sha, head_ref: ref, base_sha: BASE, base_ref: 'refs/heads/main' };
  return { name: 'merge_group', ref, sha, payload: { action: 'checks_requested', merge_group } };
}

/** The subjects of the identity tokens with which roles were assumed. */
function subjectsIn(sandbox: Sandbox): string[] {
  const tokens = sandbox.calls.of('AssumeRoleWithWebIdentity').map(({ input }) => {
    const { WebIdentityToken: token } = input as { WebIdentityToken: string };
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
  });
  return [...new Set(tokens.map(({ sub }) => sub))];
}

function expectVerdicts(report: RunReport, expected: Record<string, string>): void {
  const verdicts = verdictsOf(report);
  if (!isDeepStrictEqual(verdicts, expected)) console.error(logOf(report));
  expect(verdicts).toEqual(expected);
}

async function made(): Promise<{
  folder: string;
  sandbox: Sandbox;
  rehearsal: Rehearsal;
  commit: (v: string) => void;
}> {
  const { shop, rehearsal } = await madeOf(hooks, reviewer());
  shop.commit('v2');
  shop.sandbox.calls.all.length = 0;
  return { folder: shop.folder, sandbox: shop.sandbox, rehearsal, commit: (v) => shop.commit(v) };
}

const PLANNED = {
  'plan / rehearse': 'skipped',
  'plan / plan (dev)': 'planned',
  'plan / plan (staging)': 'planned',
  'plan / plan (prod)': 'planned',
  'plan / result': 'success',
};

test('merge groups are planned in parallel, without a comment, with a token of the queue', async () => {
  const { sandbox, rehearsal } = await made();
  const runs = [7, 8].map((pull) => rehearsal.start(CALLER, mergeGroup(pull, String(pull).repeat(40))));
  for (const { finished } of runs) {
    const report = await finished;
    expectVerdicts(report, PLANNED);
    expect(report.result).toBe('success');
    expect(report.jobs['plan / plan (dev)']?.steps.at(-1)?.summary).toContain('`v1` → `v2`');
  }
  expect(gitHubState(sandbox.world).comments).toEqual([]);
  expect(sandbox.calls.of('ExecuteChangeSet')).toEqual([]);
  expect(subjectsIn(sandbox).sort()).toEqual(
    [7, 8].map((pull) => `repo:org/platform:ref:refs/heads/gh-readonly-queue/main/pr-${pull}-${BASE}`),
  );
});

describe('a change of', () => {
  const DOCS = 'd'.repeat(40);
  const TEMPLATE = 'e'.repeat(40);
  const DEV_ONLY = 'f'.repeat(40);
  const commits = [
    { sha: BASE },
    { sha: DOCS, parents: [BASE], files: ['docs/a.md', 'api-docs/b.md'] },
    { sha: TEMPLATE, parents: [BASE], files: ['docs/a.md', 'network.yml'] },
    { sha: DEV_ONLY, parents: [BASE], files: ['dev.json'] },
  ];

  async function played(event: (sha: string) => Event, sha: string) {
    const { shop, rehearsal } = await madeOf(hooks, reviewer(), { github: { ...GITHUB, commits } });
    shop.commit('v2');
    shop.sandbox.calls.all.length = 0;
    const report = await rehearsal.play(CALLER, event(sha));
    const asked = new Set(
      shop.sandbox.calls.all.map(({ service }) => service).filter((name) => name !== 'github'),
    );
    return { report, asked: [...asked] };
  }
  const pullRequest = (sha: string): Event => ({
    name: 'pull_request',
    ref: 'refs/pull/7/merge',
    sha,
    payload: {
      action: 'opened',
      pull_request: {
        number: 7,
        head: { ref: 'topic', sha, repo: { full_name: 'org/platform' } },
        base: { ref: 'main', sha: BASE },
      },
    },
  });
  const UNCHANGED = Object.fromEntries(
    Object.entries(PLANNED).map(([name, verdict]) => [name, verdict === 'planned' ? 'unchanged' : verdict]),
  );

  test.each([
    ['a pull request', pullRequest],
    ['a merge group', (sha: string) => mergeGroup(7, sha)],
  ])('documentation in %s is green without a call to AWS', async (_, event) => {
    const { report, asked } = await played(event, DOCS);
    expectVerdicts(report, UNCHANGED);
    expect(report.result).toBe('success');
    expect(asked).toEqual([]);
    expect(report.jobs['plan / plan (dev)']?.steps.at(-1)?.log).toContain(
      'Nothing was planned because no file that dev uses differs from 7b1f002 (2 files changed).',
    );
  });

  test('a template is planned everywhere', async () => {
    const { report } = await played(pullRequest, TEMPLATE);
    expectVerdicts(report, PLANNED);
  });

  test('the parameters of one environment is planned there', async () => {
    const { report } = await played(pullRequest, DEV_ONLY);
    expectVerdicts(report, { ...UNCHANGED, 'plan / plan (dev)': 'planned' });
  });
});

test('one plan that fails in the queue fails the required check', async () => {
  const { folder, rehearsal } = await made();
  writeFileSync(join(folder, 'staging.json'), '{ "Parameters": { "Project": ');
  const report = await rehearsal.play(CALLER, mergeGroup(7, 'c'.repeat(40)));
  expectVerdicts(report, { ...PLANNED, 'plan / plan (staging)': 'failed', 'plan / result': 'failure' });
  expect(report.result).toBe('failure');
  expect(report.jobs['plan / result']?.steps[0]?.log).toMatch(
    /^::error::Not every environment has a plan \(plan: failure/,
  );
});

describe('the required check', () => {
  test('is not green if nothing is planned', async () => {
    const { rehearsal } = await made();
    const { workflow, ...file } = readWorkflow(CALLER);
    const pushed = { ...file, workflow: { ...workflow, on: { push: {} } } };
    const report = await rehearsal.play(pushed, { name: 'push' });
    expectVerdicts(report, {
      'plan / plan': 'skipped',
      'plan / rehearse': 'skipped',
      'plan / result': 'failure',
    });
  });

  test('is not green if the run was cancelled', async () => {
    const { rehearsal } = await made();
    const run = rehearsal.start(CALLER, mergeGroup(7, 'c'.repeat(40)));
    run.cancel();
    const { jobs, result } = await run.finished;
    expect(jobs['plan / result']?.result).not.toBe('success');
    expect(jobs['plan / result']?.result).not.toBe('skipped');
    expect(result).not.toBe('success');
  });

  // https://docs.github.com/pull-requests/…/troubleshooting-required-status-checks: "If a workflow is skipped due to path
  // filtering, branch filtering or a commit message, then checks associated with that workflow will remain pending."
  test('is reported by every pull request and merge group', () => {
    expect(readWorkflow(CALLER).workflow.on).toEqual({
      pull_request: null,
      merge_group: { types: ['checks_requested'] },
    });
  });

  test('waits for every other job, and always runs', () => {
    const { jobs } = readWorkflow('.github/workflows/plan.yml').workflow;
    const { result, ...others } = jobs;
    expect(listOf(result?.needs)).toEqual(Object.keys(others));
    // "To use a required check on a job that depends on other jobs, use the always() conditional expression."
    expect(result?.if).toBe('${{ always() }}');
    expect(result?.name).toBe('Plan');
  });
});
