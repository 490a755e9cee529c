import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'process-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Runs an action with the given code in a separate process; `signals` are sent once it prints `ready`. */
async function runProcess(
  work: string,
  signals: readonly NodeJS.Signals[] = [],
): Promise<{ code: number | null; signal: NodeJS.Signals | null; outputs: string }> {
  const main = resolve('src/core/action.ts');
  const file = join(directory, 'action.mts');
  const output = join(directory, 'output');
  writeFileSync(
    file,
    `import { runAction } from ${JSON.stringify(main)};
    const verdicts = { updated: { ok: true }, failed: { ok: false }, cancelled: { ok: false } };
    const updated = { verdict: 'updated', ok: true, reason: 'fine', outputs: {}, result: {} };
    void runAction({ name: 'x', contract: { inputs: {}, outputs: {}, verdicts }, run: ${work} });`,
  );
  writeFileSync(output, '');
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { ...process.env, GITHUB_OUTPUT: output },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (text: Buffer) => {
    if (!text.toString().includes('ready')) return;
    for (const signal of signals) child.kill(signal);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal, outputs: readFileSync(output, 'utf8') };
}

test('a green run exits with 0 even with an open handle', async () => {
  const { code, outputs } = await runProcess('async () => { setInterval(() => {}, 1000); return updated; }');
  expect(code).toBe(0);
  expect(outputs).toMatch(/^verdict<<.*\nupdated\n/);
});

test('a promise that never settles is not green', async () => {
  const { code, outputs } = await runProcess('() => new Promise(() => {})');
  expect(code).toBe(1);
  expect(outputs).toContain('\nfailed\n');
});

test('an unhandled rejection is not green', async () => {
  const { code, outputs } = await runProcess(
    '(_, { signal }) => { Promise.reject(new Error("stray")); return new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason))); }',
  );
  expect(code).toBe(1);
  expect(outputs).toContain('\nInternal error; the debug log has the stack. Please report this.\n');
});

// The time limit is tested in action.test.ts, with a clock that nothing slows down.
test('a run that ignores the cancellation is ended after one signal', async () => {
  const { code, signal, outputs } = await runProcess(
    'async () => { setInterval(() => {}, 1000); process.stdout.write("ready\\n"); await new Promise(() => {}); }',
    ['SIGINT'],
  );
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(outputs).toContain('\ncancelled by SIGINT\n');
});
