import { Dockerd, runDocker } from '../dockerd.ts';
import { buildxName, createConfigWithBuildx } from './docker-config.ts';
import type { Engine } from './engine.ts';

/** The BuildKit of a Docker daemon, used with buildx (the driver `docker`) or without. Needs root. */
export class DaemonEngine implements Engine {
  readonly driver: 'docker' | 'docker without buildx';
  readonly env: Record<string, string>;
  readonly #dockerd: Dockerd;

  private constructor(driver: DaemonEngine['driver'], dockerd: Dockerd) {
    this.driver = driver;
    this.#dockerd = dockerd;
    const buildx = driver === 'docker' && { DOCKER_CONFIG: createConfigWithBuildx(dockerd.folder) };
    this.env = { ...dockerd.env, ...buildx };
  }

  static async start(driver: DaemonEngine['driver']): Promise<DaemonEngine> {
    return new DaemonEngine(driver, await Dockerd.start());
  }

  docker(...args: string[]): Promise<string> {
    return runDocker(this.env, args);
  }

  async version(): Promise<string> {
    const server = await this.docker(
      'version',
      '--format',
      'docker {{.Client.Version}}, dockerd {{.Server.Version}}',
    );
    return this.driver === 'docker' ? `${server}, ${buildxName()}` : server;
  }

  async renew(): Promise<void> {
    await this.docker('builder', 'prune', '--all', '--force');
    await this.docker('image', 'prune', '--all', '--force');
  }

  kill(): Promise<void> {
    return this.#dockerd.kill();
  }

  stop(): Promise<void> {
    return this.#dockerd.stop();
  }
}
