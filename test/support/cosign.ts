import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RepositorySession } from './registry.ts';
import { tools } from './tools/tools.ts';

const execute = promisify(execFile);
/** Without a transparency log, which is a service on the internet. */
const OFFLINE = ['--use-signing-config=false', '--tlog-upload=false', '--yes'];
const LIMIT_MS = 120_000;

/**
 * The storage of a signature: in a layer under a tag, as in earlier versions of cosign, or in a bundle that refers to
 * the image.
 */
export type SignatureFormat = 'tag' | 'bundle';

/** A key pair of cosign that signs and verifies without the internet. */
export class CosignKey {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async generate(): Promise<CosignKey> {
    const key = new CosignKey(mkdtempSync(join(tmpdir(), 'cosign-')));
    await key.#run(['generate-key-pair']);
    return key;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** Signs an image; with `recursive` also all images of an index. */
  async sign(
    repository: RepositorySession,
    digest: string,
    { format, recursive = false }: { format: SignatureFormat; recursive?: boolean },
  ): Promise<void> {
    const options = [...this.#private, ...OFFLINE, ...formatOf(format), `--recursive=${String(recursive)}`];
    await this.#run(['sign', ...options, `${repository.uri}@${digest}`], repository);
  }

  async attest(repository: RepositorySession, digest: string, format: SignatureFormat): Promise<void> {
    const predicate = join(this.#folder, 'predicate.json');
    writeFileSync(predicate, JSON.stringify({ checked: this.#folder }));
    const options = [...this.#private, ...OFFLINE, ...formatOf(format), '--predicate', predicate];
    await this.#run(['attest', ...options, '--type', 'custom', `${repository.uri}@${digest}`], repository);
  }

  /** Whether the image has a signature with this key. Other errors of cosign are thrown. */
  async verifies(repository: RepositorySession, digest: string, format: SignatureFormat): Promise<boolean> {
    return await this.#verifies(['verify'], repository, digest, format);
  }

  async verifiesAttestation(
    repository: RepositorySession,
    digest: string,
    format: SignatureFormat,
  ): Promise<boolean> {
    return await this.#verifies(['verify-attestation', '--type', 'custom'], repository, digest, format);
  }

  async #verifies(
    command: string[],
    repository: RepositorySession,
    digest: string,
    format: SignatureFormat,
  ): Promise<boolean> {
    const key = ['--key', join(this.#folder, 'cosign.pub'), '--insecure-ignore-tlog=true'];
    try {
      await this.#run([...command, ...key, ...formatOf(format), `${repository.uri}@${digest}`], repository);
      return true;
    } catch (error) {
      if (
        /no (?:matching )?(?:signatures|attestations)|invalid signature|failed to verify/i.test(String(error))
      )
        return false;
      throw error;
    }
  }

  get #private(): string[] {
    return ['--key', join(this.#folder, 'cosign.key')];
  }

  async #run(args: string[], repository?: RepositorySession): Promise<void> {
    const host = repository?.uri.split('/')[0] ?? '';
    const auth = repository?.authorization.replace(/^Basic /, '') ?? '';
    const auths = auth === '' ? {} : { [host]: { auth } };
    writeFileSync(join(this.#folder, 'config.json'), JSON.stringify({ auths }));
    const env = {
      PATH: process.env['PATH'],
      HOME: this.#folder,
      DOCKER_CONFIG: this.#folder,
      COSIGN_PASSWORD: '',
    };
    await execute(tools.cosign(), args, { cwd: this.#folder, env, timeout: LIMIT_MS });
  }
}

function formatOf(format: SignatureFormat): string[] {
  return [`--new-bundle-format=${String(format === 'bundle')}`];
}
