import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getOctokit } from '@actions/github';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { changeByHand } from '../../sandbox/cloudformation/engine/drift.ts';
import { stackDatabase } from '../../sandbox/cloudformation/engine/stack-database.ts';
import { gitHubState } from '../../sandbox/github/state.ts';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/index.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { useWorkspaces } from '../support/action.ts';
import { Act } from '../support/act/act.ts';
import { cancelStep } from '../support/act/cancel.ts';
import { asActReads } from '../support/act/copy.ts';
import { type ActReport, verdictsOf } from '../support/act/report.ts';
import { FIRST, pullRequest, REPOSITORY, Team } from '../support/act/team.ts';
import { clientOf } from '../support/aws-clients.ts';
import { LayoutWriter } from '../support/oci.ts';
import { PREVIEWED_MANIFEST, PreviewHost } from '../support/preview.ts';
import { BASE_TEMPLATE, pullRequestCheckout } from '../support/pull-request.ts';
import { testWithTool } from '../support/software.ts';
import { tools } from '../support/tools/tools.ts';
import { addDatabase, asTheShopHasIt } from '../workflows/scenarios/drill.ts';
import { ACCOUNTS, type EnvironmentName } from '../workflows/scenarios/shop.ts';
import { CALLERS, ROOT } from '../workflows/workflow.ts';

/**
 * What a team does with the callers of workflows/, run with nektos/act. Decision 38 lists what act does not support.
 */

const test = testWithTool('act');
const workspaceOf = useWorkspaces();
const ENVIRONMENTS = Object.keys(ACCOUNTS) as EnvironmentName[];
// Alone on two processors, the longest test takes half a minute.
jest.setTimeout(600_000);

let act: Act;
const sandboxes: Sandbox[] = [];
beforeAll(() => {
  act = Act.start();
});
afterAll(async () => {
  await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  act.close();
});

async function teamOf(options?: SandboxOptions): Promise<Team> {
  const team = await Team.start(act, workspaceOf({}), options);
  sandboxes.push(team.sandbox);
  return team;
}

/** Prints what ran, and the whole log if the result is unexpected. */
function expectPlayed(scene: string, report: ActReport, exitCode: number, verdicts: Record<string, string>) {
  const played = { exitCode: report.exitCode, verdicts: verdictsOf(report) };
  const told = Object.entries(played.verdicts).map(([job, verdict]) => `${job}: ${verdict}`);
  process.stdout.write(`act: ${scene}: ${told.join('; ') || 'no job'} (exit code ${report.exitCode})\n`);
  try {
    expect(played).toEqual({ exitCode, verdicts });
  } catch (error) {
    console.error(report.log);
    throw error;
  }
}

/** The jobs of a matrix of environments, by the names in act. */
function inEach(workflow: string, verdict: string): Record<string, string> {
  const jobs = ENVIRONMENTS.map((name, index) => [`${workflow}/${workflow}/${name}-${index + 1}`, verdict]);
  return Object.fromEntries(jobs) as Record<string, string>;
}

const PLAN = 'deploy/deploy/Plan';
const APPLY = 'deploy/deploy/Apply';
const PROMOTED = { 'promote/promote/Plan': 'planned', 'promote/promote/Promote': 'promoted' };
const PIPELINE = {
  'dev/deploy/Plan': 'planned, unchanged',
  'dev/deploy/Apply': 'deployed',
  'staging/deploy/Plan': 'planned, planned, unchanged',
  'staging/deploy/Apply': 'planned, deployed, promoted',
};

