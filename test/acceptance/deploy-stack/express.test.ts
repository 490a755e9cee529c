import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';
import { expectExample } from '../../support/error-example.ts';

/** Express mode without rollback. All cases of refused changes are in test/wire/rollback-off.test.ts. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const queue = (name: string, delay = 1): string => `
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: ${name}, DelaySeconds: ${delay} }
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: ${name} }
`;
const broken = queue('orders', 2).replace('DisplayName: orders', 'DisplayName: broken');
const workspace = workspaceOf({
  'queue.yml': queue('orders'),
  'renamed.yml': queue('invoices'),
  'changed.yml': queue('orders', 2),
  'broken.yml': broken,
});

interface Result {
  verdict: string;
  reason: string;
  status: string;
  log: string;
  error?: { code: string; message: string; fix?: string };
}

async function run(sandbox: Sandbox, inputs: Record<string, string>): Promise<Result> {
  const { outputs, log } = await deployStack(sandbox, inputs, { workspace });
  const { verdict = '', reason = '' } = outputs;
  const { error } = JSON.parse(outputs['result'] ?? '{}') as Pick<Result, 'error'>;
  return { verdict, reason, status: await statusOf(sandbox), log, ...(error && { error }) };
}

async function statusOf(sandbox: Sandbox): Promise<string> {
  const client = clientOf(sandbox, CloudFormationClient);
  const found = await client.send(new DescribeStacksCommand({ StackName: 'app' }));
  return found.Stacks?.[0]?.StackStatus ?? 'none';
}

test('a replacement with rollback disabled is blocked, and a failure in express mode has a fix that AWS accepts', async () => {
  const sandbox = await start({
    scenario: {
      resources: [{ match: { logicalId: 'Topic' }, on: 'update', fail: { message: 'no', times: 1 } }],
    },
  });
  const express = { mode: 'express', 'on-failure': 'keep' };
  await run(sandbox, { template: 'queue.yml', ...express });
  const blocked = await run(sandbox, { template: 'renamed.yml', 'allow-replace': 'Queue', ...express });
  expect(blocked).toMatchObject({
    verdict: 'blocked',
    status: 'CREATE_COMPLETE',
    error: { code: 'replacement-refused' },
  });
  expect(blocked.reason).toMatch(/^Queue \(AWS::SQS::Queue\) has to be replaced.*on-failure: rollback\.$/);
  expectExample('replacement-refused', { log: blocked.log, result: { error: blocked.error } });

  expect(await run(sandbox, { template: 'broken.yml', ...express })).toMatchObject({
    verdict: 'failed',
    status: 'UPDATE_FAILED',
  });
  const back = await run(sandbox, { template: 'changed.yml', 'continue-rollback': 'true' });
  expect(back).toMatchObject({ verdict: 'blocked' });
  expect(back.reason).toContain('mode: express and on-failure: keep');
  expect(sandbox.calls.of('RollbackStack')).toHaveLength(0);
  expect(await run(sandbox, { template: 'changed.yml', ...express })).toMatchObject({ verdict: 'updated' });
});
