import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';

/** How long a process that was asked to stop may take before it is killed. */
const STOP_MS = 3000;
const KEPT_LINES = 400;

interface RunOptions {
  env: NodeJS.ProcessEnv;
  /** For standard input, which is closed afterwards. */
  input?: string;
  /** Takes each line of standard error as it comes. */
  onLine?: (line: string) => void;
  /** Takes standard output; it is then not in the result. */
  readOutput?: (stdout: Readable) => Promise<void>;
}

export interface RunResult {
  exitCode: number | null;
  stdout: string;
  /** The last lines. */
  stderr: string;
}

const NO_DOCKER =
  'There is no docker client on this machine. A ready image can be pushed without one: see oci-layout.';

/**
 * Runs docker. A cancelled job interrupts it and whatever it has started, and kills it when that is not enough.
 *
 * @returns also for an exit code other than 0.
 * @throws PlatformError `docker-unavailable` without a docker client; the signal's reason when it is aborted, after the process has ended.
 */
export async function runDocker(
  args: readonly string[],
  options: RunOptions,
  { signal }: Pick<Context, 'signal'>,
): Promise<RunResult> {
  signal.throwIfAborted();
  // A group of its own, so that a plugin hears of the interruption too.
  const child = spawn('docker', args, { env: options.env, detached: true });
  const stop = stopper(child);
  signal.addEventListener('abort', stop.now, { once: true });
  try {
    child.stdin.on('error', () => undefined).end(options.input ?? '');
    const lines: string[] = [];
    readLines(child, (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      options.onLine?.(line);
    });
    let stdout = '';
    const readOutput = options.readOutput ?? (async (stream) => void (stdout = await text(stream)));
    const [exit, output] = await Promise.allSettled([exited(child), readOutput(child.stdout)]);
    signal.throwIfAborted();
    if (exit.status === 'rejected') throw exit.reason;
    // Whoever reads half of an output fails too; the exit code tells more.
    if (exit.value === 0 && output.status === 'rejected') throw output.reason;
    return { exitCode: exit.value, stdout, stderr: lines.join('\n') };
  } finally {
    signal.removeEventListener('abort', stop.now);
    stop.done();
  }
}

function stopper(child: ChildProcess): { now: () => void; done: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    now: () => {
      signalGroup(child, 'SIGINT');
      timer = setTimeout(() => {
        signalGroup(child, 'SIGKILL');
      }, STOP_MS);
    },
    done: () => {
      clearTimeout(timer);
    },
  };
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-child.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function exited(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new PlatformError('docker-unavailable', NO_DOCKER, { cause: error })
          : error,
      );
    });
    child.on('close', resolve);
  });
}

function readLines(child: ChildProcess, take: (line: string) => void): void {
  let rest = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  child.stderr?.on('end', () => {
    if (rest !== '') take(rest);
  });
}

const LOGIN_RETRY: RetryPolicy = { attempts: 4, baseMs: 1000 };
const CLEAN_UP_MS = 2500;
/** Answers of a registry, and failures of the network, that may pass. */
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

  /** Runs a command that cleans up, also when the job was cancelled. Its failure is only logged. */
  async cleanUp(args: readonly string[]): Promise<void> {
    const signal = AbortSignal.timeout(CLEAN_UP_MS);
    try {
      await runDocker(args, { env: this.#env }, { signal });
    } catch (error) {
      this.#context.log.debug(`docker ${args.join(' ')}: ${String(error)}`);
    }
  }

  /** Logs in, for base images and pushes. The password goes by standard input. */
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

class LoginError extends PlatformError {
  /** Whether another attempt may succeed. */
  readonly transient: boolean;

  constructor(registry: string, stderr: string) {
    super('registry-rejected', `docker cannot log in to ${registry}: ${lastLine(stderr)}`);
    this.transient = isTransient(stderr);
  }
}

/** Whether the same command may succeed a moment later. */
export function isTransient(stderr: string): boolean {
  return TRANSIENT.test(stderr);
}

/** The last line of what a program wrote, which mostly tells why it failed. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

/** Docker needs no inputs of the action, and some of them are secrets. */
function dockerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('INPUT_'));
  return { ...Object.fromEntries(kept), DOCKER_BUILDKIT: '1', DOCKER_CLI_HINTS: 'false' };
}

/** What the docker client keeps in folders: plugins, contexts, builders. They stay where they are. */
const SHARED_FOLDERS = ['cli-plugins', 'contexts', 'buildx'];

interface DockerConfig {
  credHelpers?: Record<string, string>;
  [key: string]: unknown;
}

/**
 * Makes a configuration for docker below `folder`, so that a login of ours is never seen by others and is gone
 * with the folder. What the user has (other logins, proxies, plugins, builders) holds in it too.
 *
 * @param registry the host that we log in to: its password goes to our file, never to the user's keychain.
 * @returns the folder, for DOCKER_CONFIG.
 */
export function createDockerConfig(folder: string, registry: string, env: NodeJS.ProcessEnv): string {
  const own = join(folder, 'docker-config');
  const users = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');
  const config = readConfig(join(users, 'config.json'));
  mkdirSync(own, { mode: 0o700, recursive: true });
  const credHelpers = { ...config.credHelpers, [registry]: '' };
  writeFileSync(join(own, 'config.json'), JSON.stringify({ ...config, credHelpers }), { mode: 0o600 });
  for (const name of SHARED_FOLDERS) {
    if (existsSync(join(users, name))) symlinkSync(join(users, name), join(own, name), 'junction');
  }
  return own;
}

function readConfig(file: string): DockerConfig {
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8'))) as DockerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    const message = `Docker's configuration ${file} cannot be read: ${(error as Error).message}`;
    throw new PlatformError('docker-unavailable', message, { cause: error });
  }
}
