import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hasExited } from './child-process.ts';

export const serviceNames = [
  'user-service',
  'product-service',
  'order-service',
  'frontend',
  'gateway',
] as const;
export type ServiceName = (typeof serviceNames)[number];

type Environment = Record<string, string>;

const folderOf = (service: ServiceName) => fileURLToPath(new URL(`../${service}/`, import.meta.url));

/** Generous: on a busy machine, a start takes much longer than on an idle one. */
const READY_TIMEOUT_MS = 60_000;

/** Runs one program of a service until it exits. @throws Error with its log if it fails. */
export async function runToEnd(
  service: ServiceName,
  program: string,
  parameters: string[],
  env: Environment,
) {
  const process = start(service, program, parameters, env);
  const log = logOf(process, () => undefined);
  const [code] = (await once(process, 'close')) as [number | null];
  if (code !== 0)
    throw new Error(`${service}: ${program} exited with code ${String(code)}:\n${log.join('\n')}`);
  return log;
}

/** A built service as a process, run as in its image. */
export class ServiceProcess {
  readonly url: string;
  /** Its output lines. */
  readonly log: string[];
  /** Its exit code, once it has exited and its log is complete; null if a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, port: number, onLine: (line: string) => void) {
    this.#process = process;
    this.url = `http://127.0.0.1:${port}`;
    this.log = logOf(process, onLine);
    this.ended = once(process, 'close').then(([code]) => code as number | null);
  }

  /** Starts the service and waits until it responds. @throws Error with its log if it does not. */
  static async start(
    service: ServiceName,
    port: number,
    env: Environment,
    onLine: (line: string) => void = () => undefined,
  ): Promise<ServiceProcess> {
    const child = start(service, 'dist/main.js', [], { ...env, PORT: String(port) });
    const started = new ServiceProcess(child, port, onLine);
    const health = `${started.url}${service === 'gateway' ? '/gateway' : ''}/health`;
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!(await answers(health))) {
      if (hasExited(child) || Date.now() > deadline) {
        child.kill('SIGKILL');
        await started.ended;
        throw new Error(`${service} did not start:\n${started.log.join('\n')}`);
      }
      await delay(20);
    }
    return started;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Stops it, and resolves with its exit code. */
  stop(): Promise<number | null> {
    this.kill('SIGTERM');
    return this.ended;
  }
}

function start(service: ServiceName, program: string, parameters: string[], env: Environment): ChildProcess {
  return spawn(process.execPath, [program, ...parameters], {
    cwd: folderOf(service),
    env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl+C is sent to the terminal's whole process group, but we determine the order of stopping.
    detached: true,
  });
}

function logOf(process: ChildProcess, onLine: (line: string) => void): string[] {
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      onLine(line);
    });
  }
  return lines;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) })).ok;
  } catch {
    return false;
  }
}
