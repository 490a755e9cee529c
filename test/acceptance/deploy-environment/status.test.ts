import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';

const start = useSandboxes();
const workspace = useWorkspaces()(SMALL_PLATFORM);
const status = (sandbox: Sandbox) => deployEnvironment(sandbox, { command: 'status' }, { workspace });

test('lists every stack and service, existing or not, and changes nothing', async () => {
  const sandbox = await start();
  const network = {
    'stack-name': 'dev-shop-network',
    template: 'network.yml',
    'parameter-files': 'dev.json',
  };
  expect((await deployStack(sandbox, network, { workspace })).outputs['verdict']).toBe('created');
  sandbox.calls.all.length = 0;
  const run = await status(sandbox);
  expect(run.outputs).toMatchObject({
    verdict: 'reported',
    reason: 'dev: 1 of 3 stacks exists.',
  });
  expect(run.summary).toMatch(/`dev-shop-network` \| CREATE_COMPLETE/);
  expect(run.summary).toMatch(/`dev-shop-queue` \| missing/);
  expect(run.summary).toContain('`api`');
  const changing = sandbox.calls.all.filter(({ operation }) => /^(Create|Put|Update|Delete)/.test(operation));
  expect(changing).toEqual([]);
});

test('a failed read is a failure', async () => {
  const sandbox = await start();
  sandbox.addFault({
    kind: 'error',
    operation: 'DescribeStacks',
    code: 'AccessDenied',
    status: 403,
    times: 9,
  });
  const run = await status(sandbox);
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toContain('Failed to read');
});
