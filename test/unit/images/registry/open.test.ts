import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { findLogin } from '../../../../src/images/registry/access/login.ts';
import { openRegistry } from '../../../../src/images/registry/open.ts';
import { parseReference } from '../../../../src/images/registry/reference.ts';
import { parseManifest } from '../../../../src/images/registry/manifest.ts';
import { useSandboxes } from '../../../support/action.ts';
import { sha256 } from '../../../support/oci.ts';
import { openTokenRepository } from '../../../support/registry.ts';
import { contextOf } from './context.ts';

const sandboxOf = useSandboxes();
const LOGIN = { username: 'octocat', password: 'correct horse battery staple' };
const IDENTITY_TOKEN = 'an-identity-token-of-the-login';
const ENCODED = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
const folders: string[] = [];
const servers: ReturnType<typeof createServer>[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A folder with Docker's config.json, and credential helpers in PATH. */
function dockerConfig(config: object | string, helpers: Record<string, string> = {}): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'docker-login-'));
  folders.push(folder);
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  for (const [name, script] of Object.entries(helpers)) {
    const file = join(folder, 'bin', `docker-credential-${name}`);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
  return { DOCKER_CONFIG: folder, PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
}

async function opened(image: string, env: NodeJS.ProcessEnv = { DOCKER_CONFIG: '/nowhere' }) {
  const context = { ...contextOf(), env, ecr: () => Promise.reject(new Error('no ECR here')) };
  const registry = await openRegistry(parseReference(image)!, context, { retry: { attempts: 3, baseMs: 1 } });
  return { registry, context };
}

/** A registry with a login, and an image in it. */
async function withImage(visibility: 'public' | 'private') {
  const sandbox = await sandboxOf();
  const registry = await sandbox.openRegistry({ login: LOGIN, identityToken: IDENTITY_TOKEN });
  const session = openTokenRepository(registry, 'org/app', visibility);
  const digest = await session.image('v1');
  return { sandbox, host: registry.host, uri: session.uri, digest };
}

function tokensGiven(sandbox: Sandbox): number {
  return sandbox.calls.of('GetToken').filter(({ status }) => status === 200).length;
}

async function serverOf(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a public image', () => {
  test('is read with one anonymous token, and its config from another host without it', async () => {
    const { sandbox, uri, digest } = await withImage('public');
    const { registry } = await opened(uri);
    expect(await registry.digest('v1')).toBe(digest);
    const manifest = await registry.find('v1');
    expect(manifest?.digest).toBe(digest);
    if (manifest?.kind !== 'image') throw new Error('no image');
    expect((await registry.blob(manifest.config.digest)).toString()).toContain('amd64');
    expect(await registry.digest('v2')).toBeUndefined();
    expect(tokensGiven(sandbox)).toBe(1);
  });

  test('is read by parallel requests with one token', async () => {
    const { sandbox, uri, digest } = await withImage('public');
    const { registry } = await opened(uri);
    expect(await Promise.all(Array.from({ length: 6 }, () => registry.digest('v1')))).toEqual(
      Array.from({ length: 6 }, () => digest),
    );
    expect(tokensGiven(sandbox)).toBe(1);
  });

  test.each(['throttle', 'error', 'reset', 'malformed'] as const)(
    'recovers from %s of the registry and of its token server',
    async (kind) => {
      const { sandbox, uri, digest } = await withImage('public');
      for (const operation of ['HeadManifest', 'GetToken']) {
        sandbox.addFault({ service: 'token-registry', operation, kind });
      }
      expect(await (await opened(uri)).registry.digest('v1')).toBe(digest);
    },
  );

  test('fails after the configured number of attempts', async () => {
    const { sandbox, uri } = await withImage('public');
    sandbox.addFault({ service: 'token-registry', operation: 'HeadManifest', kind: 'throttle', times: 99 });
    const { registry } = await opened(uri);
    await expect(registry.digest('v1')).rejects.toMatchObject({ code: 'throttled' });
    expect(sandbox.calls.of('HeadManifest')).toHaveLength(3);
  });
});

