import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Context } from './context.ts';
import { PlatformError } from './errors.ts';

/** Grace period between the stop signal and SIGKILL, in milliseconds. */
const STOP_MS = 3000;
const KEPT_LINES = 400;

export interface CommandOptions {
  env: NodeJS.ProcessEnv;
  /** The working directory. Default: the action's own. */
  cwd?: string;
  /** Written to standard input, which is then closed. */
  input?: string;
  /** Receives each line of standard error. */
  onLine?: (line: string) => void;
  /** Receives each line of standard output, which is then not in the result. */
  onOutputLine?: (line: string) => void;
  /** Receives standard output as a stream, which is then not in the result. */
  readOutput?: (stdout: Readable) => Promise<void>;
  /** Signal that stops the process. Default: SIGINT, as from a terminal. */
  stopSignal?: 'SIGINT' | 'SIGTERM';
  /** Milliseconds between the stop signal and SIGKILL. Default: 3 s. */
  stopMs?: number;
}

export interface CommandResult {
  /** Null if a signal ended the process. */
  exitCode: number | null;
  /** The signal that ended the process. */
  endedBy?: NodeJS.Signals;
  stdout: string;
  /** The last 400 lines of standard error. */
  stderr: string;
}

/** A program that does not exist on this machine or is not executable. */
export class CommandNotFoundError extends PlatformError {
  override readonly name = 'CommandNotFoundError';
  readonly program: string;

  constructor(program: string, cause: Error) {
    super('command-failed', `${program} could not be started (${cause.message})`, { cause });
    this.program = program;
  }
}

/**
 * Runs a program without a shell. A cancelled job interrupts it with all its child processes, and kills them if they
 * do not exit in time. @actions/exec is not used because it cannot stop a process, starts no process group, and leaves
 * an error of standard input (a program that exits without reading it) unhandled.
 *
 * @returns the result, for any exit code.
 * @throws CommandNotFoundError; the signal's reason if it is aborted, after the process has exited.
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions,
  { signal }: Pick<Context, 'signal'>,
): Promise<CommandResult> {
  signal.throwIfAborted();
  // Its own process group, so that child processes (Docker plugins, a script's commands) receive the signal too.
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
      // A reader of truncated output fails too; the exit code is the better error. If the reader failed first, for
      // example
      // because the disk is full, its error is the cause.
      if (exit.value.exitCode === 0 || isSystemError(output.reason)) throw output.reason;
    }
    const stdout = output.status === 'fulfilled' ? output.value : '';
    return { ...exit.value, stdout, stderr: lines.join('\n') };
  } finally {
    signal.removeEventListener('abort', stop.now);
    stop.done();
  }
}

/** Whether an error comes from the operating system, such as ENOSPC. */
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
        // A process that has left the group may still hold the output open.
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, stopMs);
    },
    done: () => {
      clearTimeout(timer);
      // The program has exited; its children may have ignored the signal without holding an output open.
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
 * Runs a short program without input that does not have to be stopped (`docker version`). A cancelled job does not
 * wait for it, because @actions/exec cannot stop it.
 *
 * @returns the result, for any exit code.
 * @throws CommandNotFoundError; the signal's reason if it is aborted.
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
  // @actions/exec parses its first argument as a command line; quotes keep a path with spaces whole.
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

/** Resolves a program. @actions/exec would search the action's own PATH instead of the given one. */
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
