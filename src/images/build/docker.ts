import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import {
  CommandNotFoundError,
  type CommandOptions,
  type CommandResult,
  readCommand,
  runCommand,
} from '../../core/exec.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';
import { dockerConfigFolder, readDockerConfig, withoutInputs } from '../registry/access/login.ts';

const NO_DOCKER =
  'No docker client was found on this machine. An image that is already built can be pushed without one: see oci-layout.';

const LOGIN_RETRY: RetryPolicy = { attempts: 4, baseMs: 1000 };
const CLEAN_UP_MS = 2500;
/** Failures of a registry or of the network that can be retried. */
const TRANSIENT =
  /: (?:429|5\d\d)\b|too ?many ?requests|connection (?:reset|refused)|\bEOF\b|i\/o timeout|TLS handshake timeout|service unavailable/i;

interface RegistryLogin {
  /** The registry's host. */
  registry: string;
  username: string;
  password: string;
}

/** Runs the docker client with a separate configuration. */
export class DockerClient {
  readonly #env: NodeJS.ProcessEnv;
  readonly #context: Pick<Context, 'clock' | 'signal' | 'log'>;

  /**
   * @param folder for the configuration; removed by the caller.
   * @param registry the host for `login`; undefined if there is no login.
   */
  constructor(
    folder: string,
    registry: string | undefined,
    env: NodeJS.ProcessEnv,
    context: Pick<Context, 'clock' | 'signal' | 'log'>,
  ) {
    this.#env = { ...dockerEnvironment(env), DOCKER_CONFIG: createDockerConfig(folder, registry, env) };
    this.#context = context;
  }

  /**
   * Runs `docker` with these arguments. `options.env` is added to its environment. A cancelled job interrupts docker and
   * its plugins.
   *
   * @returns the result, whatever the exit code.
   * @throws PlatformError `docker-unavailable` without a docker client; the signal's reason if it is aborted.
   */
  run(args: readonly string[], options: Partial<CommandOptions> = {}): Promise<CommandResult> {
    return this.#run(args, options, this.#context.signal);
  }

  /** Runs a short command without input, such as `docker version`: see run. A cancelled job does not wait for it. */
  async read(args: readonly string[]): Promise<CommandResult> {
    return readCommand('docker', args, { env: this.#env }, this.#context).catch(explainMissingDocker);
  }

  async #run(
    args: readonly string[],
    options: Partial<CommandOptions>,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    const env = { ...this.#env, ...options.env };
    return runCommand('docker', args, { ...options, env }, { signal }).catch(explainMissingDocker);
  }

  /** Runs a command that cleans up, even if the job was cancelled. Its failure is only logged. */
  async cleanUp(args: readonly string[]): Promise<void> {
    try {
      await this.#run(args, {}, AbortSignal.timeout(CLEAN_UP_MS));
    } catch (error) {
      this.#context.log.debug(`docker ${args.join(' ')}: ${String(error)}`);
    }
  }

  /** Logs in, for base images and pushes. The password is passed on standard input. */
  async login({ registry, username, password }: RegistryLogin): Promise<void> {
    const args = ['login', '--username', username, '--password-stdin', registry];
    const retry = {
      ...LOGIN_RETRY,
      isTransient: (error: unknown) => error instanceof LoginError && error.transient,
    };
    await withRetry(this.#context, retry, async () => {
      const { exitCode, stderr } = await this.run(args, { input: password });
      if (exitCode !== 0) throw new LoginError(registry, stderr);
    });
  }
}

function explainMissingDocker(error: unknown): never {
  if (!(error instanceof CommandNotFoundError)) throw error;
  throw new PlatformError('docker-unavailable', NO_DOCKER, { cause: error });
}

class LoginError extends PlatformError {
  /** Whether another attempt may succeed. */
  readonly transient: boolean;

  constructor(registry: string, stderr: string) {
    super('registry-rejected', `docker login to ${registry} failed: ${lastLine(stderr)}`);
    this.transient = isTransient(stderr);
  }
}

/** Whether a retry may succeed. */
export function isTransient(stderr: string): boolean {
  return TRANSIENT.test(stderr);
}

/** The last line of a program's output, which usually contains the reason for a failure. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

function dockerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...withoutInputs(env), DOCKER_BUILDKIT: '1', DOCKER_CLI_HINTS: 'false' };
}

/** Folders of the user's configuration (plugins, contexts, builders) that are linked, not copied. */
const SHARED_FOLDERS = ['cli-plugins', 'contexts', 'buildx'];

/**
 * Creates a configuration for docker below `folder`, so that the login is not visible to other processes and is removed
 * with the folder. It includes the user's own settings: other logins, proxies, plugins and builders.
 *
 * @param registry the host of the login, if any. Its password is stored in this configuration, never in the user's
 * keychain.
 * @returns the folder for DOCKER_CONFIG.
 */
export function createDockerConfig(
  folder: string,
  registry: string | undefined,
  env: NodeJS.ProcessEnv,
): string {
  const own = join(folder, 'docker-config');
  const users = dockerConfigFolder(env);
  const config = readDockerConfig(env);
  mkdirSync(own, { mode: 0o700, recursive: true });
  const credHelpers = { ...config.credHelpers, ...(registry !== undefined && { [registry]: '' }) };
  writeFileSync(join(own, 'config.json'), JSON.stringify({ ...config, credHelpers }), { mode: 0o600 });
  for (const name of SHARED_FOLDERS) {
    if (existsSync(join(users, name))) symlinkSync(join(users, name), join(own, name), 'junction');
  }
  return own;
}