describe('a private image', () => {
  test('is refused without a login, like a missing image', async () => {
    const { host, uri } = await withImage('private');
    for (const image of [uri, `${host}/org/none`]) {
      const { registry } = await opened(image);
      await expect(registry.digest('v1')).rejects.toMatchObject({
        code: 'access-denied',
        message: expect.stringContaining('DENIED: requested access to the resource is denied'),
      });
    }
  });

  const helper = (answer: string): string =>
    `read -r host; test "$host" = "$EXPECTED" || exit 9\ncat <<'E'\n${answer}\nE`;
  const secret = JSON.stringify({ ServerURL: '', Username: LOGIN.username, Secret: LOGIN.password });
  const token = JSON.stringify({ ServerURL: '', Username: '<token>', Secret: IDENTITY_TOKEN });

  test.each<[string, (host: string) => NodeJS.ProcessEnv]>([
    ['auths', (host) => dockerConfig({ auths: { [host]: { auth: ENCODED } } })],
    ['auths by a URL', (host) => dockerConfig({ auths: { [`https://${host}/v1/`]: { auth: ENCODED } } })],
    [
      'an identity token',
      (host) => dockerConfig({ auths: { [host]: { auth: 'b2N0b2NhdDo=', identitytoken: IDENTITY_TOKEN } } }),
    ],
    ['credHelpers', (host) => dockerConfig({ credHelpers: { [host]: 'test' } }, { test: helper(secret) })],
    ['credsStore', () => dockerConfig({ credsStore: 'test' }, { test: helper(secret) })],
    ["a helper's identity token", () => dockerConfig({ credsStore: 'test' }, { test: helper(token) })],
    [
      'DOCKER_AUTH_CONFIG, before the file',
      (host) => ({
        ...dockerConfig({ auths: { [host]: { auth: 'bm86Ym9keQ==' } } }),
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth: ENCODED } } }),
      }),
    ],
    [
      'a file for a helper without a name',
      (host) =>
        dockerConfig({ credHelpers: { [host]: '' }, credsStore: 'x', auths: { [host]: { auth: ENCODED } } }),
    ],
  ])('is read with a login of %s, which is never shown', async (kind, configure) => {
    const { host, uri, digest } = await withImage('private');
    const { registry, context } = await opened(uri, { ...configure(host), EXPECTED: host });
    expect(await registry.digest('v1')).toBe(digest);
    const secrets = kind.includes('identity') ? [IDENTITY_TOKEN] : [LOGIN.password, ENCODED];
    context.log.info(secrets.join(' '));
    const shown = context.lines.filter((line) => !line.startsWith('::add-mask::')).join('\n');
    for (const hidden of secrets) expect(shown).not.toContain(hidden);
  });

  test('accepts a push with the login, with a wider token', async () => {
    const { sandbox, host } = await withImage('private');
    const { registry } = await opened(
      `${host}/org/new`,
      dockerConfig({ auths: { [host]: { auth: ENCODED } } }),
    );
    const bytes = Buffer.from('{"architecture":"arm64"}');
    const size = bytes.length;
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(bytes), size };
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: [],
    });
    await registry.upload({
      ...config,
      open: async function* () {
        await Promise.resolve();
        yield bytes;
      },
    });
    await registry.putManifest('v1', parseManifest(Buffer.from(text), undefined));
    expect(await registry.digest('v1')).toBe(sha256(text));
    expect(tokensGiven(sandbox)).toBe(1);
  });
});