describe('a platform from empty accounts to production and back', () => {
  let team: Team;
  let v1: string;
  let v2: string;
  beforeAll(async () => {
    team = await teamOf();
  });

  test('is deployed manually to dev, staging and prod', async () => {
    v1 = team.shop.commit('v1');
    for (const environment of ENVIRONMENTS) {
      const report = await team.dispatch('deploy', { environment });
      expectPlayed(`deploy ${environment}`, report, 0, { [PLAN]: 'planned, unchanged', [APPLY]: 'deployed' });
    }
    expect(await team.shop.runs()).toEqual({ dev: [v1], staging: [v1], prod: [v1] });
  });

  test('a push is promoted to prod and supersedes an older run that waits for an approval', async () => {
    const state = gitHubState(team.sandbox.world);
    const older = state.startRun({ workflow: '.github/workflows/pipeline.yml', pending: ['staging'] });
    v2 = team.shop.commit('v2');
    expectPlayed('push', await team.push('2'), 0, {
      ...PIPELINE,
      'staging/deploy/Plan': 'planned, planned, superseded',
      'prod/deploy/Plan': 'planned, planned, unchanged',
      'prod/deploy/Apply': 'planned, deployed, promoted',
    });
    expect(older.cancelling.signal.aborted).toBe(true);
    expect(await team.shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v2] });
  });

  test('status shows what is running', async () => {
    expectPlayed('status', await team.dispatch('status', {}), 0, inEach('status', 'reported'));
  });

  test('a promotion, its rollback, the hold, and its bypass', async () => {
    const v3 = team.shop.commit('v3');
    await team.deploy('dev', '3'.repeat(40));
    const toStaging = { from: 'dev', to: 'staging' };
    expectPlayed('promote', await team.dispatch('promote', toStaging), 0, PROMOTED);
    expect((await team.shop.runs()).staging).toEqual([v3]);

    const back = await team.dispatch('rollback', { environment: 'staging', reason: 'Orders fail' });
    expectPlayed('rollback', back, 0, { 'rollback/rollback/Roll back': 'restored' });
    expect((await team.shop.runs()).staging).toEqual([v2]);

    const held = await team.dispatch('promote', toStaging);
    expectPlayed('promote, held', held, 1, { 'promote/promote/Plan': 'held' });
    expect((await team.shop.runs()).staging).toEqual([v2]);

    const bypass = { ...toStaging, 'bypass-reason': 'It was the network', 'allow-older': 'true' };
    expectPlayed('promote, bypass', await team.dispatch('promote', bypass), 0, PROMOTED);
    expect(await team.shop.runs()).toEqual({ dev: [v3], staging: [v3], prod: [v2] });
  });

  test('nightly drift detection without drift and after a manual change', async () => {
    const { issues } = gitHubState(team.sandbox.world);
    expectPlayed('drift, none', await team.night('drift'), 0, inEach('drift', 'in-sync'));
    expect(issues).toEqual([]);
    const stacks = stackDatabase(team.sandbox.world, ACCOUNTS.staging, 'eu-west-1');
    changeByHand(stacks.find('staging-shop-network')!, 'Topic', { DisplayName: 'by hand' });
    const drifted = { ...inEach('drift', 'in-sync'), 'drift/drift/staging-2': 'drifted' };
    expectPlayed('drift, one', await team.night('drift'), 1, drifted);
    expect(issues).toHaveLength(1);
  });

  test('a pull request and the merge queue get their plans', async () => {
    team.shop.commit('v4');
    const caller = `${CALLERS}/plan.yml`;
    const planned = { ...inEach('plan', 'planned'), 'plan/plan/Plan': 'success' };
    const event = pullRequest(7, 'opened', { sha: 'b'.repeat(40) });
    expectPlayed('plan', await act.play(team.stage, caller, event), 0, planned);
    const group = { name: 'merge_group', sha: 'd'.repeat(40), ref: 'refs/heads/gh-readonly-queue/main/pr-7' };
    expectPlayed('plan, merge queue', await act.play(team.stage, caller, group), 0, planned);
    const { comments } = gitHubState(team.sandbox.world);
    expect(comments.filter(({ issue, body }) => issue === 7 && body.includes('`v4`'))).not.toEqual([]);
  });

  test('of two concurrent deployments of one environment, one deploys and the other deploys or reports why not', async () => {
    const v5 = team.shop.commit('v5');
    const shas = ['5', '6'].map((digit) => digit.repeat(40));
    const reports = await Promise.all(
      shas.map((sha) => team.dispatch('deploy', { environment: 'dev' }, sha)),
    );
    const applied = reports.map((report) => verdictsOf(report)[APPLY] ?? 'none');
    process.stdout.write(`act: two at once: ${applied.join('; ')}\n`);
    expect(applied).toContain('deployed');
    for (const verdict of applied) expect(['deployed', 'outdated', 'plan-changed']).toContain(verdict);
    expect(reports.map(({ exitCode }) => exitCode)).toEqual(
      applied.map((verdict) => (verdict === 'deployed' ? 0 : 1)),
    );
    expect((await team.shop.runs()).dev).toEqual([v5]);
  });
});

