import { describe, expect, test } from '@jest/globals';
import { createHash, createHmac } from 'node:crypto';
import { readCacheConfig } from '../src/cache-config.ts';

const place = { CACHE_HOST: 'cache.example.org' };
const iam = {
  ...place,
  CACHE_AUTH: 'iam',
  CACHE_USER: 'dev-platform-app',
  CACHE_NAME: 'Dev-Platform',
  AWS_REGION: 'eu-west-1',
};

test('without CACHE_HOST there is no cache', async () => {
  expect(await readCacheConfig({ CACHE_PASSWORD: 'x', CACHE_PORT: 'wrong' })).toBeUndefined();
});

test('TLS is verified unless disabled, and no login is sent unless configured', async () => {
  expect(await readCacheConfig(place)).toEqual({
    host: 'cache.example.org',
    port: 6379,
    isCluster: false,
    tls: { rejectUnauthorized: true },
    login: undefined,
    timeoutMs: 100,
    ttlMs: 30_000,
    openMs: 5_000,
  });
  expect(await readCacheConfig({ ...place, CACHE_TLS: 'disable' })).toMatchObject({ tls: false });
});

test('a password logs in as the user default, or as CACHE_USER', async () => {
  const login = async (env: object) => (await readCacheConfig({ ...place, ...env }))?.login?.();
  expect(await login({ CACHE_PASSWORD: 'p' })).toEqual({ username: 'default', password: 'p' });
  expect(await login({ CACHE_PASSWORD: 'p', CACHE_USER: 'shop' })).toEqual({
    username: 'shop',
    password: 'p',
  });
});

describe('with IAM', () => {
  const secret = 'wJalrXUtnFEMI/EXAMPLE';
  const token = async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIAEXAMPLE';
    process.env['AWS_SECRET_ACCESS_KEY'] = secret;
    process.env['AWS_SESSION_TOKEN'] = 'a/session+token==';
    return (await readCacheConfig(iam))?.login?.();
  };

  test('the password is the URL of a `connect` request, without its protocol', async () => {
    const login = await token();
    expect(login?.username).toBe('dev-platform-app');
    const url = new URL(`https://${String(login?.password)}`);
    expect([url.host, url.pathname]).toEqual(['dev-platform', '/']);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      Action: 'connect',
      User: 'dev-platform-app',
      ResourceType: 'ServerlessCache',
      'X-Amz-Expires': '900',
      'X-Amz-Security-Token': 'a/session+token==',
      'X-Amz-SignedHeaders': 'host',
    });
  });

  /** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
  test('its signature follows AWS’s rules', async () => {
    const [address = '', query = ''] = String((await token())?.password).split('/?');
    const pairs = query.split('&');
    const given = pairs.find((pair) => pair.startsWith('X-Amz-Signature='))?.split('=')[1];
    const signed = pairs.filter((pair) => !pair.startsWith('X-Amz-Signature=')).sort();
    const time = new URL(`https://${address}/?${query}`).searchParams.get('X-Amz-Date') ?? '';
    const scope = `${time.slice(0, 8)}/eu-west-1/elasticache/aws4_request`;
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const request = ['GET', '/', signed.join('&'), `host:${address}`, '', 'host', sha256('')].join('\n');
    const text = ['AWS4-HMAC-SHA256', time, scope, sha256(request)].join('\n');
    const key = [...scope.split('/')].reduce<Buffer | string>(
      (last, part) => createHmac('sha256', last).update(part).digest(),
      `AWS4${secret}`,
    );
    expect(given).toBe(createHmac('sha256', key).update(text).digest('hex'));
  });
});

test.each([
  [{ ...place, CACHE_PORT: '0' }, 'CACHE_PORT: expected a whole number from 1 to 65535, got "0"'],
  [{ ...place, CACHE_TLS: 'on' }, 'CACHE_TLS: expected one of verify-full, disable, got "on"'],
  [{ ...place, CACHE_CLUSTER: 'yes' }, 'CACHE_CLUSTER: expected one of true, false, got "yes"'],
  [{ ...place, CACHE_AUTH: 'token' }, 'CACHE_AUTH: expected one of none, password, iam, got "token"'],
  [{ ...place, CACHE_AUTH: 'password' }, 'CACHE_PASSWORD: is required if CACHE_AUTH is password'],
  [
    { ...place, CACHE_TTL_SECONDS: '0' },
    'CACHE_TTL_SECONDS: expected a whole number from 1 to 86400, got "0"',
  ],
  [
    { ...place, CACHE_TIMEOUT_MS: '1' },
    'CACHE_TIMEOUT_MS: expected a whole number from 10 to 10000, got "1"',
  ],
  [{ ...place, CACHE_CA_FILE: '/no/such' }, 'CACHE_CA_FILE: cannot read "/no/such": ENOENT'],
  [{ ...iam, CACHE_NAME: '' }, 'CACHE_NAME: is not set'],
  [{ ...iam, CACHE_USER: '', AWS_REGION: '' }, 'CACHE_USER: is not set\nAWS_REGION: is not set'],
  [{ ...iam, CACHE_TLS: 'disable' }, 'CACHE_TLS: expected verify-full when CACHE_AUTH is iam, got "disable"'],
])('the error for %j has the variable’s name, but not the password', async (env, message) => {
  const read = readCacheConfig({ ...env, CACHE_PASSWORD: '' });
  await expect(read).rejects.toThrow(message);
});
