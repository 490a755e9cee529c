import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Context } from './context.ts';
import { PlatformError } from './errors.ts';

/** How long a process that was asked to stop may take before it is killed, in milliseconds. */
const STOP_MS = 3000;
const KEPT_LINES = 400;

export interface CommandOptions {
  env: NodeJS.ProcessEnv;
  /** The folder it runs in; default, the action's own. */
  cwd?: string;
  /** For standard input, which is closed afterwards. */
  input?: string;
  /** Takes each line of standard error as it comes. */
  onLine?: (line: string) => void;
  /** Takes each line of standard output as it comes; the output is then not in the result. */
  onOutputLine?: (line: string) => void;
  /** Takes standard output as a stream; the output is then not in the result. */
  readOutput?: (stdout: Readable) => Promise<void>;
  /** What asks the process to stop; SIGINT by default, as from a terminal. */
  stopSignal?: 'SIGINT' | 'SIGTERM';
  /** Milliseconds between asking the process to stop and killing it; default 3 s. */
  stopMs?: number;
}

export interface CommandResult {
  /** Null when a signal ended the process. */
  exitCode: number | null;
  /** The signal that ended the process. */
  endedBy?: NodeJS.Signals;
  stdout: string;
  /** The last 400 lines. */
  stderr: string;
}

/** A program that is not on this machine, or that may not be executed. */
export class CommandNotFoundError extends PlatformError {
  override readonly name = 'CommandNotFoundError';
  readonly program: string;

  constructor(program: string, cause: Error) {
    super('command-failed', `${program} could not be started (${cause.message})`, { cause });
    this.program = program;
  }
}

/**
 * Runs a program, which no shell sees. A cancelled job interrupts it and every process that it started, and kills
 * them when that is not enough. This is not done with @actions/exec: it cannot end a process, starts no process
 * group, and leaves an error of standard input (a program that ends without reading it) unhandled.
 *
 * @returns also for an exit code other than 0.
 * @throws CommandNotFoundError; the signal's reason when it is aborted, after the process has ended.
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions,
  { signal }: Pick<Context, 'signal'>,
): Promise<CommandResult> {
  signal.throwIfAborted();
  // A group of its own, so that the processes it starts (plugins of docker, children of a script) get the signal too.
  const child = spawn(program, args, { env: options.env, cwd: options.cwd, detached: true });
  const stop = stopper(child, options);
  signal.addEventListener('abort', stop.now, { once: true });
  try {
    child.stdin.on('error', () => undefined).end(options.input ?? '');
    const lines: string[] = [];
    const ended = new Promise<Pick<CommandResult, 'exitCode' | 'endedBy'>>((resolve, reject) => {
      child.on('error', (error: NodeJS.ErrnoException) => {
        reject(error.syscall?.startsWith('spawn') ? new CommandNotFoundError(program, error) : error);
      });
      child.on('close', (exitCode, endedBy) => {
        resolve({ exitCode, ...(endedBy !== null && { endedBy }) });
      });
    });
    onLines(child.stderr, (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      options.onLine?.(line);
    });
    const [exit, output] = await Promise.allSettled([ended, readStdout(child.stdout, options)]);
    signal.throwIfAborted();
    if (exit.status === 'rejected') throw exit.reason;
    if (output.status === 'rejected') {
      // A reader of half an output fails too, and the exit code tells more. A reader that failed by itself, as on a
      // full disk, is why the program could not write on.
      if (exit.value.exitCode === 0 || isSystemError(output.reason)) throw output.reason;
    }
    const stdout = output.status === 'fulfilled' ? output.value : '';
    return { ...exit.value, stdout, stderr: lines.join('\n') };
  } finally {
    signal.removeEventListener('abort', stop.now);
    stop.done();
  }
}

/** Whether an error is one of the operating system, such as ENOSPC. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

async function readStdout(stdout: Readable, options: CommandOptions): Promise<string> {
  if (options.readOutput) await options.readOutput(stdout);
  else if (options.onOutputLine) onLines(stdout, options.onOutputLine);
  else return text(stdout);
  return '';
}

function onLines(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', take);
}

function stopper(
  child: ChildProcess,
  { stopSignal = 'SIGINT', stopMs = STOP_MS }: CommandOptions,
): { now: () => void; done: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  return {
    now: () => {
      isStopped = true;
      signalGroup(child, stopSignal);
      timer = setTimeout(() => {
        signalGroup(child, 'SIGKILL');
        // A process that left the group may still hold the output open.
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, stopMs);
    },
    done: () => {
      clearTimeout(timer);
      // The program has ended; what it started may have ignored the signal, and hold no output open.
      if (isStopped) signalGroup(child, 'SIGKILL');
    },
  };
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-child.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Runs a short program that reads no input and does not have to be stopped (`docker version`). A cancelled job does
 * not wait for it: @actions/exec cannot end it.
 *
 * @returns also for an exit code other than 0.
 * @throws CommandNotFoundError; the signal's reason when it is aborted.
 */
export async function readCommand(
  program: string,
  args: readonly string[],
  { env }: Pick<CommandOptions, 'env'>,
  { signal }: Pick<Context, 'signal'>,
): Promise<CommandResult> {
  signal.throwIfAborted();
  const { getExecOutput } = await import('@actions/exec');
  const options = { env: definedOnly(env), silent: true, ignoreReturnCode: true };
  // It reads its first argument as a command line, in which quotes keep a path whole.
  const running = getExecOutput(`"${pathOf(program, env) ?? program}"`, [...args], options).catch(
    (error: unknown) => {
      throw new CommandNotFoundError(program, error as Error);
    },
  );
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void running.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}

/** Where a program is: @actions/exec would search the action's own PATH only, not the one that it is given. */
function pathOf(program: string, env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
