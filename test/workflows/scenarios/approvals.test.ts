import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SSMClient, GetParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { madeOf } from './scene.ts';
import { ACCOUNTS, type EnvironmentName, type Shop } from './shop.ts';
import { droppedOf, GITHUB, logOf, reviewer, verdictsOf } from './stage.ts';

const hooks = { sandboxOf: useSandboxes(), workspaceOf: useWorkspaces() };

/** There are no reviews in GitHub, as in a private repository without GitHub Enterprise. */
const WITHOUT_REVIEWERS: Scenario = {
  github: {
    ...GITHUB,
    environments: [{ name: 'dev' }, { name: 'staging' }, { name: 'prod' }],
    commits: ['a', '2', '3'].map((digit) => ({
      sha: digit.repeat(40),
      // Ada wrote the first and the last one.
      author: digit === '2' ? 'mallory' : 'ada',
      committer: 'web-flow',
      signed: true,
    })),
  },
};

function withApprovers({ folder }: Shop, environment: EnvironmentName, lines: readonly string[]): void {
  const file = join(folder, 'platform.yml');
  const account = `    account: '${ACCOUNTS[environment]}'\n`;
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(account);
  writeFileSync(file, text.replace(account, account + lines.map((line) => `    ${line}\n`).join('')));
}

async function parameter({ sandbox }: Shop, environment: EnvironmentName, name: string): Promise<unknown> {
  const client = clientOf(sandbox, SSMClient, ACCOUNTS[environment]);
  const found = await client.send(new GetParameterCommand({ Name: `/shop/${environment}/${name}` }));
  return JSON.parse(found.Parameter?.Value ?? '{}');
}

function expectVerdicts(report: RunReport, expected: Record<string, string>): void {
  const verdicts = verdictsOf(report);
  if (JSON.stringify(verdicts) !== JSON.stringify(expected)) console.error(logOf(report));
  expect(verdicts).toEqual(expected);
  expect(droppedOf(report)).toEqual([]);
}

const summariesOf = (report: RunReport, job: string): string =>
  (report.jobs[job]?.steps ?? []).map(({ summary }) => summary).join('\n');

test('the reviewer of GitHub’s environment is recorded in the ledger and the summary', async () => {
  const { shop, push } = await madeOf(hooks, reviewer());
  shop.commit('v2');
  const report = await push('2');
  expect(report.result).toBe('success');
  const approvals = [{ by: 'lead', through: 'review', comment: 'it is approved' }];
  for (const environment of ['staging', 'prod'] as const) {
    expect(await parameter(shop, environment, 'api/release')).toMatchObject({ approvals });
    expect(await parameter(shop, environment, 'release')).toMatchObject({ approvals });
    const summary = summariesOf(report, `pipeline / ${environment} / apply`);
    // The check of the gates, the stacks and the promotion all report it.
    expect(summary.match(/Approved by lead \(reviewed the deployment: “it is approved”\)\./g)).toHaveLength(
      3,
    );
  }
  expect(await parameter(shop, 'dev', 'api/release')).not.toHaveProperty('approvals');
});

test('with approvers, a push stops at the plan, and an approver continues manually', async () => {
  const { shop, v1, push, dispatch, rerun } = await madeOf(hooks, reviewer(), WITHOUT_REVIEWERS);
  withApprovers(shop, 'prod', ['approvers: [Ada, Grace]']);
  const v2 = shop.commit('v2');
  const sha = '2'.repeat(40);
  const pushed = await push('2');
  expectVerdicts(pushed, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': 'planned, planned, unchanged',
    'pipeline / staging / apply': 'planned, deployed, promoted',
    'pipeline / prod / plan': 'planned, planned, unchanged',
    'pipeline / prod / apply': 'skipped',
  });
  expect(pushed.result).toBe('success');
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v1] });
  const summary = summariesOf(pushed, 'pipeline / prod / plan');
  expect(summary).toContain(
    'This run does not change prod, which has approvers. Have an approver (Ada, Grace) start the workflow',
  );
  expect(summary).toContain(`(environment prod, promote true, ref ${sha}), or`);

  const deploy = (actor: string) =>
    dispatch('deploy', { sha, actor, inputs: { environment: 'prod', promote: true } });
  const blocked = { 'deploy / plan': 'planned, planned, unchanged', 'deploy / apply': 'blocked' };
  const stranger = await deploy('mallory');
  expectVerdicts(stranger, blocked);
  expect(logOf(stranger)).toContain(
    'prod: mallory started this run but is not one of its approvers (Ada, Grace).',
  );
  // Its inputs are those of the stranger.
  expectVerdicts(await rerun(stranger, 'all', 'ada'), blocked);
  expect(await shop.runs()).toMatchObject({ prod: [v1] });

  const approved = await deploy('ada');
  expectVerdicts(approved, {
    'deploy / plan': 'planned, planned, unchanged',
    'deploy / apply': 'planned, deployed, promoted',
  });
  expect(await shop.runs()).toMatchObject({ prod: [v2] });
  const approvals = [{ by: 'ada', through: 'dispatch' }];
  expect(await parameter(shop, 'prod', 'api/release')).toMatchObject({ approvals, actor: 'ada' });
  expect(summariesOf(approved, 'deploy / apply')).toContain('Approved by ada (started the run).');
});

test('an approver cannot deploy their own commit, but can roll it back', async () => {
  const { shop, v1, push, dispatch, rerun } = await madeOf(hooks, reviewer(), WITHOUT_REVIEWERS);
  withApprovers(shop, 'staging', ['approvers: [ada, grace]']);
  const v2 = shop.commit('v3');
  const pushed = await push('3');
  expectVerdicts(pushed, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': 'planned, planned, unchanged',
    'pipeline / staging / apply': 'skipped',
    // Staging does not run what it would promote.
    'pipeline / prod': 'skipped',
  });
  expect(pushed.result).toBe('success');

  const inputs = { from: 'dev', to: 'staging' };
  const own = await dispatch('promote', { sha: '3'.repeat(40), actor: 'ada', inputs });
  expectVerdicts(own, { 'promote / plan': 'planned', 'promote / promote': 'blocked' });
  expect(logOf(own)).toContain('staging: ada wrote commit 3333333 and cannot approve it.');
  const other = await dispatch('promote', { sha: '3'.repeat(40), actor: 'grace', inputs });
  expectVerdicts(other, { 'promote / plan': 'planned', 'promote / promote': 'promoted' });
  expect(await shop.runs()).toMatchObject({ staging: [v2] });

  const back = { environment: 'staging', reason: 'errors' };
  const stranger = await dispatch('rollback', { actor: 'mallory', inputs: back });
  expectVerdicts(stranger, { 'rollback / rollback': 'blocked' });
  expect(await shop.runs()).toMatchObject({ staging: [v2] });
  // The on-call person re-runs what someone else has started.
  const onCall = await rerun(stranger, 'failed', 'ada');
  expectVerdicts(onCall, { 'rollback / rollback': 'restored' });
  expect(await shop.runs()).toMatchObject({ staging: [v1] });
  expect(await parameter(shop, 'staging', 'api/release')).toMatchObject({
    approvals: [{ by: 'ada', through: 'dispatch' }],
  });
});
