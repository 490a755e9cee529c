import { expect, test } from '@jest/globals';
import { startSandbox } from '../../sandbox/index.ts';
import { DEV, useWorkspaces } from '../support/action.ts';
import { deployStackInProcess } from './in-process.ts';
import { playAll } from './play-all.ts';
import { readSituations } from './situation.ts';

const workspaceOf = useWorkspaces();

test('deploy-stack is right in every situation on the sandbox', async () => {
  const sandbox = await startSandbox({ timeScale: 1000 });
  try {
    const env = sandbox.env(DEV);
    Object.assign(process.env, env);
    const endpoint = {
      name: 'sandbox',
      url: sandbox.url,
      credentials: {
        accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
      },
      run: (_action: string, inputs: Record<string, string>, workspace: string) =>
        deployStackInProcess(inputs, workspace),
    };
    const situations = readSituations('deploy-stack');
    const wrong = await playAll(situations, endpoint, { workspaceOf, most: 16 });
    const right = situations.length - wrong.size;
    process.stderr.write(`deploy-stack: ${right} of ${situations.length} situations right\n`);
    expect(Object.fromEntries(wrong)).toEqual({});
  } finally {
    await sandbox.close();
  }
});
