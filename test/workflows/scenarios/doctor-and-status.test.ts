import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../sandbox/index.ts';
import { bootstrapped } from '../../../sandbox/scenario/bootstrapped.ts';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { ACCOUNTS, Shop } from './shop.ts';
import { logOf, SECRETS, verdictsOf } from './stage.ts';

/** The read-only callers. There is no reviewer: a job that needs an approval would fail the rehearsal. */

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const approved = { reviewers: ['lead'], preventSelfReview: true, adminsBypass: false, branches: ['main'] };
const GITHUB = {
  environments: [
    { name: 'dev', branches: ['main'] },
    { name: 'staging', ...approved },
    { name: 'prod', ...approved },
  ],
  branches: [{ name: 'main', protection: 'rule' as const }],
};

/** A repository whose three accounts are bootstrapped. */
async function rehearsalOf(github: NonNullable<Scenario['github']> = GITHUB): Promise<Rehearsal> {
  const stacks = bootstrapped({ project: 'shop', environments: ACCOUNTS });
  const sandbox = await sandboxOf({ accounts: Object.values(ACCOUNTS), scenario: { github, stacks } });
  const shop = new Shop(sandbox, workspaceOf({}));
  shop.commit('v1');
  return new Rehearsal({ sandbox, repository: shop.folder, node: [node24()], secrets: SECRETS });
}

function expectVerdicts(report: RunReport, expected: Record<string, string>): void {
  const verdicts = verdictsOf(report);
  if (!isDeepStrictEqual(verdicts, expected)) console.error(logOf(report));
  expect(verdicts).toEqual(expected);
}

test.each(['schedule', 'workflow_dispatch'])(
  'doctor on %s finds every environment ready, without an approval',
  async (name) => {
    const rehearsal = await rehearsalOf();
    const report = await rehearsal.play('workflows/doctor.yml', { name });
    expectVerdicts(report, {
      'doctor / doctor (dev)': 'ready',
      'doctor / doctor (staging)': 'ready',
      'doctor / doctor (prod)': 'ready',
    });
    expect(report.result).toBe('success');
  },
);

test('doctor reports an environment that allows all branches, and checks the others', async () => {
  const open = [{ name: 'dev' }, ...GITHUB.environments.slice(1)];
  const rehearsal = await rehearsalOf({ ...GITHUB, environments: open });
  const report = await rehearsal.play('workflows/doctor.yml', { name: 'schedule' });
  expectVerdicts(report, {
    'doctor / doctor (dev)': 'not-ready',
    'doctor / doctor (staging)': 'ready',
    'doctor / doctor (prod)': 'ready',
  });
  expect(report.result).toBe('failure');
  const [step] = report.jobs['doctor / doctor (dev)']?.steps.slice(-1) ?? [];
  expect(step?.summary).toContain('every branch may deploy');
  expect(step?.summary).toContain(
    'gh api --method POST repos/org/platform/environments/dev/deployment-branch-policies',
  );
});

test('status shows what is running in each environment and changes nothing', async () => {
  const rehearsal = await rehearsalOf();
  const report = await rehearsal.play('workflows/status.yml', { name: 'workflow_dispatch' });
  expectVerdicts(report, {
    'status / status (dev)': 'reported',
    'status / status (staging)': 'reported',
    'status / status (prod)': 'reported',
  });
  const { sandbox } = rehearsal.stage;
  const asked = sandbox.calls.all.map(({ operation }) => operation);
  expect(asked.filter((name) => /^(Create|Put|Update|Delete|Execute)/.test(name))).toEqual([]);
  for (const name of Object.keys(ACCOUNTS)) {
    const [step] = report.jobs[`status / status (${name})`]?.steps.slice(-1) ?? [];
    expect(step?.summary).toContain(`${name}-shop-network`);
  }
});