test('doctor finds every environment ready', async () => {
  const approved = { reviewers: ['lead'], preventSelfReview: true, adminsBypass: false };
  const environments = ENVIRONMENTS.map((name) => ({
    name,
    branches: ['main'],
    ...(name !== 'dev' && approved),
  }));
  const github = { environments, branches: [{ name: 'main', protection: 'rule' as const }] };
  const stacks = bootstrapped({ project: 'shop', environments: ACCOUNTS });
  const team = await teamOf({ scenario: { github, stacks } });
  team.shop.commit('v1');
  expectPlayed('doctor', await team.night('doctor'), 0, inEach('doctor', 'ready'));
});

test('a pull request from a fork is rehearsed without a call to AWS', async () => {
  const template = `${BASE_TEMPLATE}  Queue: { Type: AWS::SQS::Queue }\n`;
  const { repository, base, head } = pullRequestCheckout(workspaceOf, template);
  const sandbox = await startSandbox();
  sandboxes.push(sandbox);
  const event = pullRequest(4, 'opened', { sha: head, base, fork: true });
  const plan = await act.play({ sandbox, repository }, `${CALLERS}/plan.yml`, event);
  expectPlayed('plan, fork', plan, 0, {
    // act numbers the jobs of a matrix.
    ...Object.fromEntries(
      ENVIRONMENTS.map((name, index) => [`plan/plan/Rehearse ${name}-${index + 1}`, 'would-succeed']),
    ),
    'plan/plan/Plan': 'success',
  });
  expect(plan.jobs['plan/plan/Rehearse dev-1']?.summaries.join('')).toContain('`messages/Queue`');
  const preview = await act.play({ sandbox, repository }, `${CALLERS}/preview.yml`, event);
  expectPlayed('preview, fork', preview, 0, {});
  expect(sandbox.calls.all).toEqual([]);
});

test('if staging fails, the run is red and prod is not started', async () => {
  const rule = { match: { cluster: 'staging-shop', revision: 2 }, does: 'exit' as const };
  const team = await teamOf({ scenario: { ecs: { rules: [rule] } } });
  const v1 = team.shop.commit('v1');
  for (const environment of ENVIRONMENTS) await team.deploy(environment);
  const v2 = team.shop.commit('v2');
  expectPlayed('push, staging fails', await team.push('2'), 1, {
    ...PIPELINE,
    'staging/deploy/Apply': 'planned, deployed, rolled-back',
  });
  expect(await team.shop.runs()).toEqual({ dev: [v2], staging: [v1], prod: [v1] });
});

test('a cancelled job stops what it started, and the run is red', async () => {
  const team = await teamOf({ timeScale: 20 });
  team.shop.commit('v1');
  const event = { name: 'workflow_dispatch', sha: FIRST, inputs: { environment: 'dev' } };
  const { process: child, finished } = act.begin(team.stage, `${CALLERS}/deploy.yml`, event);
  await team.sandbox.calls.arrival({ operation: 'ExecuteChangeSet' });
  const signal = await cancelStep(child.pid ?? 0);
  const verdicts = { [PLAN]: 'planned, unchanged', [APPLY]: 'cancelled' };
  expectPlayed(`deploy, cancelled by ${signal}`, await finished, 1, verdicts);
  expect(signal).toBe('SIGINT');
  const client = clientOf(team.sandbox, CloudFormationClient, ACCOUNTS.dev);
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({}));
  expect(Stacks.filter(({ StackStatus = '' }) => /^(CREATE|UPDATE)_IN_PROGRESS$/.test(StackStatus))).toEqual(
    [],
  );
});

test('each action on its own', async () => {
  const team = await teamOf();
  const v1 = team.shop.commit('v1');
  for (const environment of ENVIRONMENTS) await team.deploy(environment);
  const v2 = team.shop.commit('v2');
  const notes = `
Parameters: { Name: { Type: String } }
Resources: { Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref Name } } }
`;
  writeFileSync(join(team.shop.folder, 'notes.yml'), notes);
  const event = { name: 'push', sha: '2'.repeat(40) };
  expectPlayed('each action', await act.play(team.stage, 'test/support/act/each-action.yml', event), 0, {
    'each-action/stack': 'created, unchanged, planned, updated, in-sync, deleted',
    'each-action/service': 'pushed, deployed, promoted, unchanged',
  });
  expect(await team.shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v1] });
});

