import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CancelledError } from '../../../src/core/errors.ts';
import { readCommand, runCommand } from '../../../src/core/exec.ts';
import { useWorkspaces } from '../../support/action.ts';

const workspaceOf = useWorkspaces();

/** A program named tool, in its own folder with a space in its name. */
function program(script: string): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = workspaceOf({});
  const file = join(folder, 'tool');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { folder, env: { PATH: `${folder}:/usr/bin:/bin`, FOLDER: folder } };
}

const never = { signal: new AbortController().signal };

describe('runCommand', () => {
  test('passes standard input, output, error lines and the exit code', async () => {
    const { env } = program('cat; echo one >&2; printf two >&2; exit 3');
    const lines: string[] = [];
    const options = { env, input: 'hello', onLine: (line: string) => lines.push(line) };
    const result = await runCommand('tool', [], options, never);
    expect(result).toEqual({ exitCode: 3, stdout: 'hello', stderr: 'one\ntwo' });
    expect(lines).toEqual(['one', 'two']);
  });

  test('arguments are passed unchanged', async () => {
    const { env } = program('printf "%s|" "$@"');
    const { stdout } = await runCommand('tool', ['a b', '$HOME', '"', ''], { env }, never);
    expect(stdout).toBe('a b|$HOME|"||');
  });

  test('lines of standard output are streamed', async () => {
    const { env } = program('echo one; printf "two\\r\\nthree"');
    const lines: string[] = [];
    const onOutputLine = (line: string): void => void lines.push(line);
    const result = await runCommand('tool', [], { env, onOutputLine }, never);
    expect(lines).toEqual(['one', 'two', 'three']);
    expect(result.stdout).toBe('');
  });

  test('a program that exits without reading its input is not an error', async () => {
    const { env } = program('exit 0');
    const result = await runCommand('tool', [], { env, input: 'x'.repeat(1_000_000) }, never);
    expect(result.exitCode).toBe(0);
  });

  test('a failing reader of the output matters only if the program succeeds', async () => {
    const readOutput = () => Promise.reject(new Error('unreadable'));
    const { env } = program('echo x; exit "$CODE"');
    const failed = await runCommand('tool', [], { env: { ...env, CODE: '2' }, readOutput }, never);
    expect(failed.exitCode).toBe(2);
    const succeeded = runCommand('tool', [], { env: { ...env, CODE: '0' }, readOutput }, never);
    await expect(succeeded).rejects.toThrow('unreadable');
  });

  test("a system error of the reader is the reason, not the program's broken pipe", async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' });
    const readOutput = () => Promise.reject(full);
    const { env } = program('echo x; exit 1');
    await expect(runCommand('tool', [], { env, readOutput }, never)).rejects.toBe(full);
  });

  test('a program ended by a signal has no exit code', async () => {
    const { env } = program('kill -TERM $$');
    const result = await runCommand('tool', [], { env }, never);
    expect(result).toMatchObject({ exitCode: null, endedBy: 'SIGTERM' });
  });

  test('a missing program is an error with its name', async () => {
    const run = runCommand('tool', [], { env: { PATH: '/nowhere' } }, never);
    await expect(run).rejects.toMatchObject({
      code: 'command-failed',
      program: 'tool',
      message: 'tool could not be started (spawn tool ENOENT)',
    });
  });

  test('a cancelled job interrupts the program and its child processes', async () => {
    const { folder, env } = program(
      `trap 'exit 130' INT
      sh -c 'trap "echo child > $FOLDER/child; exit" INT; echo ready >&2; while :; do sleep 0.05; done'`,
    );
    const controller = new AbortController();
    const reason = new CancelledError('SIGINT');
    const onLine = (): void => {
      controller.abort(reason);
    };
    await expect(runCommand('tool', [], { env, onLine }, controller)).rejects.toBe(reason);
    expect(existsSync(join(folder, 'child'))).toBe(true);
  });

  test('a program that does not stop is killed with its child processes', async () => {
    const { folder, env } = program(
      `trap '' TERM; sh -c 'while :; do echo x >> $FOLDER/beats; echo ready >&2; sleep 0.02; done'`,
    );
    const controller = new AbortController();
    const onLine = (): void => {
      controller.abort(new CancelledError('SIGTERM'));
    };
    const options = { env, onLine, stopSignal: 'SIGTERM', stopMs: 100 } as const;
    await expect(runCommand('tool', [], options, controller)).rejects.toThrow('cancelled by SIGTERM');
    const beats = readFileSync(join(folder, 'beats'), 'utf8');
    await setTimeout(200);
    expect(readFileSync(join(folder, 'beats'), 'utf8')).toBe(beats);
  });

  test('a detached child process that ignores the signal is killed too', async () => {
    const { folder, env } = program(
      '(trap "" TERM INT; while true; do echo x >> $FOLDER/beats; sleep 0.05; done) >/dev/null 2>&1 & while [ ! -s $FOLDER/beats ]; do sleep 0.02; done; echo ready; wait',
    );
    const controller = new AbortController();
    const onOutputLine = (): void => {
      controller.abort(new CancelledError('SIGTERM'));
    };
    const options = { env, onOutputLine, stopSignal: 'SIGTERM' as const };
    await expect(runCommand('tool', [], options, controller)).rejects.toThrow('cancelled by SIGTERM');
    const beats = readFileSync(join(folder, 'beats'), 'utf8');
    await setTimeout(200);
    expect(readFileSync(join(folder, 'beats'), 'utf8')).toBe(beats);
  });

  test('nothing starts in a cancelled job', async () => {
    const { folder, env } = program('echo x > $FOLDER/ran');
    const signal = AbortSignal.abort(new CancelledError('SIGINT'));
    await expect(runCommand('tool', [], { env }, { signal })).rejects.toThrow('cancelled by SIGINT');
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });
});

describe('readCommand', () => {
  test('returns output, errors and the exit code, with the given environment', async () => {
    const { folder, env } = program('echo "$FOLDER|$1|$HOME"; echo no >&2; exit 4');
    const result = await readCommand('tool', ['a "b'], { env }, never);
    expect(result).toEqual({ exitCode: 4, stdout: `${folder}|a "b|\n`, stderr: 'no\n' });
  });

  test('a missing program is an error with its name', async () => {
    const run = readCommand('no-such-tool', [], { env: { PATH: '/nowhere' } }, never);
    await expect(run).rejects.toMatchObject({ code: 'command-failed', program: 'no-such-tool' });
  });

  test('a cancelled job does not wait for it', async () => {
    const { env } = program('sleep 2');
    const controller = new AbortController();
    const run = readCommand('tool', [], { env }, controller);
    controller.abort(new CancelledError('SIGINT'));
    await expect(run).rejects.toThrow('cancelled by SIGINT');
  });
});
