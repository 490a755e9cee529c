import { describe, expect, test } from '@jest/globals';
import { readDatabaseConfig } from '../src/database-config.ts';

const place = { DB_HOST: 'db.example.org', DB_NAME: 'shop' };

test('DATABASE_URL is enough', async () => {
  const config = await readDatabaseConfig({ DATABASE_URL: 'postgresql://ann:p%40ss@db:5433/shop' });
  expect(config).toEqual({
    host: 'db',
    port: 5433,
    database: 'shop',
    user: 'ann',
    password: 'p@ss',
    ssl: false,
    poolSize: 10,
    connectTimeoutMs: 5000,
    statementTimeoutMs: 5000,
  });
});

test('the secret is the JSON that ECS injects, and TLS is verified', async () => {
  const DB_SECRET = JSON.stringify({ username: 'dbadmin', password: 'x"y' });
  expect(await readDatabaseConfig({ ...place, DB_SECRET })).toMatchObject({
    host: 'db.example.org',
    port: 5432,
    user: 'dbadmin',
    password: 'x"y',
    ssl: { rejectUnauthorized: true },
  });
});

test('for an RDS host only Amazon’s roots are trusted', async () => {
  const DB_HOST = 'shop.cluster-abc.eu-central-1.rds.amazonaws.com';
  const { ssl } = await readDatabaseConfig({ ...place, DB_HOST, DB_USER: 'a', DB_PASSWORD: 'b' });
  expect(ssl).toMatchObject({ rejectUnauthorized: true });
  expect((ssl as { ca: string[] }).ca.length).toBeGreaterThan(50);
});

test('with IAM the password is a signed token, created for each connection', async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIAEXAMPLE';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'example';
  const iam = { DB_AUTH: 'iam', DB_USER: 'user-service', AWS_REGION: 'eu-central-1' };
  const { password, user } = await readDatabaseConfig({ ...place, ...iam });
  expect(user).toBe('user-service');
  const token = await (password as () => Promise<string>)();
  expect(token).toMatch(
    /^db\.example\.org:5432\/\?.*Action=connect&DBUser=user-service.*X-Amz-Signature=[0-9a-f]{64}/,
  );
});

test('with IAM the region comes from the host name unless AWS_REGION is set', async () => {
  const DB_HOST = 'shop.cluster-abc.eu-west-1.rds.amazonaws.com';
  const { password } = await readDatabaseConfig({
    ...place,
    DB_HOST,
    DB_AUTH: 'iam',
    DB_USER: 'user-service',
  });
  expect(await (password as () => Promise<string>)()).toContain('%2Feu-west-1%2Frds-db%2F');
});

test('DATABASE_URL can enable TLS, and DB_SSLMODE takes precedence', async () => {
  const url = 'postgresql://a:b@db/shop';
  expect((await readDatabaseConfig({ DATABASE_URL: `${url}?sslmode=verify-full` })).ssl).not.toBe(false);
  expect((await readDatabaseConfig({ DATABASE_URL: url, DB_SSLMODE: 'verify-full' })).ssl).not.toBe(false);
  const parts = { ...place, DB_USER: 'a', DB_PASSWORD: 'b', DB_SSLMODE: 'disable' };
  expect((await readDatabaseConfig(parts)).ssl).toBe(false);
});

describe('errors name the variable, but contain no password', () => {
  test.each([
    [{}, 'DB_HOST: is not set\nDB_NAME: is not set'],
    [place, 'DB_SECRET: is not set. Set it, or DB_USER and DB_PASSWORD, or DB_AUTH=iam and DB_USER'],
    [{ ...place, DB_SECRET: 'hunter2' }, 'DB_SECRET: expected JSON with "username" and "password"'],
    [{ ...place, DB_SECRET: '{"username":"a"}' }, 'DB_SECRET: expected JSON with "username" and "password"'],
    [{ ...place, DB_AUTH: 'iam' }, 'DB_USER: is not set\nAWS_REGION: is not set'],
    [{ ...place, DB_AUTH: 'kerberos' }, 'DB_AUTH: expected one of password, iam, got "kerberos"'],
    [
      { DATABASE_URL: 'mysql://a:hunter2@db/x' },
      'DATABASE_URL: expected postgresql://user:password@host:port/database',
    ],
    [
      { DATABASE_URL: 'postgresql://a:hunter2@db/x?sslmode=prefer' },
      'DATABASE_URL: expected sslmode disable or verify-full, got "prefer"',
    ],
    [
      { ...place, DB_USER: 'a', DB_PASSWORD: 'hunter2', DB_CA_FILE: '/nowhere.pem' },
      'DB_CA_FILE: cannot read "/nowhere.pem"',
    ],
    [{ ...place, DB_POOL_SIZE: '0' }, 'DB_POOL_SIZE: expected a whole number from 1 to 100, got "0"'],
  ])('%j', async (env: Record<string, string>, message) => {
    const failure = (await readDatabaseConfig(env).catch((error: unknown) => error)) as Error;
    expect(failure.name).toBe('EnvironmentError');
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain('hunter2');
  });
});
