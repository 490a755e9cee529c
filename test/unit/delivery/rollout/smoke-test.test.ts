import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { createSession } from '../../../../src/aws/session.ts';
import { systemClock } from '../../../../src/core/clock.ts';
import { CancelledError } from '../../../../src/core/errors.ts';
import { serviceContext } from '../../../../src/delivery/release/request.ts';
import { runSmokeTest } from '../../../../src/delivery/rollout/smoke-test.ts';
import { contextOf } from '../../images/registry/context.ts';

const NO_EXTRAS = { variables: {}, headers: {} };

function contextWith(signal?: AbortSignal) {
  const context = { ...contextOf(signal), clock: systemClock };
  const session = createSession({ region: 'eu-west-1', context });
  return serviceContext(session, context, { PATH: process.env['PATH'], INPUT_IMAGE: 'secret' });
}

const command = (script: string, timeoutMs: number) =>
  ({ kind: 'command', command: ['sh', '-c', script], timeoutMs }) as const;

test('a command gets the variables of the deployment, and no input of the action', async () => {
  const extras = { variables: { SMOKE_TEST_SERVICE: 'user-service' }, headers: {} };
  const script = 'test "$SMOKE_TEST_SERVICE" = user-service && test -z "$INPUT_IMAGE"';
  const result = await runSmokeTest(contextWith(), command(script, 20_000), extras);
  expect(result).toMatchObject({ ok: true, attempts: 1, detail: 'exit code 0' });
});

test('a failed command is repeated until the timeout', async () => {
  const result = await runSmokeTest(contextWith(), command('exit 3', 2500), NO_EXTRAS);
  expect(result).toMatchObject({ ok: false, detail: 'exit code 3' });
  expect(result.attempts).toBeGreaterThan(1);
});

test('a missing program is reported', async () => {
  const missing = { kind: 'command', command: ['no-such-program'], timeoutMs: 10 } as const;
  const { ok, detail } = await runSmokeTest(contextWith(), missing, NO_EXTRAS);
  expect({ ok, detail }).toEqual({
    ok: false,
    detail: 'it could not be started (spawn no-such-program ENOENT)',
  });
});

/** Writes the ids of the shell and of its child to a file, then waits in both. */
function waiting(file: string): string {
  return `sleep 60 & echo $$ $! > ${file}; wait`;
}

function areGone(file: string): boolean {
  const ids = readFileSync(file, 'utf8').trim().split(' ').map(Number);
  return ids.every((id) => {
    try {
      process.kill(id, 0);
      return false;
    } catch {
      return true;
    }
  });
}

async function eventually(check: () => boolean): Promise<void> {
  const until = Date.now() + 120_000;
  while (!check()) {
    if (Date.now() > until) throw new Error('still not');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const folder = mkdtempSync(join(tmpdir(), 'smoke-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
let files = 0;
const fileIn = (): string => join(folder, `pids-${++files}`);
const isWritten = (file: string) => (): boolean => {
  try {
    return readFileSync(file, 'utf8').includes('\n');
  } catch {
    return false;
  }
};

test('at the timeout, the command and its child processes are stopped', async () => {
  const file = fileIn();
  const result = await runSmokeTest(contextWith(), command(waiting(file), 1500), NO_EXTRAS);
  expect(result).toMatchObject({ ok: false, attempts: 1, detail: 'stopped before it exited' });
  await eventually(() => areGone(file));
});

test('a cancelled job stops the command and its child processes', async () => {
  const file = fileIn();
  const stop = new AbortController();
  const running = runSmokeTest(contextWith(stop.signal), command(waiting(file), 60_000), NO_EXTRAS);
  const failed = expect(running).rejects.toThrow(CancelledError);
  await eventually(isWritten(file));
  stop.abort(new CancelledError('SIGINT'));
  await failed;
  await eventually(() => areGone(file));
});
