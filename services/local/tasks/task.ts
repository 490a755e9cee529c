import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { freePort } from '../free-port.ts';

export interface TaskOptions {
  /** The folder that is the image's `/app`. */
  folder: string;
  /** `node` and what it runs. */
  command: string[];
  environment: Record<string, string>;
  onLog: (line: string) => void;
  /** Called once, when it has ended and its log is complete. A signal counts 128 more than its number, as in ECS. */
  onExit: (exitCode: number) => void;
}

export interface Task {
  pid: number;
  /** The port on 127.0.0.1 that stands for the container's. */
  port: number;
  /** SIGTERM now and, where that does not end it in time, SIGKILL. Resolves when it has ended. */
  stop: (timeoutSeconds: number) => Promise<void>;
}

/**
 * Starts what a container would run, with the container's environment and nothing of this process's own.
 * @throws Error when the process cannot be made.
 */
export async function startTask({ folder, command, environment, onLog, onExit }: TaskOptions): Promise<Task> {
  const port = await freePort();
  const child = spawn(process.execPath, command.slice(1), {
    cwd: folder,
    env: { NODE_ENV: 'production', ...environment, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl+C goes to a terminal's whole group of processes; who stops a task is the caller.
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
