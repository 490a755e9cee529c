import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useWorkspaces } from '../../support/action.ts';
import { applyEdit, platformCheckout } from '../../support/platform-checkout.ts';

/** `npm run rehearse` in a clone of the reference platform. The process has no variable of AWS or GitHub. */
const ROOT = resolve(import.meta.dirname, '../../..');
const workspaceOf = useWorkspaces();
let repository: string;
beforeAll(() => {
  repository = platformCheckout(workspaceOf);
});

test('nothing changes in a clean checkout', async () => {
  const { exitCode, output } = await rehearse();
  expect(output).toContain('Nothing would change in dev.');
  expect(exitCode).toBe(0);
});

test('a change that is not committed is rehearsed', async () => {
  const file = 'templates/environments/dev.json';
  applyEdit(repository, { file, from: '"LogRetentionDays": "30"', to: '"LogRetentionDays": "60"' });
  const { exitCode, output } = await rehearse();
  expect(output).toContain('Rehearsal of dev: would-succeed');
  expect(output).toContain('`RetentionInDays`: `30` → `60`');
  expect(exitCode).toBe(0);
});

test('an unknown base is named', async () => {
  const { exitCode, output } = await rehearse('--base', 'nowhere');
  expect(output).toContain('rehearse: base: expected a branch');
  expect(exitCode).toBe(1);
});

function rehearse(...args: string[]): Promise<{ exitCode: number; output: string }> {
  const command = ['--import', import.meta.resolve('tsx'), join(ROOT, 'scripts/rehearse/main.ts')];
  const env = { PATH: process.env['PATH'] ?? '', HOME: repository };
  return new Promise((done) => {
    execFile(
      node24(),
      [...command, '--environment', 'dev', ...args],
      { cwd: repository, env, maxBuffer: 2 ** 24 },
      (error, stdout, stderr) => {
        done({ exitCode: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
      },
    );
  });
}
