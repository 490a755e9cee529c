import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Debian's docker, also where another client comes first in PATH. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** A Docker daemon of our own, with its images in a temporary folder. Needs root. */
export class Dockerd {
  /** What reaches it. */
  readonly env: Record<string, string>;
  readonly #folder: string;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(folder: string, storageDriver: string) {
    this.#folder = folder;
    const host = `unix://${folder}/docker.sock`;
    this.env = { PATH, DOCKER_HOST: host, HOME: folder };
    const args = [
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ...['--pidfile', join(folder, 'pid'), '--host', host],
      // No kernel module and no rule of a firewall is needed for these; containers use the host's network.
      ...['--iptables=false', '--ip-forward=false'],
      ...['--storage-driver', storageDriver],
    ];
    this.#child = spawn('dockerd', args, {
      env: { ...process.env, PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString('utf8')));
  }

  /**
   * Starts a daemon and waits until it answers. Copying every layer (vfs) works on each file system but takes minutes
   * where overlay2 takes seconds.
   */
  static async start(): Promise<Dockerd> {
    const logs: string[] = [];
    for (const storageDriver of ['overlay2', 'vfs']) {
      const dockerd = new Dockerd(mkdtempSync(join(tmpdir(), 'dockerd-')), storageDriver);
      if (await dockerd.#answers()) return dockerd;
      await dockerd.stop();
      logs.push(dockerd.#log);
    }
    throw new Error(`dockerd failed to start:\n${logs.join('\n')}`);
  }

  /** Runs docker; its output. */
  async docker(...args: string[]): Promise<string> {
    const { stdout } = await run('docker', args, { env: this.env, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  }

  /** Waits at most a minute, or until the daemon exits. */
  async #answers(): Promise<boolean> {
    const deadline = Date.now() + 60_000;
    while (this.#child.exitCode === null && Date.now() < deadline) {
      const version = await this.docker('version').catch(() => undefined);
      if (version !== undefined) return true;
      await sleep(250);
    }
    return false;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, 'close');
      this.#child.kill('SIGTERM');
      await ended;
    }
    // The daemon leaves the network namespace of its containers mounted.
    await run('umount', [join(this.#folder, 'exec', 'netns', 'default')]).catch(() => undefined);
    if (existsSync(this.#folder))
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
