import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** moto's AWS, as a process on loopback. */
export class Moto {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** Starts moto_server, with these settings in its environment, and waits, at most a minute, until it answers. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Moto> {
    const port = await freePort();
    const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], {
      stdio: 'ignore',
      env: { ...process.env, ...settings },
    });
    const moto = new Moto(`http://127.0.0.1:${port}`, child);
    const failed = once(child, 'exit').then(([code]) => {
      throw new Error(`moto_server ended with ${String(code)}`);
    });
    failed.catch(() => undefined);
    await Promise.race([failed, moto.#answers()]);
    return moto;
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

  async #answers(): Promise<void> {
    for (let i = 0; i < 240; i++) {
      const answer = await fetch(`${this.url}/moto-api/data.json`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(250);
    }
    throw new Error('moto_server does not answer');
  }
}
