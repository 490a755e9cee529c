import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import type { Scenario, Sandbox } from '../../../sandbox/index.ts';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { readWorkflow, workflowFile } from '../workflow.ts';
import { addDatabase, asTheShopHasIt } from './drill.ts';
import { ACCOUNTS, Shop } from './shop.ts';
import { GITHUB, SECRETS, logOf, verdictsOf } from './stage.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const DRILL = 'dev-shop-restore-drill';
const JOB = 'drill / drill';
const { path, text } = readWorkflow('workflows/restore-drill.yml');
const CALLER = workflowFile(path, asTheShopHasIt(text));

/** An environment with a service and a database, whose check exits with this code. */
async function madeOf(
  exitCode: number,
  scenario: Scenario = {},
): Promise<{ sandbox: Sandbox; rehearsal: Rehearsal }> {
  const rules = [{ does: 'exit' as const, match: { oneOff: true }, exitCode }];
  const sandbox = await sandboxOf({
    accounts: Object.values(ACCOUNTS),
    scenario: { github: GITHUB, ecs: { rules }, ...scenario },
  });
  const shop = new Shop(sandbox, workspaceOf({}));
  shop.commit('v1');
  addDatabase(shop.folder);
  const made = await deployEnvironment(sandbox, { command: 'deploy' }, { workspace: shop.folder });
  if (made.exitCode !== 0) throw new Error(made.log);
  const stage = { sandbox, repository: shop.folder, node: [node24()] as const, secrets: SECRETS };
  return { sandbox, rehearsal: new Rehearsal(stage) };
}

/** The status of the drill's stack, or undefined if there is none. */
async function drillIn(sandbox: Sandbox): Promise<string | undefined> {
  const client = clientOf(sandbox, CloudFormationClient, ACCOUNTS.dev);
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({}));
  return Stacks.find(({ StackName }) => StackName === DRILL)?.StackStatus;
}

function expectVerdicts(report: RunReport, verdicts: string): void {
  if (verdictsOf(report)[JOB] !== verdicts) console.error(logOf(report));
  expect(verdictsOf(report)[JOB]).toBe(verdicts);
}

/** The database hosts of the service's registered revisions. */
const hostsOf = (sandbox: Sandbox): unknown[] =>
  sandbox.calls
    .of('RegisterTaskDefinition')
    .flatMap(({ input }) => JSON.stringify(input).match(/"DB_HOST","value":"([^"]+)"/)?.[1] ?? []);

describe('the restore drill', () => {
  test('restores the newest backup, lets the service check it, and deletes the cluster', async () => {
    const { sandbox, rehearsal } = await madeOf(0);
    const report = await rehearsal.play(CALLER, { name: 'schedule' });
    expectVerdicts(report, 'created, ran, deleted');
    expect(report.result).toBe('success');
    expect(hostsOf(sandbox)).toEqual([expect.stringContaining(DRILL)]);
    expect(await drillIn(sandbox)).toBeUndefined();
  });

  test('restores a recovery point given manually', async () => {
    const { sandbox, rehearsal } = await madeOf(0);
    const recoveryPoint = `arn:aws:rds:eu-west-1:${ACCOUNTS.dev}:cluster-snapshot:awsbackup:job-1`;
    const inputs = { 'recovery-point': recoveryPoint };
    const report = await rehearsal.play(CALLER, { name: 'workflow_dispatch', inputs });
    expectVerdicts(report, 'created, ran, deleted');
    expect(JSON.stringify(sandbox.calls.of('CreateChangeSet').at(-1)?.input)).toContain(recoveryPoint);
  });

  test('is red if the data is missing, and still deletes the cluster', async () => {
    const { sandbox, rehearsal } = await madeOf(1);
    const report = await rehearsal.play(CALLER, { name: 'schedule' });
    expectVerdicts(report, 'created, run-failed, deleted');
    expect(report.result).toBe('failure');
    expect(await drillIn(sandbox)).toBeUndefined();
  });

  test('is red if the backup cannot be restored, and leaves nothing behind', async () => {
    const resources = [
      {
        match: { stack: DRILL, logicalId: 'Cluster' },
        on: 'create' as const,
        fail: { message: 'The source cluster has no backup' },
      },
    ];
    const { sandbox, rehearsal } = await madeOf(0, { resources });
    const report = await rehearsal.play(CALLER, { name: 'schedule' });
    expect(report.result).toBe('failure');
    expect(await drillIn(sandbox)).toBeUndefined();
  });

  test('deletes the cluster if the run is cancelled during the restore', async () => {
    const { sandbox, rehearsal } = await madeOf(0);
    const restoring = sandbox.calls.of('ExecuteChangeSet').length;
    const run = rehearsal.start(CALLER, { name: 'schedule' });
    await sandbox.calls.arrival({ operation: 'ExecuteChangeSet' }, restoring + 1);
    run.cancel();
    const report = await run.finished;
    expect(report.result).toBe('cancelled');
    if ((await drillIn(sandbox)) !== undefined) console.error(logOf(report));
    expect(await drillIn(sandbox)).toBeUndefined();
  });
});
