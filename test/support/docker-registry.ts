import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** Debian's docker-registry, as a process on loopback with its files in a temporary folder. */
export class DockerRegistry {
  readonly url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'docker-registry-'));
    const file = join(this.#folder, 'config.yml');
    const storage = { filesystem: { rootdirectory: join(this.#folder, 'data') }, delete: { enabled: true } };
    const http = { addr: `127.0.0.1:${port}` };
    writeFileSync(file, JSON.stringify({ version: 0.1, log: { level: 'error' }, storage, http }));
    this.#child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  }

  /** Starts a registry and waits, at most 30 s, until it answers. */
  static async start(): Promise<DockerRegistry> {
    const registry = new DockerRegistry(await freePort());
    const failed = once(registry.#child, 'exit').then(([code]) => {
      throw new Error(`docker-registry ended with ${String(code)}`);
    });
    failed.catch(() => undefined);
    await Promise.race([failed, registry.#answers()]);
    return registry;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    for (let i = 0; i < 300; i++) {
      const answer = await fetch(`${this.url}/v2/`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(100);
    }
    throw new Error('docker-registry does not answer');
  }
}
