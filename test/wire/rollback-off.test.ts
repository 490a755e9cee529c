import {
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../sandbox/index.ts';
import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import { type Stand, stand } from './stand.ts';

/** Deployments whose failures are kept: what CloudFormation then refuses, and how to recover. */

const stack = (name: string, delay = 1, display = name): string => `
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: ${name}, DelaySeconds: ${delay} }
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: ${display} }
`;
const BEFORE = stack('orders');
const RENAMED = stack('invoices');
const BROKEN = stack('orders', 2, 'broken');
const MENDED = stack('orders', 2);
const FAILS: Scenario = {
  resources: [{ match: { logicalId: 'Topic' }, on: 'update', fail: { message: 'no', times: 1 } }],
};
type Values = Partial<DeployStackInputs>;

let at: Stand;
afterEach(async () => {
  await at.close();
});

async function status(): Promise<string> {
  const found = await at.client.send(new DescribeStacksCommand({ StackName: 'app' }));
  return found.Stacks?.[0]?.StackStatus ?? 'none';
}

describe.each(['standard', 'express'] as const)(
  'a replacement with rollback disabled, in %s mode',
  (mode) => {
    const keep: Values = { mode, onFailure: 'keep', allowReplace: ['Queue'] };

    test('is blocked before execution, and a plan warns about it', async () => {
      at = await stand();
      await at.run(BEFORE, { mode });
      const planned = await at.run(RENAMED, { command: 'plan', ...keep });
      expect(planned).toMatchObject({ verdict: 'planned', ok: true });
      expect(planned.reason).toContain('It will be blocked: Queue (AWS::SQS::Queue) has to be replaced');
      const approved: Values = {
        command: 'apply',
        plan: planned.outputs['plan'] ?? '',
        fingerprint: planned.outputs['fingerprint'] ?? '',
      };
      for (const outcome of [await at.run(RENAMED, { ...keep, ...approved }), await at.run(RENAMED, keep)]) {
        expect(outcome).toMatchObject({
          verdict: 'blocked',
          ok: false,
          error: { code: 'replacement-refused' },
        });
        expect(outcome.reason).toContain('Run deploy-stack with on-failure: rollback.');
      }
      expect(at.sandbox.calls.of('ExecuteChangeSet')).toHaveLength(1);
      expect(await at.run(RENAMED, { mode, allowReplace: ['Queue'] })).toMatchObject({ verdict: 'updated' });
    });

    test('is refused by CloudFormation', async () => {
      at = await stand();
      await at.run(BEFORE);
      await update(RENAMED, { Mode: mode.toUpperCase(), DisableRollback: true });
      await expect(ended()).rejects.toThrow(/Replacement type updates not supported|UPDATE_FAILED/);
      expect(await status()).toBe('UPDATE_FAILED');
    });
  },
);

describe('a stack in UPDATE_FAILED', () => {
  const fail = async (mode: 'standard' | 'express'): Promise<string> => {
    at = await stand(FAILS);
    await at.run(BEFORE, { mode });
    const failed = await at.run(BROKEN, { mode, onFailure: 'keep' });
    expect(failed).toMatchObject({ verdict: 'failed' });
    expect(await status()).toBe('UPDATE_FAILED');
    return failed.reason;
  };
  const EXPRESS_ONLY = 'mode: express and on-failure: keep, or delete the stack';

  const refused: Values[] = [
    {},
    { onFailure: 'keep' },
    { mode: 'express' },
    { mode: 'express', continueRollback: true },
    { continueRollback: true },
    { command: 'plan' },
  ];
  test.each(refused)('after express mode, %j is blocked with a fix that AWS accepts', async (values) => {
    expect(await fail('express')).toContain(EXPRESS_ONLY);
    const outcome = await at.run(MENDED, values);
    expect(outcome).toMatchObject({ verdict: 'blocked', error: { code: 'stack-blocked' } });
    expect(outcome.reason).toContain(EXPRESS_ONLY);
    expect(outcome.reason).not.toContain('continue-rollback');
    expect(at.sandbox.calls.of('RollbackStack')).toHaveLength(0);
    expect(await status()).toBe('UPDATE_FAILED');
  });

  test('after express mode can continue in express mode or be deleted', async () => {
    await fail('express');
    const values: Values = { mode: 'express', onFailure: 'keep' };
    expect(await at.run(MENDED, values)).toMatchObject({ verdict: 'updated' });
    await at.close();
    await fail('express');
    expect(await at.run('', { command: 'delete', allowDelete: ['all'] })).toMatchObject({
      verdict: 'deleted',
    });
  });

  test('after standard mode can continue or be rolled back first', async () => {
    expect(await fail('standard')).toContain('or with continue-rollback: true');
    expect(await at.run(MENDED)).toMatchObject({ verdict: 'blocked' });
    expect(await at.run(MENDED, { continueRollback: true })).toMatchObject({ verdict: 'updated' });
    await at.close();
    await fail('standard');
    expect(await at.run(MENDED, { onFailure: 'keep' })).toMatchObject({ verdict: 'updated' });
  });

  test('after express mode, the sandbox refuses the same as AWS', async () => {
    at = await stand(FAILS);
    await at.run(BEFORE);
    await update(BROKEN, { Mode: 'EXPRESS' });
    await expect(ended()).rejects.toThrow(/UPDATE_FAILED/);
    await expect(update(BROKEN)).rejects.toThrow(/must use the same DeploymentConfig \(mode=EXPRESS\)/);
    await expect(update(BROKEN, { Mode: 'EXPRESS', DisableRollback: false })).rejects.toThrow(
      /currently in a non-terminal \[UPDATE_FAILED\] state/,
    );
    await update(BEFORE, { Mode: 'EXPRESS' });
    await ended();
    expect(await status()).toBe('UPDATE_COMPLETE');
  });
});

async function update(body: string, config?: Record<string, unknown>): Promise<void> {
  const input = { StackName: 'app', TemplateBody: body, ...(config && { DeploymentConfig: config }) };
  await at.client.send(new UpdateStackCommand(input));
}

async function ended(): Promise<unknown> {
  const options = { client: at.client, maxWaitTime: 300, minDelay: 0.02, maxDelay: 0.02 };
  return await waitUntilStackUpdateComplete(options, { StackName: 'app' });
}
