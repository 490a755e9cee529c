import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { startSandbox } from '../../../../sandbox/index.ts';
import { bootstrapped } from '../../../../sandbox/scenario/bootstrapped.ts';
import { identityStore } from '../../../../sandbox/iam/roles.ts';
import { clientOf, sandboxOf } from '../clients.ts';

const environments = { dev: '111111111111', staging: '222222222222' };
const stacks = bootstrapped({ project: 'shop', environments, previews: ['dev'] });

describe('existing stacks', () => {
  test('exist before the first call, however slow the clock is', async () => {
    const sandbox = await sandboxOf({ timeScale: 0.001, scenario: { stacks } });
    const client = clientOf(sandbox, CloudFormationClient, environments.dev);
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({}));
    expect(Stacks.map(({ StackName, StackStatus }) => [StackName, StackStatus])).toEqual([
      ['dev-shop-bootstrap', 'CREATE_COMPLETE'],
      ['dev-shop-bootstrap-execution', 'CREATE_COMPLETE'],
      ['dev-shop-bootstrap-previews', 'CREATE_COMPLETE'],
    ]);
  });

  test('have created the roles of each environment in its account', async () => {
    const sandbox = await sandboxOf({ scenario: { stacks } });
    const isThere = (name: string, account: string): boolean =>
      identityStore(sandbox.world).role(`arn:aws:iam::${account}:role/shop-${name}`) !== undefined;
    for (const role of ['plan', 'deploy', 'execution']) {
      expect(isThere(`dev-${role}`, environments.dev)).toBe(true);
      expect(isThere(`staging-${role}`, environments.staging)).toBe(true);
    }
    for (const role of ['preview', 'preview-cleanup', 'preview-execution']) {
      expect(isThere(`dev-${role}`, environments.dev)).toBe(true);
      expect(isThere(`staging-${role}`, environments.staging)).toBe(false);
    }
  });

  test('that cannot be created are an error at the start, with the reason', async () => {
    const [stack] = stacks;
    if (!stack) throw new Error('there is no stack');
    const twice = [stack, { ...stack, name: 'another' }];
    await expect(startSandbox({ scenario: { stacks: twice } })).rejects.toThrow(/^another: .*already exists/);
  });
});