describe('a login', () => {
  test.each<[string, RegExp, (host: string) => NodeJS.ProcessEnv]>([
    [
      'that is wrong is an error, and no anonymous pull',
      /DENIED: invalid credentials/,
      (host) => dockerConfig({ auths: { [host]: { auth: Buffer.from('a:b').toString('base64') } } }),
    ],
    [
      'of a missing helper is an error',
      /docker-credential-none could not be started/,
      () => dockerConfig({ credsStore: 'none' }),
    ],
    [
      'of a failing helper is an error with its message',
      /docker-credential-test returned no login to .*: the keychain is locked/,
      () => dockerConfig({ credsStore: 'test' }, { test: 'echo the keychain is locked; exit 1' }),
    ],
    [
      'in a file that is not JSON is an error without its text',
      /cannot read the Docker configuration .*config\.json: it is not JSON$/,
      () => dockerConfig(`{"auths": {"x": {"auth": "${ENCODED}"`),
    ],
  ])('%s', async (_, message, configure) => {
    const { host, uri } = await withImage('public');
    const { registry } = await opened(uri, configure(host));
    await expect(registry.digest('v1')).rejects.toThrow(message);
  });

  test('that a helper does not have is ignored', async () => {
    const { uri, digest } = await withImage('public');
    const env = dockerConfig(
      { credsStore: 'test' },
      { test: 'echo credentials not found in native keychain; exit 1' },
    );
    expect(await (await opened(uri, env)).registry.digest('v1')).toBe(digest);
  });

  test('of another registry is not used', async () => {
    const seen: (string | undefined)[] = [];
    const host = await serverOf((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const env = dockerConfig({ auths: { 'ghcr.io': { auth: ENCODED } } });
    const { registry } = await opened(`${host}/a`, env);
    await expect(registry.digest('v1')).rejects.toThrow(`${host} requires a login, but the job has none`);
    expect(seen).toEqual([undefined]);
  });
});

/** A registry with a token server, and the requests to that server. */
async function withRealm(realm: (port: string) => string) {
  const seen: (string | undefined)[] = [];
  const tokens = await serverOf((request, response) => {
    seen.push(request.headers.authorization);
    response.end(JSON.stringify({ token: 'a-token-of-another-host' }));
  });
  const host = await serverOf((request, response) => {
    if (request.headers.authorization === 'Bearer a-token-of-another-host') {
      response.writeHead(200, { 'docker-content-digest': sha256('x') }).end();
    } else {
      const challenge = `Bearer realm="${realm(tokens)}",service="r"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
  });
  return { host, seen };
}

describe('a token server', () => {
  test('on another host gets the login of its registry, as with docker', async () => {
    const { host, seen } = await withRealm((tokens) => `http://${tokens}/token`);
    const { registry } = await opened(`${host}/a`, dockerConfig({ auths: { [host]: { auth: ENCODED } } }));
    expect(await registry.digest('v1')).toBe(sha256('x'));
    expect(seen).toEqual([`Basic ${ENCODED}`]);
  });

  test.each([
    ['without TLS', 'http://tokens.example.com/token', /because that has no TLS/],
    ['that is not a URL', 'tokens', /"tokens" is not a URL/],
    ['of another protocol', 'ftp://tokens.example.com', /is not a URL/],
  ])('%s gets no login', async (_, realm, message) => {
    const { host, seen } = await withRealm(() => realm);
    const { registry } = await opened(`${host}/a`, dockerConfig({ auths: { [host]: { auth: ENCODED } } }));
    await expect(registry.digest('v1')).rejects.toThrow(message);
    expect(seen).toEqual([]);
  });

  test.each([
    'Bearer realm="http://TOKENS/token",service="r",scope="repository:a:pull"',
    'bearer realm="http://TOKENS/token"',
    'Bearer service="a \\"quoted\\" one, with a comma" , realm=http://TOKENS/token',
    'Negotiate, Bearer realm="http://TOKENS/token",error="invalid_token"',
    'Basic realm="only with a login", Bearer realm="http://TOKENS/token"',
  ])('is found in %s', async (challenge) => {
    const tokens = await serverOf((_, response) => response.end('{"access_token":"abcdefgh"}'));
    const host = await serverOf((request, response) => {
      const isKnown = request.headers.authorization === 'Bearer abcdefgh';
      if (isKnown) response.writeHead(200, { 'docker-content-digest': sha256('x') }).end();
      else response.writeHead(401, { 'www-authenticate': challenge.replace('TOKENS', tokens) }).end();
    });
    expect(await (await opened(`${host}/a`)).registry.digest('v1')).toBe(sha256('x'));
  });
});

describe('an answer', () => {
  test('404 of a proxy is an error, 404 of a registry means missing', async () => {
    const proxy = await serverOf((_, response) => response.writeHead(404).end('<html>Not found</html>'));
    await expect((await opened(`${proxy}/a`)).registry.digest('v1')).rejects.toThrow('HTTP 404');
    const code = JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] });
    const registry = await serverOf((_, response) => response.writeHead(404).end(code));
    expect(await (await opened(`${registry}/a`)).registry.digest('v1')).toBeUndefined();
  });

  test('without a digest is read completely', async () => {
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
    });
    const host = await serverOf((_, response) => response.writeHead(200).end(text));
    expect(await (await opened(`${host}/a`)).registry.digest('v1')).toBe(sha256(text));
  });

  test('that repeatedly requires authorization is an error', async () => {
    let asked = 0;
    const host = await serverOf((_, response) => {
      asked++;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const { registry } = await opened(`${host}/a`, dockerConfig({ auths: { [host]: { auth: ENCODED } } }));
    await expect(registry.digest('v1')).rejects.toMatchObject({ code: 'access-denied' });
    expect(asked).toBe(2);
  });

  test('with endless redirects is an error', async () => {
    let asked = 0;
    const host = await serverOf((request, response) => {
      asked++;
      response.writeHead(307, { location: request.url }).end();
    });
    await expect((await opened(`${host}/a`)).registry.digest('v1')).rejects.toThrow('307');
    expect(asked).toBeLessThan(20);
  });

  test('of an unknown host fails immediately', async () => {
    const { registry, context } = await opened('registry.invalid/a');
    await expect(registry.digest('v1')).rejects.toMatchObject({ code: 'service-unavailable' });
    expect(context.clock.sleeps).toEqual([]);
  });
});

