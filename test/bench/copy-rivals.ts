import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Dockerd } from '../support/dockerd.ts';
import { has } from '../support/programs.ts';
import type { RegistrySession } from '../support/registry.ts';
import type { CopyStage } from './copy-stage.ts';

const run = promisify(execFile);
const TAG = 'v1';

/** The programs for the comparison that this machine lacks. */
export function missingRivals(): string[] {
  return ['skopeo', 'dockerd'].filter((program) => !has(program));
}

/** `skopeo copy --all`: every platform and attestation. In milliseconds. */
export async function copyWithSkopeo(stage: CopyStage, target: RegistrySession): Promise<number> {
  const from = ['--src-tls-verify=false', '--src-creds', credentialsOf(stage.source)];
  const to = ['--dest-tls-verify=false', '--dest-creds', credentialsOf(target)];
  const images = [`docker://${stage.source.uri}@${stage.digest}`, `docker://${target.uri}:${TAG}`];
  const started = performance.now();
  await run('skopeo', ['copy', '--quiet', '--all', ...from, ...to, ...images]);
  const took = performance.now() - started;
  if ((await stage.digestOf(target, TAG)) !== stage.digest) throw new Error('skopeo copied another image');
  return took;
}

/**
 * `docker pull`, `docker tag`, `docker push`, with one of Debian's daemons that has no images yet. It copies only the
 * machine's platform, without the others and the attestations, so the digest differs.
 */
export class DockerRival {
  readonly #dockerd: Dockerd;
  /** One for each account: both have the same host here, and docker stores one password per host. */
  readonly #logins: string;

  private constructor(dockerd: Dockerd) {
    this.#dockerd = dockerd;
    this.#logins = mkdtempSync(join(tmpdir(), 'bench-docker-'));
  }

  static async start(): Promise<DockerRival> {
    return new DockerRival(await Dockerd.start());
  }

  /** Milliseconds, without the logins. */
  async copy(stage: CopyStage, target: RegistrySession): Promise<number> {
    const dockerd = this.#dockerd;
    const [from, to] = [`${stage.source.uri}@${stage.digest}`, `${target.uri}:${TAG}`];
    const [source, pushed] = [await this.#login(stage.source), await this.#login(target)];
    const started = performance.now();
    await dockerd.docker(...source, 'pull', '--quiet', from);
    await dockerd.docker('tag', from, to);
    await dockerd.docker(...pushed, 'push', '--quiet', to);
    const took = performance.now() - started;
    await dockerd.docker('image', 'rm', '--force', from, to);
    return took;
  }

  async stop(): Promise<void> {
    await this.#dockerd.stop();
    rmSync(this.#logins, { recursive: true, force: true });
  }

  /** Logs in to a repository's account. Returns docker's option for that login. */
  async #login(session: RegistrySession): Promise<string[]> {
    const [host = '', account = ''] = session.uri.split('/');
    const config = ['--config', join(this.#logins, account)];
    const password = credentialsOf(session).replace(/^AWS:/, '');
    await this.#dockerd.docker(...config, 'login', '--username', 'AWS', '--password', password, host);
    return config;
  }
}

/** `AWS:<password>` */
function credentialsOf({ authorization }: RegistrySession): string {
  return Buffer.from(authorization.replace('Basic ', ''), 'base64').toString('utf8');
}
