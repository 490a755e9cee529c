import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Context } from '../runtime/context.ts';

/** How long a process that was asked to stop may take before it is killed. */
const STOP_MS = 3000;
const KEPT_LINES = 400;

export interface RunOptions {
  env: NodeJS.ProcessEnv;
  /** For standard input, which is closed afterwards. */
  input?: string;
  /** Takes each line of standard error as it comes. */
  onLine?: (line: string) => void;
  /** Takes standard output; it is then not in the result. */
  readOutput?: (stdout: Readable) => Promise<void>;
}

export interface RunResult {
  exitCode: number | null;
  stdout: string;
  /** The last lines. */
  stderr: string;
}

/** The docker client is not on this machine. */
export class NoDockerError extends Error {
  override readonly name = 'Error';

  constructor() {
    super(
      'There is no docker client on this machine. A ready image can be pushed without one: see oci-layout.',
    );
  }
}

/**
 * Runs docker. A cancelled job interrupts it and whatever it has started, and kills it when that is not enough.
 *
 * @returns also for an exit code other than 0.
 * @throws NoDockerError; the signal's reason when it is aborted, after the process has ended.
 */
export async function runDocker(
  args: readonly string[],
  options: RunOptions,
  { signal }: Pick<Context, 'signal'>,
): Promise<RunResult> {
  signal.throwIfAborted();
  // A group of its own, so that a plugin hears of the interruption too.
  const child = spawn('docker', args, { env: options.env, detached: true });
  const stop = stopper(child);
  signal.addEventListener('abort', stop.now, { once: true });
  try {
    child.stdin.on('error', () => undefined).end(options.input ?? '');
    const lines: string[] = [];
    readLines(child, (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      options.onLine?.(line);
    });
    let stdout = '';
    const readOutput = options.readOutput ?? (async (stream) => void (stdout = await text(stream)));
    const [exit, output] = await Promise.allSettled([exited(child), readOutput(child.stdout)]);
    signal.throwIfAborted();
    if (exit.status === 'rejected') throw exit.reason;
    // Whoever reads half of an output fails too; the exit code tells more.
    if (exit.value === 0 && output.status === 'rejected') throw output.reason;
    return { exitCode: exit.value, stdout, stderr: lines.join('\n') };
  } finally {
    signal.removeEventListener('abort', stop.now);
    stop.done();
  }
}

function stopper(child: ChildProcess): { now: () => void; done: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    now: () => {
      signalGroup(child, 'SIGINT');
      timer = setTimeout(() => {
        signalGroup(child, 'SIGKILL');
      }, STOP_MS);
    },
    done: () => {
      clearTimeout(timer);
    },
  };
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-child.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function exited(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new NoDockerError() : error);
    });
    child.on('close', resolve);
  });
}

function readLines(child: ChildProcess, take: (line: string) => void): void {
  let rest = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  child.stderr?.on('end', () => {
    if (rest !== '') take(rest);
  });
}