test.each([
  ['docker.io', 'https://index.docker.io/v1/'],
  ['ghcr.io', 'ghcr.io'],
  ['localhost:5000', 'localhost:5000'],
])('the login of %s is stored as %s', async (registry, key) => {
  const env = dockerConfig({ auths: { [key]: { auth: ENCODED }, 'other.example.com': { auth: 'eDp5' } } });
  expect(await findLogin(registry, { ...contextOf(), env })).toEqual(LOGIN);
  const helped = dockerConfig(
    { credHelpers: { [key]: 'test' } },
    { test: `printf '{"Username":"%s","Secret":"of-that-host"}' "$(cat)"` },
  );
  expect(await findLogin(registry, { ...contextOf(), env: helped })).toEqual({
    username: key,
    password: 'of-that-host',
  });
});

test.each([
  ['', 0],
  ['{"auths": {"ghcr.io": ', 1],
])('DOCKER_AUTH_CONFIG=%s leaves the login to the file, with %i warnings', async (text, warnings) => {
  const context = contextOf();
  const env = { ...dockerConfig({ auths: { 'ghcr.io': { auth: ENCODED } } }), DOCKER_AUTH_CONFIG: text };
  expect(await findLogin('ghcr.io', { ...context, env })).toEqual(LOGIN);
  const found = context.lines.filter((line) => line.includes('DOCKER_AUTH_CONFIG is not JSON'));
  expect(found).toHaveLength(warnings);
});

test('an ECR registry is opened with the docker login if AWS returns no password', async () => {
  const image = '111111111111.dkr.ecr.eu-west-1.amazonaws.com/app';
  await expect(opened(image)).rejects.toThrow('no ECR here');
  const env = dockerConfig({ auths: { '111111111111.dkr.ecr.eu-west-1.amazonaws.com': { auth: ENCODED } } });
  await expect(opened(image, env)).resolves.toHaveProperty('registry');
});
