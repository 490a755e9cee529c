import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** The login of a registry. */
export const REGISTRY_LOGIN = { username: 'octocat', password: 'correct horse battery staple' };
/** The password hashed with bcrypt, the only hash that docker-registry supports. */
const HTPASSWD = 'octocat:$2y$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS\n';

/** Debian's docker-registry, as a process on loopback with its files in a temporary folder. */
export class DockerRegistry {
  readonly url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(port: number, withLogin: boolean) {
    this.url = `http://127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'docker-registry-'));
    const file = join(this.#folder, 'config.yml');
    const storage = { filesystem: { rootdirectory: join(this.#folder, 'data') }, delete: { enabled: true } };
    const http = { addr: `127.0.0.1:${port}` };
    const htpasswd = { realm: 'docker-registry', path: join(this.#folder, 'htpasswd') };
    if (withLogin) writeFileSync(htpasswd.path, HTPASSWD);
    const config = { version: 0.1, log: { level: 'error' }, storage, http };
    writeFileSync(file, JSON.stringify({ ...config, ...(withLogin && { auth: { htpasswd } }) }));
    this.#child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  }

  /** Starts a registry and waits until it responds, at most 30 s. With a login, it denies all other requests. */
  static async start({ withLogin = false } = {}): Promise<DockerRegistry> {
    const registry = new DockerRegistry(await freePort(), withLogin);
    const failed = once(registry.#child, 'exit').then(([code]) => {
      throw new Error(`docker-registry ended with ${String(code)}`);
    });
    failed.catch(() => undefined);
    await Promise.race([failed, registry.#answers()]);
    return registry;
  }

  /** Its host, as used in image names. */
  get host(): string {
    return new URL(this.url).host;
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
      if (answer?.ok === true || answer?.status === 401) return;
      await sleep(100);
    }
    throw new Error('docker-registry does not answer');
  }
}
