import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../sandbox/index.ts';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import type { Reviewer } from '../rehearsal/run.ts';
import { ACCOUNTS, Shop } from './shop.ts';
import { GITHUB, SECRETS, droppedOf, logOf, reviewer, verdictsOf } from './stage.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const FIRST = 'a'.repeat(40);
const SECOND = 'b'.repeat(40);

interface Scene {
  shop: Shop;
  /** The first image. */
  v1: string;
  deployByHand: (environment: string) => Promise<RunReport>;
  push: () => Promise<RunReport>;
}

async function sceneOf(lead: Reviewer, scenario: Scenario = {}): Promise<Scene> {
  const sandbox = await sandboxOf({
    accounts: Object.values(ACCOUNTS),
    scenario: { github: GITHUB, ...scenario },
  });
  const shop = new Shop(sandbox, workspaceOf({}));
  const v1 = shop.commit('v1');
  const stage = { sandbox, repository: shop.folder, node: [node24()] as const, secrets: SECRETS };
  const rehearsal = new Rehearsal({ ...stage, reviewer: lead });
  return {
    shop,
    v1,
    deployByHand: (environment) =>
      rehearsal.play('workflows/deploy.yml', {
        name: 'workflow_dispatch',
        sha: FIRST,
        inputs: { environment },
      }),
    push: () => rehearsal.play('workflows/pipeline.yml', { name: 'push', sha: SECOND }),
  };
}

/** A platform that runs its first image everywhere. */
async function madeOf(lead: Reviewer, scenario: Scenario = {}): Promise<Scene> {
  const scene = await sceneOf(lead, scenario);
  for (const environment of Object.keys(ACCOUNTS)) {
    const made = await deployEnvironment(
      scene.shop.sandbox,
      { command: 'deploy', environment },
      { workspace: scene.shop.folder, env: { GITHUB_SHA: FIRST } },
    );
    if (made.exitCode !== 0) throw new Error(made.log);
  }
  return scene;
}

/** The run's verdicts, or its whole log where they are not what was expected. */
function expectVerdicts(report: RunReport, expected: Record<string, string>): void {
  const verdicts = verdictsOf(report);
  if (JSON.stringify(verdicts) !== JSON.stringify(expected)) console.error(logOf(report));
  expect(verdicts).toEqual(expected);
  expect(droppedOf(report)).toEqual([]);
}

/** How often a change set was executed in an environment's account. */
function executions({ sandbox }: Shop, environment: keyof typeof ACCOUNTS): number {
  return sandbox.calls.where({ operation: 'ExecuteChangeSet', account: ACCOUNTS[environment] }).length;
}

const PLANNED = 'planned, planned, unchanged';

test('a platform is made by hand, one environment after the other; then a commit goes all the way', async () => {
  const lead = reviewer();
  const { shop, v1, deployByHand, push } = await sceneOf(lead);
  for (const environment of Object.keys(ACCOUNTS)) {
    const report = await deployByHand(environment);
    expectVerdicts(report, { 'deploy / plan': 'planned, unchanged', 'deploy / apply': 'deployed' });
  }
  expect(lead.asked).toEqual(['staging', 'prod']);
  expect(await shop.runs()).toEqual({ dev: [v1], staging: [v1], prod: [v1] });

  const v2 = shop.commit('v2');
  const report = await push();
  expectVerdicts(report, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'deployed, promoted',
    'pipeline / prod / plan': PLANNED,
    'pipeline / prod / apply': 'deployed, promoted',
  });
  expect(report.result).toBe('success');
  expect(lead.asked).toEqual(['staging', 'prod', 'staging', 'prod']);
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v2] });
});

test('staging fails: it runs what it ran, and prod never begins', async () => {
  const lead = reviewer();
  const rule = { match: { cluster: 'staging-shop', revision: 2 }, does: 'exit' as const };
  const { shop, v1, push } = await madeOf(lead, { ecs: { rules: [rule] } });
  const v2 = shop.commit('v2');
  const report = await push();
  expectVerdicts(report, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'deployed, rolled-back',
    'pipeline / prod': 'skipped',
  });
  expect(report.result).toBe('failure');
  expect(lead.asked).toEqual(['staging']);
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v1], prod: [v1] });
});

test('prod changed while its plan waited: nothing of the plan is executed', async () => {
  const scene: { shop?: Shop; executed?: number } = {};
  const lead = reviewer(
    () => 'approved',
    async (environment) => {
      if (environment !== 'prod' || !scene.shop) return;
      const other = new Shop(scene.shop.sandbox, workspaceOf({}));
      other.commit('hotfix');
      const inputs = { command: 'deploy', environment, stacks: 'network' };
      const run = await deployEnvironment(scene.shop.sandbox, inputs, { workspace: other.folder });
      if (run.exitCode !== 0) throw new Error(run.log);
      scene.executed = executions(scene.shop, 'prod');
    },
  );
  const { shop, v1, push } = await madeOf(lead);
  scene.shop = shop;
  const v2 = shop.commit('v2');
  const report = await push();
  expectVerdicts(report, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'deployed, promoted',
    'pipeline / prod / plan': PLANNED,
    'pipeline / prod / apply': 'plan-changed',
  });
  expect(report.result).toBe('failure');
  expect(executions(shop, 'prod')).toBe(scene.executed);
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v1] });
});

test('an approval that is refused leaves prod as it is', async () => {
  const lead = reviewer((environment) => (environment === 'prod' ? 'rejected' : 'approved'));
  const { shop, v1, push } = await madeOf(lead);
  const before = executions(shop, 'prod');
  const v2 = shop.commit('v2');
  const report = await push();
  expectVerdicts(report, {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PLANNED,
    'pipeline / staging / apply': 'deployed, promoted',
    'pipeline / prod / plan': PLANNED,
    'pipeline / prod / apply': 'failure',
  });
  expect(report.jobs['pipeline / prod / apply']).toMatchObject({ result: 'failure', steps: [] });
  expect(executions(shop, 'prod')).toBe(before);
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v1] });
});
