import type { Context } from '../runtime/context.ts';
import { createDockerConfig } from './config-folder.ts';
import { runDocker } from './process.ts';
import type { RunOptions, RunResult } from './process.ts';

const LOGIN_ATTEMPTS = 4;
const FIRST_WAIT_MS = 500;
const TIDY_MS = 2500;
/** What a registry or the way to it may say for a moment. */
const TRANSIENT =
  /\b(?:429|5\d\d)\b|too ?many ?requests|connection (?:reset|refused)|\bEOF\b|i\/o timeout|TLS handshake timeout|service unavailable/i;

export interface RegistryLogin {
  /** The registry's host. */
  registry: string;
  username: string;
  password: string;
}

/** The docker client with a configuration of its own. */
export class DockerClient {
  readonly #env: NodeJS.ProcessEnv;
  readonly #context: Pick<Context, 'clock' | 'signal' | 'log'>;

  /** @param folder where the configuration goes; whoever made the folder removes it. */
  constructor(
    folder: string,
    registry: string,
    env: NodeJS.ProcessEnv,
    context: Pick<Context, 'clock' | 'signal' | 'log'>,
  ) {
    this.#env = { ...dockerEnvironment(env), DOCKER_CONFIG: createDockerConfig(folder, registry, env) };
    this.#context = context;
  }

  /** Runs `docker` with these arguments. `options.env` adds to its environment. */
  run(args: readonly string[], options: Partial<RunOptions> = {}): Promise<RunResult> {
    return runDocker(args, { ...options, env: { ...this.#env, ...options.env } }, this.#context);
  }

  /** Runs what tidies up, also when the job is cancelled; whether it succeeds does not matter to the job. */
  async tidy(args: readonly string[]): Promise<void> {
    const signal = AbortSignal.timeout(TIDY_MS);
    try {
      await runDocker(args, { env: this.#env }, { signal });
    } catch (error) {
      this.#context.log.debug(`docker ${args.join(' ')}: ${String(error)}`);
    }
  }

  /** Logs in, for base images and pushes. The password goes by standard input. */
  async login({ registry, username, password }: RegistryLogin): Promise<void> {
    const args = ['login', '--username', username, '--password-stdin', registry];
    const { clock, signal } = this.#context;
    for (let attempt = 1; ; attempt++) {
      const { exitCode, stderr } = await this.run(args, { input: password });
      if (exitCode === 0) return;
      if (attempt === LOGIN_ATTEMPTS || !isTransient(stderr)) {
        throw new Error(`docker cannot log in to ${registry}: ${stderr.trim().split('\n').at(-1) ?? ''}`);
      }
      await clock.sleep(FIRST_WAIT_MS * 2 ** attempt * Math.random(), signal);
    }
  }
}

/** Whether the same command may well succeed a moment later. */
export function isTransient(stderr: string): boolean {
  return TRANSIENT.test(stderr);
}

/** Docker needs no inputs of the action, and some of them are secrets. */
function dockerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('INPUT_'));
  return { ...Object.fromEntries(kept), DOCKER_BUILDKIT: '1', DOCKER_CLI_HINTS: 'false' };
}
