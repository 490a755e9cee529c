import { expect, test } from '@jest/globals';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { callsOf, jobIn, madeOf, type Scene, sceneOf } from './scene.ts';
import { ACCOUNTS, Shop, URLS } from './shop.ts';
import { droppedOf, logOf, reviewer, verdictsOf, withoutMessage } from './stage.ts';

const workspaceOf = useWorkspaces();
const hooks = { sandboxOf: useSandboxes(), workspaceOf };

/** The run's verdicts, or its whole log if they are unexpected. */
function expectVerdicts(report: RunReport, expected: Record<string, string>): void {
  const verdicts = verdictsOf(report);
  if (JSON.stringify(verdicts) !== JSON.stringify(expected)) console.error(logOf(report));
  expect(verdicts).toEqual(expected);
  expect(droppedOf(report)).toEqual([]);
  expect(withoutMessage(report)).toEqual([]);
}

const PLANNED = 'planned, planned, unchanged';
const UNCHANGED = 'unchanged, planned, unchanged';

test('a platform is deployed manually, a commit is promoted to prod, and a commit without changes does nothing', async () => {
  const lead = reviewer();
  const { shop, v1, deployByHand, push } = await sceneOf(hooks, lead);
  for (const environment of Object.keys(ACCOUNTS)) {
    const report = await deployByHand(environment);
    expectVerdicts(report, { 'deploy / plan': 'planned, unchanged', 'deploy / apply': 'deployed' });
  }
  expect(lead.asked).toEqual(['staging', 'prod']);
  expect(await shop.runs()).toEqual({ dev: [v1], staging: [v1], prod: [v1] });

  const v2 = shop.commit('v2');
  const report = await push('2');
  expectVerdicts(report, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'planned, deployed, promoted',
    'pipeline / prod / plan': PLANNED,
    'pipeline / prod / apply': 'planned, deployed, promoted',
  });
  expect(report.result).toBe('success');
  const { deployments } = gitHubState(shop.sandbox.world);
  const console =
    'https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/dev-shop/services?region=eu-west-1';
  const urls = deployments
    .slice(-3)
    .map(({ environment, statuses }) => [environment, statuses.at(-1)?.fields]);
  expect(urls).toEqual([
    ['dev', { environment_url: console }],
    ['staging', { environment_url: URLS.staging }],
    ['prod', { environment_url: URLS.prod }],
  ]);
  expect(lead.asked).toEqual(['staging', 'prod', 'staging', 'prod']);
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v2] });

  const changing = ['ExecuteChangeSet', 'UpdateService'];
  const counts = (): number[] =>
    Object.keys(ACCOUNTS).flatMap((name) =>
      changing.map((operation) => callsOf(shop, name as keyof typeof ACCOUNTS, operation)),
    );
  const before = counts();
  // The same commit, and another one that does not change the content.
  for (const digit of ['2', '3']) {
    const again = await push(digit);
    expectVerdicts(again, {
      'pipeline / dev / plan': 'unchanged, unchanged',
      'pipeline / dev / apply': 'skipped',
      'pipeline / staging / plan': UNCHANGED,
      'pipeline / staging / apply': 'skipped',
      'pipeline / prod / plan': UNCHANGED,
      'pipeline / prod / apply': 'skipped',
    });
    expect(again.result).toBe('success');
    expect(counts()).toEqual(before);
    expect(lead.asked).toHaveLength(4);
  }
});

test('staging fails; then prod changes while its plan waits and is planned again; then an approval is rejected', async () => {
  const scene: Partial<Scene> & { executed?: number } = {};
  let prod: 'approved' | 'changed' | 'rejected' = 'approved';
  const lead = reviewer(
    (environment) => (environment === 'prod' && prod === 'rejected' ? 'rejected' : 'approved'),
    async (environment) => {
      if (environment !== 'prod' || prod !== 'changed' || !scene.shop) return;
      const other = new Shop(scene.shop.sandbox, workspaceOf({}));
      other.commit('hotfix');
      const inputs = { command: 'deploy', environment, stacks: 'network' };
      const run = await deployEnvironment(scene.shop.sandbox, inputs, {
        workspace: other.folder,
        env: jobIn(scene.shop.sandbox, environment),
      });
      if (run.exitCode !== 0) throw new Error(run.log);
      scene.executed = callsOf(scene.shop, 'prod', 'ExecuteChangeSet');
    },
  );
  const rule = { match: { cluster: 'staging-shop', revision: 2 }, does: 'exit' as const };
  const { shop, v1, push, rerun } = await madeOf(hooks, lead, { ecs: { rules: [rule] } });
  scene.shop = shop;

  // Staging runs what it ran before, and prod never starts.
  const v2 = shop.commit('v2');
  const failed = await push('2');
  expectVerdicts(failed, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'planned, deployed, rolled-back',
    'pipeline / prod': 'skipped',
  });
  expect(failed.result).toBe('failure');
  expect(lead.asked).toEqual(['staging']);
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v1], prod: [v1] });

  // Nothing of prod's plan is executed.
  prod = 'changed';
  const v3 = shop.commit('v3');
  const changed = await push('3');
  expectVerdicts(changed, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'planned, deployed, promoted',
    'pipeline / prod / plan': PLANNED,
    'pipeline / prod / apply': 'planned, plan-changed',
  });
  expect(changed.result).toBe('failure');
  expect(callsOf(shop, 'prod', 'ExecuteChangeSet')).toBe(scene.executed);
  expect(await shop.runs()).toEqual({ dev: [v3], staging: [v3], prod: [v1] });

  // The failed job alone has the same plan again.
  prod = 'approved';
  const failedAgain = await rerun(changed, 'failed');
  expect(verdictsOf(failedAgain)).toEqual(verdictsOf(changed));
  expect(failedAgain.jobs['pipeline / prod / plan']).toBe(changed.jobs['pipeline / prod / plan']);

  // All jobs: unchanged environments are passed, and prod is planned again.
  const rerunAll = await rerun(failedAgain, 'all');
  expectVerdicts(rerunAll, {
    'pipeline / dev / plan': 'unchanged, unchanged',
    'pipeline / dev / apply': 'skipped',
    'pipeline / staging / plan': UNCHANGED,
    'pipeline / staging / apply': 'skipped',
    'pipeline / prod / plan': PLANNED,
    'pipeline / prod / apply': 'planned, deployed, promoted',
  });
  expect([rerunAll.result, rerunAll.attempt]).toEqual(['success', 3]);
  const [planned] = shop.sandbox.calls
    .where({ operation: 'CreateChangeSet', account: ACCOUNTS.prod })
    .slice(-1);
  expect(planned?.input['ChangeSetName']).toMatch(new RegExp(`^plan-${rerunAll.id}-3-`));
  expect(await shop.runs()).toEqual({ dev: [v3], staging: [v3], prod: [v3] });

  // Prod stays as it is.
  prod = 'rejected';
  const before = callsOf(shop, 'prod', 'ExecuteChangeSet');
  const v4 = shop.commit('v4');
  const refused = await push('4');
  expectVerdicts(refused, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'planned, deployed, promoted',
    'pipeline / prod / plan': PLANNED,
    'pipeline / prod / apply': 'failure',
  });
  expect(refused.jobs['pipeline / prod / apply']).toMatchObject({ result: 'failure', steps: [] });
  expect(callsOf(shop, 'prod', 'ExecuteChangeSet')).toBe(before);
  expect(await shop.runs()).toEqual({ dev: [v4], staging: [v4], prod: [v3] });
});
