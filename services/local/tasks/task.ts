import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { freePort } from '../free-port.ts';

export interface TaskOptions {
  /** The folder that corresponds to the image's `/app`. */
  folder: string;
  /** `node` and its arguments. */
  command: string[];
  environment: Record<string, string>;
  onLog: (line: string) => void;
  /**
   * Called once, after the task has exited and its log is complete. As in ECS, the code for a signal is 128 plus its
   * number.
   */
  onExit: (exitCode: number) => void;
}

export interface Task {
  pid: number;
  /** The port on 127.0.0.1 that replaces the container's port. */
  port: number;
  /** Sends SIGTERM, and SIGKILL after the timeout. Resolves when the task has exited. */
  stop: (timeoutSeconds: number) => Promise<void>;
}

/**
 * Starts the command of a container, with the container's environment and without that of this process.
 *
 * @throws Error if the process cannot be started.
 */
export async function startTask({ folder, command, environment, onLog, onExit }: TaskOptions): Promise<Task> {
  const port = await freePort();
  const child = spawn(process.execPath, command.slice(1), {
    cwd: folder,
    env: { NODE_ENV: 'production', ...environment, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl+C is sent to the terminal's whole process group, but only the caller stops tasks.
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLog);
  const ended = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      onExit(exitCodeOf(code, signal));
      resolve();
    });
  });
  await once(child, 'spawn');
  return { pid: child.pid ?? 0, port, stop: (timeoutSeconds) => stop(child, ended, timeoutSeconds) };
}

const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal]);

async function stop(child: ChildProcess, ended: Promise<void>, timeoutSeconds: number): Promise<void> {
  child.kill('SIGTERM');
  const limit = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1_000);
  await ended;
  clearTimeout(limit);
}
