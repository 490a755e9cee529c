import { afterAll, afterEach, beforeAll, describe, expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { generate } from 'selfsigned';
import { parse } from 'yaml';
import { CacheProxy } from '../../test/support/cache-proxy.ts';
import { CacheServer, testWithCache as test } from '../../test/support/cache-server.ts';
import { silentLog } from '../../test/support/log.ts';
import { ReadCache } from '../src/cache.ts';
import { readCacheConfig } from '../src/cache-config.ts';
import type { Log } from '../src/log.ts';
import { Metrics } from '../src/metrics.ts';

const PATIENT = { CACHE_HOST: '127.0.0.1', CACHE_TIMEOUT_MS: '10000', CACHE_TLS: 'disable' };

interface Opened {
  cache: ReadCache;
  metrics: Metrics;
}

const opened: Opened[] = [];
afterEach(async () => {
  for (const { cache } of opened.splice(0)) await cache.close();
});

async function open(env: Record<string, string>, log: Log = silentLog): Promise<Opened> {
  const config = await readCacheConfig({ ...PATIENT, ...env });
  if (config === undefined) throw new Error('the variables name no cache');
  const metrics = new Metrics('test');
  const part = { cache: new ReadCache(config, { log, metrics }), metrics };
  opened.push(part);
  return part;
}

const value = async ({ metrics }: Opened, name: string) => {
  const text = await metrics.registry.metrics();
  const line = text.split('\n').find((candidate) => candidate.startsWith(name));
  return Number(line?.split(' ').at(-1) ?? 0);
};

const connected = async (part: Opened) => {
  while ((await value(part, 'cache_connected')) !== 1) await delay(10);
};

let server: CacheServer;
beforeAll(async () => {
  server = await CacheServer.start();
});
afterAll(() => server.kill());

/** A promise that is settled from outside. */
function gate() {
  let pass: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (pass = resolve));
  return { pass, passed };
}

describe('a reader that read the database before a write', () => {
  test.each([
    ['sets the key before the write is committed', ['read', 'fill', 'commit', 'remove']],
    ['sets the key after the commit', ['read', 'commit', 'fill', 'remove']],
    ['sets the key after the write', ['read', 'commit', 'remove', 'fill']],
  ])('%s: the next read returns the new value', async (name, order) => {
    const [one, other] = [
      await open({ CACHE_PORT: String(server.port) }),
      await open({ CACHE_PORT: String(server.port) }),
    ];
    await Promise.all([connected(one), connected(other)]);
    let stored = { name: 'old' };
    const steps = Object.fromEntries(order.map((step) => [step, gate()]));
    const done = Object.fromEntries(order.map((step) => [step, gate()]));
    const read = one.cache.read(name, async () => {
      await steps['read']?.passed;
      const found = stored;
      done['read']?.pass();
      await steps['fill']?.passed;
      return found;
    });
    const write = other.cache.write([name], async () => {
      await steps['commit']?.passed;
      stored = { name: 'new' };
      done['commit']?.pass();
      await steps['remove']?.passed;
    });
    void read.then(() => done['fill']?.pass());
    void write.then(() => done['remove']?.pass());
    for (const step of order) {
      steps[step]?.pass();
      await done[step]?.passed;
    }
    await Promise.all([read, write]);
    for (const { cache } of [one, other]) {
      expect(await cache.read(name, () => Promise.resolve(stored))).toEqual({ name: 'new' });
    }
  });

  test('with many concurrent readers and writers, no read is older than a completed write', async () => {
    const parts = await Promise.all([1, 2, 3].map(() => open({ CACHE_PORT: String(server.port) })));
    await Promise.all(parts.map(connected));
    let stored = 0;
    let answered = 0;
    let reads = 0;
    const pause = () => delay(Math.random() * 3);
    const reader = async ({ cache }: Opened) => {
      for (let count = 0; count < 150; count += 1) {
        const least = answered;
        const found = await cache.read('counter', async () => {
          await pause();
          const version = stored;
          await pause();
          return { version };
        });
        reads += 1;
        expect(found?.version).toBeGreaterThanOrEqual(least);
      }
    };
    const writer = async ({ cache }: Opened) => {
      for (let count = 0; count < 60; count += 1) {
        const version = await cache.write(['counter'], async () => {
          await pause();
          stored += 1;
          const written = stored;
          await pause();
          return written;
        });
        answered = Math.max(answered, version);
        await pause();
      }
    };
    await Promise.all([...parts.map(reader), ...parts.map(reader), ...parts.slice(0, 2).map(writer)]);
    process.stdout.write(`cache: ${reads} reads during ${stored} writes of three processes\n`);
    expect(stored).toBe(120);
  });
});

test('a refused login is logged without the password', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  await server.send('ACL', 'SETUSER', 'app', 'resetpass', '>the-right-one');
  await open({ CACHE_PORT: String(server.port), CACHE_USER: 'app', CACHE_PASSWORD: 'a-wrong-one' }, log);
  while (lines.length < 2) await delay(10);
  expect(lines.join('')).toContain('WRONGPASS');
  expect(lines.map((line) => (JSON.parse(line) as { level: number }).level)).toEqual([40, 20]);
  expect(lines.join('')).not.toContain('a-wrong-one');
});

