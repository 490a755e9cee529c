import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const START_MS = 60_000;
const STOP_MS = 30_000;

/** A daemon for tests, as a child process. */
export class Daemon {
  readonly #name: string;
  readonly #child: ChildProcess;
  #log = '';

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#name = program.replace(/.*\//, '');
    this.#child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.on('error', (error) => (this.#log += String(error)));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#log += chunk.toString('utf8')));
    }
  }

  get #ended(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Its output. */
  get log(): string {
    return this.#log;
  }

  /**
   * Waits until a probe succeeds, at most a minute.
   *
   * @throws Error with its log, when it has ended or the minute is over.
   */
  async answers(ask: () => Promise<unknown>): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (!this.#ended && Date.now() < deadline) {
      const answered = await ask().then(
        () => true,
        () => false,
      );
      if (answered) return;
      await sleep(100);
    }
    throw new Error(`${this.#name} failed to start:\n${this.#log}`);
  }

  /** Stops it, with SIGKILL after half a minute. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#ended) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(limit);
  }
}

/** Mount points below a folder, innermost first. Octal escapes represent spaces and similar characters. */
function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) => octal(code)))
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
}

const octal = (code: string): string => String.fromCharCode(Number.parseInt(code, 8));

/** Removes a daemon's folder with its remaining mounts: layers and network namespaces. */
export async function removeDataFolder(folder: string): Promise<void> {
  for (const path of mountsBelow(folder)) await run('umount', ['--lazy', path]).catch(() => undefined);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
