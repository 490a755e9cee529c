import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { DEBIAN_PATH, runDocker } from '../dockerd.ts';
import { tools } from '../tools/tools.ts';
import { Daemon, removeDataFolder } from './daemon.ts';
import { buildkitConfig } from './buildkit-config.ts';
import { buildxName, createConfigWithBuildx } from './docker-config.ts';
import type { Engine, EngineOptions } from './engine.ts';

const run = promisify(execFile);

/** BuildKit as a separate daemon, which buildx uses with the driver `remote`. Needs root. */
export class RemoteEngine implements Engine {
  readonly driver = 'remote';
  readonly env: Record<string, string>;
  readonly #folder: string;
  readonly #address: string;
  readonly #options: EngineOptions;
  #daemon: Daemon | undefined;
  /** One data folder for each started daemon. */
  #starts = 0;

  private constructor(folder: string, options: EngineOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#address = `unix://${join(folder, 'buildkitd.sock')}`;
    this.env = {
      PATH: DEBIAN_PATH,
      HOME: folder,
      DOCKER_CONFIG: createConfigWithBuildx(folder),
      // This driver needs no Docker daemon. The socket prevents the accidental use of the machine's.
      DOCKER_HOST: `unix://${join(folder, 'no-docker.sock')}`,
    };
  }

  get #runc(): string {
    return join(this.#folder, 'run-container');
  }

  static async start(options: EngineOptions): Promise<RemoteEngine> {
    const engine = new RemoteEngine(mkdtempSync(join(tmpdir(), 'buildkitd-')), options);
    try {
      await engine.#startDaemon();
      await engine.docker(
        'buildx',
        'create',
        '--name',
        'remote',
        '--driver',
        'remote',
        '--use',
        engine.#address,
      );
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  docker(...args: string[]): Promise<string> {
    return runDocker(this.env, args);
  }

  async version(): Promise<string> {
    return `${await this.docker('--version')}, ${basename(tools.buildkitd())}, ${buildxName()}`;
  }

  async renew(): Promise<void> {
    await this.#daemon?.stop();
    await this.#startDaemon();
  }

  async kill(): Promise<void> {
    await this.#daemon?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    await this.#killContainers();
    await removeDataFolder(this.#folder);
  }

  async #startDaemon(): Promise<void> {
    const root = join(this.#folder, `root-${++this.#starts}`);
    mkdirSync(root);
    // The containers of each engine are listed in its own folder, not in runc's default.
    writeFileSync(this.#runc, `#!/bin/sh\nexec /usr/sbin/runc --root '${this.#folder}/runc' "$@"\n`, {
      mode: 0o755,
    });
    const file = join(root, 'buildkitd.toml');
    const own = daemonConfig({ root, address: this.#address, runc: this.#runc });
    writeFileSync(file, own + buildkitConfig(this.#options));
    this.#daemon = new Daemon(tools.buildkitd(), ['--config', file], {
      PATH: DEBIAN_PATH,
      HOME: this.#folder,
    });
    await this.#daemon.answers(() => run(tools.buildctl(), ['--addr', this.#address, 'debug', 'workers']));
  }

  /** Kills the containers of RUN commands, which remain after a daemon was killed. */
  async #killContainers(): Promise<void> {
    const runc = this.#runc;
    if (!existsSync(runc)) return;
    const { stdout } = await run(runc, ['list', '--quiet']);
    for (const id of stdout.split('\n').filter((line) => line !== ''))
      await run(runc, ['delete', '--force', id]);
  }
}

function daemonConfig({ root, address, runc }: Record<'root' | 'address' | 'runc', string>): string {
  return `root = ${JSON.stringify(root)}
[grpc]
address = [${JSON.stringify(address)}]
[otel]
socketPath = ${JSON.stringify(join(root, 'otel.sock'))}
[worker.oci]
enabled = true
networkMode = "host"
binary = ${JSON.stringify(runc)}
[worker.containerd]
enabled = false
`;
}
