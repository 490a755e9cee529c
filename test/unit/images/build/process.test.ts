import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runDocker } from '../../../../src/images/build/docker.ts';
import { CancelledError } from '../../../../src/core/errors.ts';
import { useWorkspaces } from '../../../support/action.ts';

const workspaceOf = useWorkspaces();

/** A program called docker, in a folder of its own. */
function program(script: string): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = workspaceOf({});
  const file = join(folder, 'docker');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { folder, env: { PATH: `${folder}:/usr/bin:/bin`, FOLDER: folder } };
}

const never = { signal: new AbortController().signal };

test('standard input, output, error lines and the exit code', async () => {
  const { env } = program('cat; echo one >&2; printf two >&2; exit 3');
  const lines: string[] = [];
  const result = await runDocker(['x'], { env, input: 'hello', onLine: (line) => lines.push(line) }, never);
  expect(result).toEqual({ exitCode: 3, stdout: 'hello', stderr: 'one\ntwo' });
  expect(lines).toEqual(['one', 'two']);
});

test('no docker is an error that says so', async () => {
  const run = runDocker(['x'], { env: { PATH: '/nowhere' } }, never);
  await expect(run).rejects.toThrow('no docker client on this machine');
});

test('a cancelled job interrupts docker and what it has started', async () => {
  const { folder, env } = program(
    `trap 'exit 130' INT
    sh -c 'trap "echo child > $FOLDER/child; exit" INT; echo ready >&2; while :; do sleep 0.05; done'`,
  );
  const controller = new AbortController();
  const reason = new CancelledError('SIGINT');
  const run = runDocker(
    ['x'],
    {
      env,
      onLine: () => {
        controller.abort(reason);
      },
    },
    controller,
  );
  await expect(run).rejects.toBe(reason);
  expect(existsSync(join(folder, 'child'))).toBe(true);
});

test('what does not stop when interrupted is killed', async () => {
  const { folder, env } = program(
    `trap '' INT; echo $$ > $FOLDER/pid; echo ready >&2; while :; do sleep 0.1; done`,
  );
  const controller = new AbortController();
  const run = runDocker(
    ['x'],
    {
      env,
      onLine: () => {
        controller.abort(new CancelledError('SIGTERM'));
      },
    },
    controller,
  );
  await expect(run).rejects.toThrow('cancelled by SIGTERM');
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
