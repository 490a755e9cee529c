import { expect, test } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Scripts that run until they are stopped, or long enough to be stopped, and the output line after which they have
 * children.
 */
const SCRIPTS = [
  { script: 'sandbox', args: [], running: /^export AWS_ENDPOINT_URL=/ },
  { script: 'demo', args: ['--scenario', 'operations'], running: /Create the bootstrap stack/ },
];

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

const cases = SCRIPTS.flatMap((script) =>
  SIGNALS.flatMap((signal) =>
    (['npm alone', 'the process group'] as const).map((target) => ({ ...script, signal, target })),
  ),
);

/**
 * npm runs a script with `sh -c`, and sends SIGTERM and SIGINT to that shell, which does not forward them: a script
 * without `exec` survives.
 *
 * @see https://github.com/npm/cli/issues/5776 "This is likely due to the shell that is started in the middle not propagating signals"
 */
test.each(cases)(
  'npm run $script stops all its processes if $target receives $signal',
  async ({ script, args, running, signal, target }) => {
    const out = mkdtempSync(join(tmpdir(), 'script-'));
    const options = script === 'demo' ? [...args, '--out', join(out, 'report')] : args;
    const npm = spawn('npm', ['run', script, '--', ...options], { detached: true });
    const closed = once(npm, 'close');
    const { pid = 0 } = npm;
    await lineOf(npm, running);
    const started = descendantsOf(pid);
    expect(started.length).toBeGreaterThan(0);

    process.kill(target === 'npm alone' ? pid : -pid, signal);
    // Closed means that no process holds the output any more.
    await closed;
    expect(alive(started)).toEqual([]);
    rmSync(out, { recursive: true });
  },
);

test.each([
  [['--help'], 0, /^Usage: npm run demo -- \[options\]/m, /^$/],
  [
    ['--scenario', 'nope'],
    1,
    /^$/,
    /^--scenario: expected one of platform, .*, real-tasks, got "nope"\nRun npm run demo -- --help for the options.\n$/,
  ],
  [['--scenario', 'toString'], 1, /^$/, /^--scenario: expected one of .*, got "toString"\n/],
  [['--time-scale', '0'], 1, /^$/, /^--time-scale: expected a number above 0, got "0"\n/],
  [['--speed', '3'], 1, /^$/, /^Unknown option '--speed'.*\nRun npm run demo -- --help for the options.\n$/],
])('demo %j exits with %i', async (args, exitCode, stdout, stderr) => {
  const demo = spawn(process.execPath, ['--import', 'tsx', 'sandbox/demo/main.ts', ...args]);
  const [outText, errText, [code]] = await Promise.all([
    textOf(demo.stdout),
    textOf(demo.stderr),
    once(demo, 'close') as Promise<[number]>,
  ]);
  expect(errText).toMatch(stderr);
  expect(outText).toMatch(stdout);
  expect(code).toBe(exitCode);
});

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Resolves when a line of the output matches. Rejects with the whole output if the process ends before. */
async function lineOf(child: ChildProcess, pattern: RegExp): Promise<void> {
  const lines: string[] = [];
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('the child has no pipes');
  createInterface(stderr).on('line', (line) => lines.push(line));
  await new Promise<void>((done, fail) => {
    createInterface(stdout)
      .on('line', (line) => {
        lines.push(line);
        if (pattern.test(line)) done();
      })
      .on('close', () => {
        fail(new Error(`no line matches ${pattern.source}:\n${lines.join('\n')}`));
      });
  });
}

interface Process {
  pid: number;
  parent: number;
}

/** The processes of the machine, without those that have ended and wait for their parent. */
function processes(): Process[] {
  const lines = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,stat=,comm=']).toString().trim().split('\n');
  return lines.flatMap((line) => {
    const [pid, parent, state = '', name] = line.trim().split(/\s+/);
    return state.startsWith('Z') || name === 'ps' ? [] : [{ pid: Number(pid), parent: Number(parent) }];
  });
}

function descendantsOf(root: number): number[] {
  const all = processes();
  const of = (parent: number): number[] =>
    all.filter((each) => each.parent === parent).flatMap(({ pid }) => [pid, ...of(pid)]);
  return of(root);
}

function alive(pids: readonly number[]): number[] {
  const all = new Set(processes().map(({ pid }) => pid));
  return pids.filter((pid) => all.has(pid));
}
