import { mkdirSync, mkdtempSync, rmSync, writeFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach } from '@jest/globals';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { actingAs, EXECUTION_ROLE, roleFor } from './roles.ts';

export const DEV = '111111111111';

/**
 * Runs the committed bundle of deploy-stack on the Node.js of GitHub's runner against a sandbox, with the permissions
 * of the roles that the workflows give such a job and CloudFormation.
 */
export function deployStack(
  sandbox: Sandbox,
  inputs: Record<string, string>,
  options: RunOptions = {},
): Promise<Run> {
  return runAction('deploy-stack', {
    token: sandbox.tokens.installation,
    workspace: process.cwd(),
    ...options,
    node: options.node ?? [node24()],
    inputs: { 'stack-name': 'app', 'role-arn': EXECUTION_ROLE, ...inputs },
    env: { ...actingAs(sandbox, roleFor(inputs), { account: DEV }), ...options.env },
  });
}

/** A sandbox for each test that requests one. All are closed after the test. */
export function useSandboxes(): (options?: SandboxOptions) => Promise<Sandbox> {
  const open: Sandbox[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((sandbox) => sandbox.close()));
  });
  return async (options) => {
    const sandbox = await startSandbox({ timeScale: 1000, ...options });
    open.push(sandbox);
    return sandbox;
  };
}

/** Creates a workspace with files for a test. All are removed after the file's tests. */
export function useWorkspaces(): (files: Record<string, string>) => string {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  return (files) => {
    const folder = mkdtempSync(join(tmpdir(), 'workspace-'));
    folders.push(folder);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return folder;
  };
}

/** Temporary files that a run left behind, besides the file of its result. */
export function leftIn(temporary: string): string[] {
  return readdirSync(temporary).filter((name) => !name.startsWith('platform-result-'));
}
