import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 250;
const LOOKS = 240;

/** A third-party AWS emulator, as a process on loopback. */
export class Emulator {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** Starts a program that listens on a port, and waits until it responds at a path, at most a minute. */
  static async start(program: {
    command: string;
    args: readonly string[];
    env: Readonly<Record<string, string>>;
    port: number;
    path: string;
  }): Promise<Emulator> {
    const { command, args, env, port, path } = program;
    const child = spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...env } });
    const emulator = new Emulator(`http://127.0.0.1:${port}`, child);
    const failed = once(child, 'exit').then(([code]) => {
      throw new Error(`${command} ended with ${String(code)}`);
    });
    failed.catch(() => undefined);
    await Promise.race([failed, emulator.#answers(path)]);
    return emulator;
  }

  get env(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.url,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    };
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await ended;
  }

  async #answers(path: string): Promise<void> {
    for (let i = 0; i < LOOKS; i++) {
      const answer = await fetch(`${this.url}${path}`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(LOOK_MS);
    }
    throw new Error(`${this.url}${path} does not answer`);
  }
}
