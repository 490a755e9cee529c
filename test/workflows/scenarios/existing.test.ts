import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import { ACCOUNTS, type EnvironmentName, ExistingShop } from '../../support/existing.ts';
import { deniedCalls, policyIn, type Statement } from '../../support/iam.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { droppedOf, GITHUB, logOf, reviewer, SECRETS, verdictsOf } from './stage.ts';

/** The pipeline if another tool created the services: there is no stack. */

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();
const NAMES = Object.keys(ACCOUNTS) as EnvironmentName[];

/** The run's verdicts, or its whole log if they are unexpected. */
function expectVerdicts(report: RunReport, expected: Record<string, string>): void {
  const verdicts = verdictsOf(report);
  if (JSON.stringify(verdicts) !== JSON.stringify(expected)) console.error(logOf(report));
  expect(verdicts).toEqual(expected);
  expect(droppedOf(report)).toEqual([]);
}

const PROMOTES = 'unchanged, planned, unchanged';

test('a commit is promoted to prod by digest within the printed policies; a rollback holds the next one', async () => {
  const sandbox = await newSandbox({ accounts: Object.values(ACCOUNTS), scenario: { github: GITHUB } });
  const shop = await ExistingShop.create(sandbox, newWorkspace({}));
  const policies = new Map<EnvironmentName, Statement[]>();
  for (const environment of NAMES) {
    const doctor = await deployEnvironment(
      sandbox,
      { command: 'doctor', environment },
      { workspace: shop.folder },
    );
    policies.set(environment, policyIn(doctor.log));
  }
  sandbox.calls.all.length = 0;
  const lead = reviewer();
  const stage = { sandbox, repository: shop.folder, node: [node24()] as const, secrets: SECRETS };
  const rehearsal = new Rehearsal({ ...stage, reviewer: lead });
  const push = (digit: string) =>
    rehearsal.play('workflows/pipeline.yml', { name: 'push', sha: digit.repeat(40) });

  const allTheWay = {
    'pipeline / dev / plan': 'planned, unchanged',
    'pipeline / dev / apply': 'deployed',
    'pipeline / staging / plan': PROMOTES,
    'pipeline / staging / apply': 'planned, unchanged, promoted',
    'pipeline / prod / plan': PROMOTES,
    'pipeline / prod / apply': 'planned, unchanged, promoted',
  };
  const runs = () => Promise.all(NAMES.map((name) => shop.runs(name)));
  const v1 = shop.commit('v1');
  expectVerdicts(await push('1'), allTheWay);
  expect(lead.asked).toEqual(['staging', 'prod']);
  expect(await runs()).toEqual([[v1], [v1], [v1]]);
  const v2 = shop.commit('v2');
  expectVerdicts(await push('2'), allTheWay);
  expect(await runs()).toEqual([[v2], [v2], [v2]]);

  const inputs = { environment: 'prod', reason: 'Orders fail' };
  const back = await rehearsal.play('workflows/rollback.yml', { name: 'workflow_dispatch', inputs });
  expectVerdicts(back, { 'rollback / rollback': 'restored' });
  const promote = { name: 'workflow_dispatch', inputs: { from: 'staging', to: 'prod' } };
  const held = { 'promote / plan': 'held', 'promote / promote': 'skipped' };
  expectVerdicts(await rehearsal.play('workflows/promote.yml', promote), held);
  expect(await runs()).toEqual([[v2], [v2], [v1]]);

  expect(sandbox.calls.where({ service: 'cloudformation' })).toEqual([]);
  for (const [name, statements] of policies) {
    const calls = sandbox.calls.where({ account: ACCOUNTS[name] });
    expect([name, deniedCalls(statements, calls, shop.roles(name))]).toEqual([name, []]);
  }
});
