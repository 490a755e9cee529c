import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../../core/context.ts';
import { PlatformError } from '../../../core/errors.ts';
import { runCommand } from '../../../core/exec.ts';
import { DOCKER_HUB } from '../reference.ts';

/** The job's credentials for a registry. */
export type RegistryLogin = { username: string; password: string } | { identityToken: string };

interface LoginContext extends Pick<Context, 'signal' | 'log'> {
  env: NodeJS.ProcessEnv;
}

/** The content of a config.json. @see https://docs.docker.com/reference/cli/docker/login/ */
interface DockerConfig {
  auths?: Record<string, StoredLogin> | null;
  credHelpers?: Record<string, string>;
  credsStore?: string;
  [key: string]: unknown;
}

interface StoredLogin {
  /** `username:password` in base64. */
  auth?: string;
  identitytoken?: string;
}

/** The key under which Docker stores the login to Docker Hub. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/** The environment for docker and its helpers, without the inputs of the action, because some of those are secrets. */
export function withoutInputs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('INPUT_')));
}

/** The folder of the job's Docker configuration. */
export function dockerConfigFolder(env: NodeJS.ProcessEnv): string {
  return env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');
}

/** The job's Docker configuration; empty if there is none. */
export function readDockerConfig(env: NodeJS.ProcessEnv): DockerConfig {
  const file = join(dockerConfigFolder(env), 'config.json');
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8'))) as DockerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    // The message of a JSON error quotes the file, which may contain passwords.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message;
    const message = `cannot read the Docker configuration ${file}: ${reason}`;
    throw new PlatformError('docker-unavailable', message);
  }
}

/**
 * The job's login to a registry, from the same places as in the docker client: `DOCKER_AUTH_CONFIG`, the registry's
 * credential helper, or config.json. Undefined if the job has none.
 *
 * @see https://github.com/docker/cli/blob/master/cli/config/configfile/file.go (GetCredentialsStore)
 */
export async function findLogin(registry: string, context: LoginContext): Promise<RegistryLogin | undefined> {
  const key = registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry;
  const given = loginIn(configInEnvironment(context), key);
  const config = readDockerConfig(context.env);
  const helper = config.credHelpers?.[key] ?? config.credsStore ?? '';
  const login = given ?? (helper === '' ? loginIn(config, key) : await loginFromHelper(helper, key, context));
  if (login) context.log.secret('identityToken' in login ? login.identityToken : login.password);
  return login;
}

/**
 * Docker warns of an invalid variable and continues without it. A secret of a workflow that is not set is empty.
 *
 * @see https://github.com/docker/cli/blob/master/cli/config/configfile/file.go (GetCredentialsStore)
 */
function configInEnvironment({ env, log }: LoginContext): DockerConfig {
  const text = env['DOCKER_AUTH_CONFIG'] ?? '';
  if (text === '') return {};
  try {
    return Object(JSON.parse(text)) as DockerConfig;
  } catch {
    log.warning('DOCKER_AUTH_CONFIG is not JSON, so the logins in it are not used.');
    return {};
  }
}

function loginIn({ auths }: DockerConfig, key: string): RegistryLogin | undefined {
  const found = auths?.[key] ?? Object.entries(auths ?? {}).find(([name]) => hostOf(name) === key)?.[1];
  if (!found) return undefined;
  const { auth = '', identitytoken = '' } = found;
  if (identitytoken !== '') return { identityToken: identitytoken };
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Older clients stored a URL. */
function hostOf(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

/** The output of a helper that has no login to the registry. */
const NO_LOGIN = 'credentials not found in native keychain';
/** The user name with which a helper returns an identity token instead of a password. */
const IDENTITY_TOKEN = '<token>';

/** @see https://github.com/docker/docker-credential-helpers#development */
async function loginFromHelper(
  helper: string,
  key: string,
  { env, signal }: LoginContext,
): Promise<RegistryLogin | undefined> {
  const program = `docker-credential-${helper}`;
  const { exitCode, stdout } = await runCommand(
    program,
    ['get'],
    { env: withoutInputs(env), input: key },
    { signal },
  );
  if (exitCode !== 0) {
    if (stdout.includes(NO_LOGIN)) return undefined;
    const reason = stdout.trim().split('\n')[0] ?? '';
    throw new PlatformError('command-failed', `${program} returned no login to ${key}: ${reason}`);
  }
  const { Username: username = '', Secret: secret = '' } = parseOutput(program, stdout);
  return username === IDENTITY_TOKEN ? { identityToken: secret } : { username, password: secret };
}

function parseOutput(program: string, stdout: string): { Username?: string; Secret?: string } {
  try {
    return Object(JSON.parse(stdout)) as { Username?: string; Secret?: string };
  } catch {
    throw new PlatformError('command-failed', `${program} returned output that is not JSON`);
  }
}
