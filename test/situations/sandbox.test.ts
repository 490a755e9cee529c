import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { runAction } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { DEV, useWorkspaces } from '../support/action.ts';
import { endpointOf, type RunOnEndpoint } from './endpoint.ts';
import { deployStackInProcess } from './in-process.ts';
import { playAll } from './play-all.ts';
import { readSituations } from './situation.ts';

const workspaceOf = useWorkspaces();
let sandbox: Sandbox | undefined;

beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 1000 });
  // Runs in this process use the sandbox like a bundle.
  Object.assign(process.env, sandbox.env(DEV));
});
afterAll(async () => {
  await sandbox?.close();
});

test.each(['deploy-stack', 'deploy-environment', 'update-service'])(
  '%s has the expected result in every situation on the sandbox',
  async (action) => {
    const endpoint = endpointOf('sandbox', sandbox?.env(DEV) ?? {}, run);
    const situations = readSituations(action);
    const wrong = await playAll(situations, endpoint, { workspaceOf, most: 16 });
    const right = situations.length - wrong.size;
    process.stderr.write(`${action}: ${right} of ${situations.length} situations passed\n`);
    expect(Object.fromEntries(wrong)).toEqual({});
  },
);

/** Most situations are about deploy-stack, whose runs need no separate process. */
const run: RunOnEndpoint = async (action, inputs, workspace) => {
  if (action === 'deploy-stack') return deployStackInProcess(inputs, workspace);
  const env = sandbox?.env(DEV) ?? {};
  const { exitCode, outputs, log } = await runAction(action, { node: [node24()], inputs, env, workspace });
  return { ok: exitCode === 0, outputs, log };
};
