import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { cacheToken } from './cache-token.ts';
import { EnvironmentError, integer, oneOf, readEnvironment, text } from './environment.ts';
import type { Environment } from './environment.ts';

export interface CacheConfig {
  host: string;
  port: number;
  /** The server is part of a cluster, or a proxy that looks like one, such as ElastiCache Serverless. */
  isCluster: boolean;
  tls: ConnectionOptions | false;
  /** Called for every connection, because IAM tokens are valid for fifteen minutes. Undefined if no login is needed. */
  login: (() => Promise<CacheLogin>) | undefined;
  /** The timeout of one command. */
  timeoutMs: number;
  /** How long a value is kept. */
  ttlMs: number;
  /** How long the circuit stays open before the next attempt. */
  openMs: number;
}

export interface CacheLogin {
  username: string;
  password: string;
}

const settings = {
  CACHE_PORT: integer(1, 65_535)(6379),
  CACHE_CLUSTER: oneOf('true', 'false')('false'),
  CACHE_TLS: oneOf('verify-full', 'disable')('verify-full'),
  CACHE_CA_FILE: text(undefined),
  CACHE_AUTH: oneOf('none', 'password', 'iam')(undefined),
  CACHE_USER: text('default'),
  CACHE_PASSWORD: text(undefined),
  CACHE_TIMEOUT_MS: integer(10, 10_000)(100),
  CACHE_TTL_SECONDS: integer(1, 86_400)(30),
  CIRCUIT_OPEN_MS: integer(10, 600_000)(5_000),
};

/**
 * The address and login of the cache; undefined without CACHE_HOST. The login is CACHE_AUTH=iam with CACHE_USER,
 * CACHE_NAME and AWS_REGION, or CACHE_PASSWORD with CACHE_USER, or none. TLS is fully verified unless disabled.
 *
 * @throws EnvironmentError with the variable's name, but never with a password.
 */
export async function readCacheConfig(env: Environment): Promise<CacheConfig | undefined> {
  const { CACHE_HOST } = readEnvironment({ CACHE_HOST: text(undefined) }, env);
  if (CACHE_HOST === undefined) return undefined;
  const values = readEnvironment(settings, env);
  return {
    host: CACHE_HOST,
    port: values.CACHE_PORT,
    isCluster: values.CACHE_CLUSTER === 'true',
    tls: values.CACHE_TLS === 'disable' ? false : await verifiedTls(values.CACHE_CA_FILE),
    login: readLogin(values, env),
    timeoutMs: values.CACHE_TIMEOUT_MS,
    ttlMs: values.CACHE_TTL_SECONDS * 1_000,
    openMs: values.CIRCUIT_OPEN_MS,
  };
}

function readLogin(
  values: {
    CACHE_AUTH: 'none' | 'password' | 'iam' | undefined;
    CACHE_TLS: string;
    CACHE_USER: string;
    CACHE_PASSWORD: string | undefined;
  },
  env: Environment,
): CacheConfig['login'] {
  const { CACHE_USER: username, CACHE_PASSWORD: password, CACHE_TLS } = values;
  const auth = values.CACHE_AUTH ?? (password === undefined ? 'none' : 'password');
  if (auth === 'none') return undefined;
  if (auth === 'password') {
    if (password === undefined)
      throw new EnvironmentError('CACHE_PASSWORD: is required if CACHE_AUTH is password');
    return () => Promise.resolve({ username, password });
  }
  // Without TLS, the token could be read on the network, and ElastiCache refuses it.
  if (CACHE_TLS === 'disable')
    throw new EnvironmentError('CACHE_TLS: expected verify-full when CACHE_AUTH is iam, got "disable"');
  const iam = readEnvironment({ CACHE_USER: text(), CACHE_NAME: text(), AWS_REGION: text() }, env);
  const token = cacheToken({ user: iam.CACHE_USER, cache: iam.CACHE_NAME, region: iam.AWS_REGION });
  return async () => ({ username: iam.CACHE_USER, password: await token() });
}

/** Trusts CACHE_CA_FILE, or by default the system's roots, which include Amazon's. */
async function verifiedTls(caFile: string | undefined): Promise<ConnectionOptions> {
  if (caFile === undefined) return { rejectUnauthorized: true };
  try {
    return { rejectUnauthorized: true, ca: await readFile(caFile, 'utf8') };
  } catch (error) {
    throw new EnvironmentError(`CACHE_CA_FILE: cannot read "${caFile}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}
