import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/** A Docker client with BuildKit: with buildx, or old enough to have it built in. */
const client = ['docker', '/usr/bin/docker'].find((program) => {
  if (spawnSync(program, ['buildx', 'version']).status === 0) return true;
  const { stdout } = spawnSync(program, ['version', '--format', '{{.Client.Version}}'], { encoding: 'utf8' });
  return Number.parseInt(stdout, 10) < 23;
});

/** Runs Docker until it exits. @throws Error with its output if it fails. */
export function docker(...parameters: string[]): Promise<string> {
  if (client === undefined) throw new Error('there is no Docker client with BuildKit: install docker.io');
  return run(client, parameters);
}

/** Runs a program until it exits. @returns its output. */
export async function run(
  program: string,
  parameters: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const child = spawn(program, parameters, {
    env: { ...process.env, DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  if (code !== 0)
    throw new Error(`${program} ${parameters.join(' ')} failed:\n${(stdout + stderr).slice(-4000)}`);
  return stdout.trim();
}

const START_TIMEOUT_MS = 60_000;

/** A daemon for the tests, with its own images and only the host's network and the created ones. */
export class DockerDaemon {
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(process: ChildProcess, folder: string) {
    this.#process = process;
    this.#folder = folder;
  }

  /** Starts it and sets DOCKER_HOST; undefined if a daemon is already running. */
  static async start(): Promise<DockerDaemon | undefined> {
    if (await isUp()) return undefined;
    const folder = await mkdtemp(join(tmpdir(), 'services-docker-'));
    const address = `unix://${folder}/docker.sock`;
    const places = [
      '--data-root',
      `${folder}/data`,
      '--exec-root',
      `${folder}/exec`,
      '--pidfile',
      `${folder}/pid`,
    ];
    // Nothing uses its bridge, but --bridge=none would remove docker0, which another daemon may be using.
    const network = ['--iptables=false', '--ip6tables=false', '--ip-masq=false', '--ip-forward=false'];
    const daemon = spawn('dockerd', [...places, '--host', address, ...network], { stdio: 'ignore' });
    process.env['DOCKER_HOST'] = address;
    const started = new DockerDaemon(daemon, folder);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await isUp())) {
      if (daemon.exitCode !== null || Date.now() > deadline) {
        daemon.kill('SIGKILL');
        throw new Error('dockerd did not start: is it installed, and are you root?');
      }
      await delay(200);
    }
    return started;
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
    // dockerd leaves the mounts of its network namespaces behind.
    const mounts = (await readFile('/proc/self/mounts', 'utf8'))
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    const own = mounts.filter((place) => place.startsWith(`${this.#folder}/`)).reverse();
    for (const place of own) await run('umount', [place]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const isUp = () =>
  docker('info').then(
    () => true,
    () => false,
  );
