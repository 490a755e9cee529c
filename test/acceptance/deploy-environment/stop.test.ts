import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { refusal, ssmOf } from '../../unit/sandbox/clients.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

test('a rollback stops the run like a cancelled job and gets the lock', async () => {
  // A stack takes longer than the test.
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
  const stacks = {
    ...SMALL_PLATFORM,
    'platform.yml': SMALL_PLATFORM['platform.yml']!.replace(/services:[^]*/, 'services: {}'),
  };
  const run = await deployEnvironment(
    sandbox,
    {},
    {
      workspace: newWorkspace(stacks),
    },
  );
  await asked;
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('cancelled');
  expect(run.outputs['reason']).toMatch(/cancelled by eve for a rollback \(https:\/\/runs\/3\): Orders fail/);
  expect((await refusal(read('/shop/dev/lock'))).name).toBe('ParameterNotFound');
});
