import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../../core/context.ts';
import { PlatformError } from '../../../core/errors.ts';
import { runCommand } from '../../../core/exec.ts';
import { DOCKER_HUB } from '../reference.ts';

/** What the job is logged in to a registry with. */
export type RegistryLogin = { username: string; password: string } | { identityToken: string };

interface LoginContext extends Pick<Context, 'signal' | 'log'> {
  env: NodeJS.ProcessEnv;
}

/** Of a config.json. @see https://docs.docker.com/reference/cli/docker/login/ */
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

/** The name under which Docker keeps the login of Docker Hub. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

/** The environment for docker and its helpers, which need no inputs of the action: some are secrets. */
export function withoutInputs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('INPUT_')));
}

/** The folder of the job's own configuration of Docker. */
export function dockerConfigFolder(env: NodeJS.ProcessEnv): string {
  return env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');
}

/** The job's own configuration of Docker; empty when there is none. */
export function readDockerConfig(env: NodeJS.ProcessEnv): DockerConfig {
  const file = join(dockerConfigFolder(env), 'config.json');
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8'))) as DockerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    // The text of a JSON error quotes the file, which may hold passwords.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message;
    const message = `Docker's configuration ${file} cannot be read: ${reason}`;
    throw new PlatformError('docker-unavailable', message);
  }
}

/**
 * The job's login to a registry, found where the docker client finds it: in `DOCKER_AUTH_CONFIG`, by the registry's
 * credential helper, else in config.json. Undefined when the job has none.
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
 * Docker warns of a variable that it cannot read, and goes on without it. A workflow's secret that is not set is empty.
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

/** What a helper prints when it has no login for the registry. */
const NO_LOGIN = 'credentials not found in native keychain';
/** The user name with which a helper gives an identity token instead of a password. */
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
    throw new PlatformError('command-failed', `${program} has no login for ${key}: ${reason}`);
  }
  const { Username: username = '', Secret: secret = '' } = answerOf(program, stdout);
  return username === IDENTITY_TOKEN ? { identityToken: secret } : { username, password: secret };
}

function answerOf(program: string, stdout: string): { Username?: string; Secret?: string } {
  try {
    return Object(JSON.parse(stdout)) as { Username?: string; Secret?: string };
  } catch {
    throw new PlatformError('command-failed', `${program} gave an answer that is not JSON`);
  }
}
