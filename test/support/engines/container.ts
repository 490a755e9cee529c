import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { addFile, addProgram, importFolder } from '../base-images.ts';
import { Dockerd, runDocker } from '../dockerd.ts';
import { tools } from '../tools/tools.ts';
import { buildkitConfig } from './buildkit-config.ts';
import { buildxName, createConfigWithBuildx } from './docker-config.ts';
import type { Engine, EngineOptions } from './engine.ts';

/** Nothing listens on port 1: buildx fails to pull the image, and then uses the daemon's. */
const IMAGE = '127.0.0.1:1/buildkit';
const BUILDER = 'in-container';
/** The bit of CAP_SYS_RESOURCE in a process's sets of capabilities: capabilities(7). */
const SYS_RESOURCE = 1n << 24n;

/** BuildKit in a container, as created by docker/setup-buildx-action: the driver `docker-container`. Needs root. */
export class ContainerEngine implements Engine {
  readonly driver = 'docker-container';
  readonly env: Record<string, string>;
  readonly #dockerd: Dockerd;
  readonly #folder: string;

  private constructor(dockerd: Dockerd, folder: string, options: EngineOptions) {
    this.#dockerd = dockerd;
    this.#folder = folder;
    writeFileSync(join(folder, 'buildkitd.toml'), buildkitConfig(options));
    this.env = { ...dockerd.env, DOCKER_CONFIG: createConfigWithBuildx(folder) };
  }

  static async start(options: EngineOptions): Promise<ContainerEngine> {
    const folder = mkdtempSync(join(tmpdir(), 'buildkit-container-'));
    const runtime = mayGiveAllCapabilities() ? {} : { runtime: writeRuntime(folder) };
    const engine = new ContainerEngine(await Dockerd.start(runtime), folder, options);
    try {
      await importBuildKit(engine.#dockerd);
      await engine.#create();
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
    const format = 'docker {{.Client.Version}}, dockerd {{.Server.Version}}';
    const docker = await this.docker('version', '--format', format);
    return `${docker}, ${basename(tools.buildkitd())}, ${buildxName()}`;
  }

  async renew(): Promise<void> {
    await this.docker('buildx', 'rm', BUILDER);
    await this.#create();
  }

  async kill(): Promise<void> {
    await this.docker('kill', `buildx_buildkit_${BUILDER}0`);
  }

  async stop(): Promise<void> {
    // A daemon gives its containers ten seconds to stop. Nothing of this one has to be kept.
    await this.docker('rm', '--force', '--volumes', `buildx_buildkit_${BUILDER}0`).catch(() => undefined);
    await this.#dockerd.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #create(): Promise<void> {
    const driver = ['--driver', 'docker-container', '--driver-opt', `image=${IMAGE},network=host`];
    const config = ['--buildkitd-config', join(this.#folder, 'buildkitd.toml')];
    await this.docker('buildx', 'create', '--name', BUILDER, ...driver, ...config, '--use', '--bootstrap');
  }
}

/** Whether this process has all capabilities that a privileged container needs. */
function mayGiveAllCapabilities(): boolean {
  const [, bounding = '0'] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (BigInt(`0x${bounding}`) & SYS_RESOURCE) !== 0n;
}

/** A runtime that starts containers without CAP_SYS_RESOURCE, which BuildKit does not need. */
function writeRuntime(folder: string): string {
  const file = join(folder, 'runc-without-sys-resource');
  const script = `#!/bin/sh
previous=
for argument; do
  case $previous in
    --bundle) file=$argument/config.json ;;
    --process) file=$argument ;;
    *) file= ;;
  esac
  [ -z "$file" ] || sed --in-place 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file"
  previous=$argument
done
exec runc "$@"
`;
  writeFileSync(file, script, { mode: 0o755 });
  return file;
}

/**
 * Creates an image like moby/buildkit from this machine's files.
 *
 * @see https://github.com/moby/buildkit/blob/v0.34.2/Dockerfile (the stage buildkit-buildkitd)
 */
async function importBuildKit(dockerd: Dockerd): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-image-'));
  try {
    const root = join(folder, 'root');
    addFile(root, tools.buildkitd(), '/usr/bin/buildkitd');
    addFile(root, tools.buildctl(), '/usr/bin/buildctl');
    addProgram(root, '/usr/sbin/runc');
    addProgram(root, '/usr/bin/busybox');
    mkdirSync(join(root, 'bin'), { recursive: true });
    symlinkSync('/usr/bin/busybox', join(root, 'bin', 'sh'));
    for (const name of ['etc', 'tmp']) mkdirSync(join(root, name), { recursive: true });
    await importFolder(dockerd, root, IMAGE, [
      'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'VOLUME /var/lib/buildkit',
      'ENTRYPOINT ["buildkitd"]',
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