test('a preview is deployed, updated and removed, and that of a merged pull request is swept', async () => {
  const host = await PreviewHost.start(workspaceOf);
  const { sandbox, workspace: repository } = host;
  sandboxes.push(sandbox);
  writeFileSync(join(repository, 'platform.yml'), PREVIEWED_MANIFEST);
  const stage = { sandbox, repository, refs: { main: { sha: '0'.repeat(40), repository } } };
  const { pulls } = getOctokit(sandbox.tokens.user, { baseUrl: sandbox.githubUrl }).rest;
  const play = async (action: string, verdicts: Record<string, string>): Promise<void> => {
    const event = pullRequest(5, action, { sha: host.headOf(5) });
    // act does not issue identity tokens: the sandbox does, depending on the job.
    const environment = action === 'closed' ? 'preview-cleanup' : 'preview';
    Object.assign(sandbox.claims, { environment, event_name: 'pull_request' });
    expectPlayed(`preview, ${action}`, await act.play(stage, `${CALLERS}/preview.yml`, event), 0, verdicts);
  };
  for (const [action, letter] of [
    ['opened', 'b'],
    ['synchronize', 'd'],
  ] as const) {
    host.pull(5).sha = letter.repeat(40);
    const image = writeImage(join(repository, 'image'), letter);
    await play(action, { 'preview/preview/Deploy': 'built, deployed' });
    expect(await host.parameter('dev-platform-pr-5-user-service', 'Image')).toContain(image);
  }
  for (const [state, action, verdicts] of [
    ['closed', 'closed', { 'preview/preview/Remove': 'removed' }],
    ['open', 'reopened', { 'preview/preview/Deploy': 'built, deployed' }],
  ] as const) {
    await pulls.update({ ...REPOSITORY, pull_number: 5, state });
    await play(action, verdicts);
    expect(await host.stacks()).toEqual(state === 'open' ? ['dev-platform-pr-5-user-service'] : []);
  }
  await host.run(8);
  await pulls.merge({ ...REPOSITORY, pull_number: 8 });
  Object.assign(sandbox.claims, { environment: 'preview-cleanup', event_name: 'schedule' });
  const swept = await act.play(stage, `${CALLERS}/preview.yml`, { name: 'schedule' });
  expectPlayed('preview, sweep', swept, 0, { 'sweep/preview-sweep/Sweep': 'swept' });
  expect(await host.stacks()).toEqual(['dev-platform-pr-5-user-service']);
});

test('a restore drill restores a database, lets the service check it, and deletes it', async () => {
  const rules = [{ does: 'exit' as const, match: { oneOff: true }, exitCode: 0 }];
  const team = await teamOf({ scenario: { ecs: { rules } } });
  addDatabase(team.shop.folder);
  team.shop.commit('v1');
  await team.deploy('dev', '1'.repeat(40));
  const stage = { ...team.stage, edit: asTheShopHasIt };
  const report = await act.play(stage, `${CALLERS}/restore-drill.yml`, { name: 'schedule' });
  expectPlayed('restore drill', report, 0, { 'drill/restore-drill/Restore dev': 'created, ran, deleted' });
});

/** Replaces the image with one of a single layer. Returns its digest. */
function writeImage(folder: string, letter: string): string {
  rmSync(folder, { recursive: true, force: true });
  const layout = new LayoutWriter(folder);
  const image = layout.image([`the layer of ${letter}`]);
  layout.finish(image);
  return image.digest;
}

test.each([
  ['deployment', 'environment: { name: a, deployment: false }', /Unknown Property deployment/],
  ['$/', 'steps: [{ uses: $/actions/deploy-stack }]', /Expected format \{org\}\/\{repo\}/],
])('act still refuses %s, which the copies of workflows for act leave out', (_, line, refusal) => {
  const steps = line.startsWith('steps') ? '' : '\n    steps: [{ run: "true" }]';
  const text = `on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    ${line}${steps}\n`;
  const told = (workflow: string) => {
    const options = [
      '--dryrun',
      '--strict',
      '--platform',
      'ubuntu-latest=-self-hosted',
      '--workflows',
      'a.yml',
    ];
    const cwd = workspaceOf({ 'a.yml': workflow });
    const { stderr } = spawnSync(tools.act(), [...options, 'push'], { cwd, encoding: 'utf8' });
    return stderr;
  };
  expect(told(text)).toMatch(refusal);
  expect(told(asActReads(text))).not.toMatch(refusal);
});

test('every caller was run', () => {
  const { callers, runs, jobs } = act.played;
  const played = [...callers].filter((path) => path.startsWith(`${CALLERS}/`)).sort();
  process.stdout.write(`act: ${played.length} callers, ${runs} runs, ${jobs} jobs\n`);
  const all = readdirSync(join(ROOT, CALLERS)).filter((name) => name.endsWith('.yml'));
  expect(played).toEqual(all.map((name) => `${CALLERS}/${name}`).sort());
});