describe('over TLS', () => {
  let folder: string;
  let proxy: CacheProxy;
  const files = { server: '', stranger: '' };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'services-cache-tls-'));
    const make = () =>
      generate([{ name: 'commonName', value: 'localhost' }], {
        keySize: 2048,
        extensions: [
          { name: 'basicConstraints', cA: true },
          { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
        ],
      });
    const [own, stranger] = [await make(), await make()];
    files.server = join(folder, 'server.pem');
    files.stranger = join(folder, 'stranger.pem');
    await writeFile(files.server, own.cert);
    await writeFile(files.stranger, stranger.cert);
    proxy = await CacheProxy.start({ key: own.private, cert: own.cert });
  });
  afterAll(async () => {
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  });
  const tls = () => ({ CACHE_HOST: 'localhost', CACHE_PORT: String(proxy.port), CACHE_TLS: 'verify-full' });

  test('accepts a server with a trusted certificate', async () => {
    proxy.to(server.port);
    const part = await open({ ...tls(), CACHE_CA_FILE: files.server });
    await connected(part);
    await part.cache.read('tls', () => Promise.resolve({ n: 1 }));
    expect(await part.cache.read('tls', () => Promise.resolve({ n: 2 }))).toEqual({ n: 1 });
  });

  test.each([
    ['another certificate', () => ({ CACHE_CA_FILE: files.stranger })],
    ['another name', () => ({ CACHE_CA_FILE: files.server, CACHE_HOST: '127.0.0.1' })],
    ['an untrusted certificate', () => ({})],
  ])('refuses a server with %s', async (_name, env) => {
    proxy.to(server.port);
    const lines: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
    const part = await open({ ...tls(), ...env() }, log);
    while (lines.length < 2) await delay(10);
    expect(lines.join('')).toContain('cannot connect to the cache');
    expect(await value(part, 'cache_connected')).toBe(0);
    expect(await part.cache.read('tls-refused', () => Promise.resolve({ n: 1 }))).toEqual({ n: 1 });
  });

  test('supports a cluster behind one name, like ElastiCache Serverless, with a new token for each connection', async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIAEXAMPLE';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'example';
    const cluster = await CacheServer.start({ isCluster: true, announcedPort: proxy.port });
    proxy.to(cluster.port);
    // This user accepts any token, which IAM would verify.
    await cluster.send('ACL', 'SETUSER', 'dev-platform-app', 'nopass', ...accessOfTemplate());
    await cluster.send('CONFIG', 'SET', 'cluster-announce-hostname', 'localhost');
    await cluster.send('CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'hostname');
    const part = await open({
      ...tls(),
      CACHE_CA_FILE: files.server,
      CACHE_CLUSTER: 'true',
      CACHE_AUTH: 'iam',
      CACHE_USER: 'dev-platform-app',
      CACHE_NAME: 'dev-platform',
      AWS_REGION: 'eu-west-1',
    });
    await connected(part);
    await part.cache.read('iam', () => Promise.resolve({ n: 1 }));
    expect(await part.cache.read('iam', () => Promise.resolve({ n: 2 }))).toEqual({ n: 1 });
    const logins = () => proxy.received.split('X-Amz-Signature=').length - 1;
    const before = logins();
    expect(before).toBeGreaterThan(0);

    // ElastiCache closes a connection with an IAM login after twelve hours.
    proxy.breakConnections();
    while (logins() === before) await delay(10);
    await connected(part);
    await part.cache.close();
    opened.splice(opened.indexOf(part), 1);
    await cluster.kill();
  });
});

function accessOfTemplate(): string[] {
  const file = fileURLToPath(new URL('../../../templates/cache.yml', import.meta.url));
  const text = readFileSync(file, 'utf8').replaceAll(/!(\w+)/g, '');
  const template = parse(text) as { Resources: { User: { Properties: { AccessString: string } } } };
  return template.Resources.User.Properties.AccessString.split(' ');
}

describe('the access string of templates/cache.yml', () => {
  test.each([
    ['one server', false],
    ['a cluster', true],
  ])('allows the service to use %s', async (_kind, isCluster) => {
    const limited = await CacheServer.start({ isCluster });
    await limited.send('ACL', 'SETUSER', 'app', '>secret', ...accessOfTemplate());
    const part = await open({
      CACHE_PORT: String(limited.port),
      CACHE_CLUSTER: String(isCluster),
      CACHE_USER: 'app',
      CACHE_PASSWORD: 'secret',
    });
    await connected(part);
    await part.cache.read('key', () => Promise.resolve({ n: 1 }));
    expect(await part.cache.read('key', () => Promise.resolve({ n: 2 }))).toEqual({ n: 1 });
    await part.cache.forget(['key']);
    expect(await part.cache.read('key', () => Promise.resolve({ n: 2 }))).toEqual({ n: 2 });
    expect(await limited.send('ACL', 'LOG')).toEqual([]);
    await part.cache.close();
    opened.splice(opened.indexOf(part), 1);
    await limited.kill();
  });

  test.each([
    'KEYS *',
    'SCAN 0',
    'FLUSHALL',
    'CONFIG GET *',
    'ACL LIST',
    'CLUSTER RESET',
    'SHUTDOWN',
    'MONITOR',
  ])('does not allow %s', async (command) => {
    await server.send('ACL', 'SETUSER', 'app', '>secret', ...accessOfTemplate());
    const answer = await server.send('ACL', 'DRYRUN', 'app', ...command.split(' '));
    expect(String(answer)).toMatch(/no permissions|has no permission/i);
  });
});
