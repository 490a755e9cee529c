import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteChangeSetCommand, ExecuteChangeSetCommand } from '@aws-sdk/client-cloudformation';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Plan } from '../../src/cloudformation/change-set/changes.ts';
import { deployStack } from '../../src/cloudformation/commands/deploy-stack.ts';
import type { StackResult } from '../../src/cloudformation/commands/result.ts';
import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import { inputsOf } from '../unit/cloudformation/stack-world.ts';
import { type Stand, stand } from './stand.ts';

/**
 * `apply` with a plan that the run has read before: a change set that is no longer available is never executed unread.
 */

const queue = (delay: number): string =>
  `Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: ${delay} } } }`;

let at: Stand;
let workspace: string;
beforeEach(async () => {
  at = await stand();
  workspace = mkdtempSync(join(tmpdir(), 'approved-'));
  await run(queue(1), {});
});
afterEach(async () => {
  rmSync(workspace, { recursive: true, force: true });
  await at.close();
});

async function run(
  template: string,
  values: Partial<DeployStackInputs>,
  approved?: Plan,
): Promise<StackResult> {
  writeFileSync(join(workspace, 'app.yml'), template);
  const context = { ...at.context, ...(approved && { approved }) };
  return await deployStack(context, inputsOf({ timeoutMs: 280_000, ...values }), {
    id: '1',
    attempt: 1,
    workspace,
  });
}

async function planned(): Promise<Plan> {
  const { verdict, plan } = await run(queue(2), { command: 'plan' });
  expect(verdict).toBe('planned');
  if (!plan) throw new Error('no plan');
  return plan;
}

async function apply(plan: Plan, template = queue(2)): Promise<StackResult> {
  const { changeSetName, fingerprint } = plan;
  return await run(template, { command: 'apply', plan: changeSetName, fingerprint }, plan);
}

const addressOf = ({ changeSetName, stackName }: Plan) => ({
  ChangeSetName: changeSetName,
  StackName: stackName,
});

test('a change set that is still available is executed, and not read again', async () => {
  const plan = await planned();
  const before = at.sandbox.calls.of('GetTemplate').length;
  expect(await apply(plan)).toMatchObject({ verdict: 'updated' });
  expect(at.sandbox.calls.of('GetTemplate')).toHaveLength(before);
});

test('a deleted change set is created again, and executed if it is the same', async () => {
  const plan = await planned();
  await at.client.send(new DeleteChangeSetCommand(addressOf(plan)));
  expect(await apply(plan)).toMatchObject({ verdict: 'updated' });
  expect(at.lines.join('\n')).toContain('can no longer be executed. Reading it again.');
});

test('a deleted change set that is now different is not executed', async () => {
  const plan = await planned();
  await at.client.send(new DeleteChangeSetCommand(addressOf(plan)));
  const executed = at.sandbox.calls.of('ExecuteChangeSet').length;
  expect(await apply(plan, queue(3))).toMatchObject({ verdict: 'plan-changed' });
  expect(at.sandbox.calls.of('ExecuteChangeSet')).toHaveLength(executed);
});

test('waits for a change set that another run has executed', async () => {
  const plan = await planned();
  await at.client.send(new ExecuteChangeSetCommand(addressOf(plan)));
  const result = await apply(plan);
  expect(result).toMatchObject({ verdict: 'updated' });
  expect(result.reason).toContain('was already executed');
});
