import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { expectExample } from '../../support/error-example.ts';
import { refusal, ssmOf } from '../../unit/sandbox/clients.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

const STACKS = {
  ...SMALL_PLATFORM,
  'platform.yml': SMALL_PLATFORM['platform.yml']!.replace(/services:[^]*/, 'services: {}'),
};

test('a rollback stops the run like a cancelled job and gets the lock', async () => {
  // A stack that takes longer than the test.
  const sandbox = await newSandbox({ timeScale: 0.2 });
  const ssm = ssmOf(sandbox);
  const read = async (Name: string): Promise<string> =>
    (await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value ?? '';
  const askToStop = async (): Promise<void> => {
    const { token } = JSON.parse(await read('/shop/dev/lock')) as { token: string };
    const Value = JSON.stringify({ token, who: 'eve', run: 'https://runs/3', reason: 'Orders fail' });
    await ssm.send(new PutParameterCommand({ Name: '/shop/dev/lock-stop', Type: 'String', Value }));
  };
  const asked = sandbox.calls.arrival({ operation: 'ExecuteChangeSet' }).then(askToStop);
  const run = await deployEnvironment(sandbox, {}, { workspace: newWorkspace(STACKS) });
  await asked;
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('cancelled');
  expect(run.outputs['reason']).toMatch(/cancelled by eve for a rollback \(https:\/\/runs\/3\): Orders fail/);
  expect((await refusal(read('/shop/dev/lock'))).name).toBe('ParameterNotFound');
});

test('a run whose lock is deleted by hand stops at the next renewal', async () => {
  const sandbox = await newSandbox({ timeScale: 0.2 });
  const deleted = sandbox.calls
    .arrival({ operation: 'ExecuteChangeSet' })
    .then(() => ssmOf(sandbox).send(new DeleteParameterCommand({ Name: '/shop/dev/lock' })));
  // The lock is renewed each minute.
  const minute = `data:text/javascript,${encodeURIComponent(
    'const { setTimeout } = globalThis;' +
      'globalThis.setTimeout = (run, ms, ...given) => setTimeout(run, ms === 60_000 ? 3_000 : ms, ...given);',
  )}`;
  const workspace = newWorkspace(STACKS);
  const run = await deployEnvironment(sandbox, {}, { workspace, node: [node24(), '--import', minute] });
  await deleted;
  expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'failed']);
  expectExample('lock-lost', run);
});
