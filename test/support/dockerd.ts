import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon, removeDataFolder } from './engines/daemon.ts';

const run = promisify(execFile);
/** Debian's docker, even if another client comes first in PATH. */
export const DEBIAN_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs docker with only this environment. Returns its output. */
export async function runDocker(env: Record<string, string>, args: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

interface DockerdOptions {
  /** A replacement for runc, with the same arguments. */
  runtime?: string;
}

/** A separate Docker daemon with its images in a temporary folder. Needs root. */
export class Dockerd {
  /** The environment variables of its clients. */
  readonly env: Record<string, string>;
  /** Its folder, which is also the home of its clients. It is removed with the daemon. */
  readonly folder: string;
  readonly #daemon: Daemon;

  private constructor(folder: string, storageDriver: string, { runtime }: DockerdOptions) {
    this.folder = folder;
    const host = `unix://${folder}/docker.sock`;
    this.env = { PATH: DEBIAN_PATH, DOCKER_HOST: host, HOME: folder };
    const args = [
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ...['--pidfile', join(folder, 'pid'), '--host', host],
      // Without a bridge, no kernel module and no firewall rule is needed; containers use the host's network.
      ...['--iptables=false', '--ip-forward=false'],
      ...['--storage-driver', storageDriver],
      ...(runtime === undefined
        ? []
        : ['--add-runtime', `of-test=${runtime}`, '--default-runtime', 'of-test']),
    ];
    this.#daemon = new Daemon('dockerd', args, { ...process.env, PATH: DEBIAN_PATH });
  }

  /**
   * Starts a daemon and waits until it responds. Copying every layer (vfs) works on each file system, but takes minutes
   * where overlay2 takes seconds.
   */
  static async start(options: DockerdOptions = {}): Promise<Dockerd> {
    const failures: unknown[] = [];
    for (const storageDriver of ['overlay2', 'vfs']) {
      const dockerd = new Dockerd(mkdtempSync(join(tmpdir(), 'dockerd-')), storageDriver, options);
      try {
        await dockerd.#daemon.answers(() => dockerd.docker('version'));
        return dockerd;
      } catch (error) {
        failures.push(error);
        await dockerd.stop();
      }
    }
    throw new AggregateError(failures, `dockerd failed to start:\n${failures.map(String).join('\n')}`);
  }

  /** Runs docker. Returns its output. */
  docker(...args: string[]): Promise<string> {
    return runDocker(this.env, args);
  }

  /** Kills it like a crash. Its data remains. */
  kill(): Promise<void> {
    return this.#daemon.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#daemon.stop();
    await removeDataFolder(this.folder);
  }
}
