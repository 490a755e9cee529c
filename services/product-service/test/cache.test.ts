import { afterAll, afterEach, beforeAll, describe, expect } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../local/free-port.ts';
import { CacheProxy } from '../../test/support/cache-proxy.ts';
import { CacheServer, testWithCache as test } from '../../test/support/cache-server.ts';
import { freshDatabase, sql } from '../../test/support/database.ts';
import { call } from '../../test/support/http.ts';
import { startTestService } from '../../test/support/service.ts';
import type { TestService } from '../../test/support/service.ts';

/** Longer than any command takes on a busy machine; a test of the timeout sets a shorter one. */
const PATIENT = { CACHE_TIMEOUT_MS: '10000', CACHE_TLS: 'disable', CACHE_HOST: '127.0.0.1' };
const BRIEF = { CACHE_TIMEOUT_MS: '50', CIRCUIT_OPEN_MS: '50' };

const running: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.stop();
});

const keep = <T>(part: T, stop: (part: T) => Promise<unknown>): T => {
  running.push({ stop: () => stop(part) });
  return part;
};

async function startServer(options: Parameters<typeof CacheServer.start>[0] = {}): Promise<CacheServer> {
  return keep(await CacheServer.start(options), (server) => server.kill());
}

async function startService(port: number, env: Record<string, string> = {}, databaseUrl?: string) {
  const variables = { ...PATIENT, CACHE_PORT: String(port), ...env };
  const options = { env: variables, ...(databaseUrl !== undefined && { databaseUrl }) };
  return keep(await startTestService('products', options), (service) => service.stop());
}

async function metric(service: TestService, name: string): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const reads = (service: TestService, result: string) =>
  metric(service, `cache_reads_total{result="${result}"`);

/** Polls without its own limit: the test's timeout applies. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(10);
}

const connected = (service: TestService) =>
  until(async () => (await metric(service, 'cache_connected')) === 1);

let number = 0;
async function addProduct(service: TestService, stock = 10): Promise<string> {
  number += 1;
  const body = { sku: `CACHE-${number}`, name: 'Mug', priceCents: 1250, stock };
  return String((await call(service.url, '/api/products', { body })).body['id']);
}

const get = async ({ url }: TestService, id: string) => (await call(url, `/api/products/${id}`)).body;
const keyOf = (id: string) => `product-service:product:1:${id}`;

/** Changes the database directly, so that only the cache contains the old name. */
const rename = (service: TestService, id: string, name: string) =>
  sql(service.databaseUrl, 'UPDATE products.products SET name = $2 WHERE id = $1', [id, name]);

describe.each([
  ['one server', false],
  ['a cluster', true],
])('with %s', (_kind, isCluster) => {
  let server: CacheServer;
  let service: TestService;
  beforeAll(async () => {
    server = await CacheServer.start({ isCluster });
    const env = { ...PATIENT, CACHE_PORT: String(server.port), CACHE_CLUSTER: String(isCluster) };
    service = await startTestService('products', { env });
    await connected(service);
  });
  afterAll(async () => {
    await service.stop();
    await server.kill();
  });

  test('the second read is served from the cache', async () => {
    const id = await addProduct(service);
    await get(service, id);
    await rename(service, id, 'Cup');
    expect(await get(service, id)).toMatchObject({ name: 'Mug' });
    expect(await get(service, id.toUpperCase())).toMatchObject({ id, name: 'Mug' });
    await server.send('DEL', keyOf(id));
    expect(await get(service, id)).toMatchObject({ name: 'Cup' });
    expect(await reads(service, 'hit')).toBeGreaterThanOrEqual(2);
  });

  const orderId = () => crypto.randomUUID();
  const reserve = (order: string, productId: string) =>
    call(service.url, `/api/products/reservations/${order}`, {
      method: 'PUT',
      body: { lines: [{ productId, quantity: 4 }] },
    });

  test.each([
    [
      'a change',
      { name: 'Cup', stock: 10 },
      (id: string) => call(service.url, `/api/products/${id}`, { method: 'PATCH', body: { name: 'Cup' } }),
    ],
    [
      'more stock',
      { stock: 13 },
      (id: string) => call(service.url, `/api/products/${id}/stock`, { body: { change: 3 } }),
    ],
    ['a reservation', { stock: 6 }, (id: string) => reserve(orderId(), id)],
    [
      'a release',
      { stock: 10 },
      async (id: string) => {
        const order = orderId();
        await reserve(order, id);
        expect(await get(service, id)).toMatchObject({ stock: 6 });
        return call(service.url, `/api/products/reservations/${order}`, { method: 'DELETE' });
      },
    ],
  ])(
    'the first read after %s returns the new value, the next one is served from the cache',
    async (_write, after, write) => {
      const id = await addProduct(service);
      await get(service, id);
      expect((await write(id)).status).toBe(200);
      expect(await get(service, id)).toMatchObject(after);
      const hits = await reads(service, 'hit');
      expect(await get(service, id)).toMatchObject(after);
      expect(await reads(service, 'hit')).toBe(hits + 1);
    },
  );

  test('a refused write does not change the value', async () => {
    const id = await addProduct(service, 2);
    await get(service, id);
    const refused = await call(service.url, `/api/products/${id}/stock`, { body: { change: -3 } });
    expect(refused.status).toBe(409);
    expect(await get(service, id)).toMatchObject({ stock: 2 });
  });

  test('a missing product is not cached', async () => {
    const id = crypto.randomUUID();
    expect((await call(service.url, `/api/products/${id}`)).status).toBe(404);
    expect(String(await server.send('GET', keyOf(id)))).toMatch(/^lease:/);
  });

  test('a value written by another program is not returned', async () => {
    const id = await addProduct(service);
    await server.send('SET', keyOf(id), 'not JSON');
    expect(await get(service, id)).toMatchObject({ name: 'Mug' });
    expect(await server.send('EXISTS', keyOf(id))).toBe(0);
  });
});

test('a value is cached for CACHE_TTL_SECONDS', async () => {
  const server = await startServer();
  const service = await startService(server.port, { CACHE_TTL_SECONDS: '1' });
  await connected(service);
  const id = await addProduct(service);
  await get(service, id);
  const left = Number(await server.send('PTTL', keyOf(id)));
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(1000);
  await rename(service, id, 'Cup');
  await until(async () => (await get(service, id))['name'] === 'Cup');
});

describe('without a working cache', () => {
  test('the service starts, is ready and responds; the cache is used once it is available', async () => {
    const port = await freePort();
    const service = await startService(port, BRIEF);
    expect((await call(service.url, '/ready')).status).toBe(200);
    const id = await addProduct(service);
    expect(await get(service, id)).toMatchObject({ name: 'Mug' });
    expect(await metric(service, 'cache_connected')).toBe(0);
    expect(await reads(service, 'error')).toBe(1);

    await startServer({ port });
    await connected(service);
    await until(async () => {
      await get(service, id);
      return (await reads(service, 'hit')) > 0;
    });
  });

  test('the cache crashes and restarts', async () => {
    const server = await startServer();
    const service = await startService(server.port, { CIRCUIT_OPEN_MS: '50' });
    await connected(service);
    const id = await addProduct(service);
    await get(service, id);
    await server.kill();
    for (let count = 0; count < 20; count += 1) expect(await get(service, id)).toMatchObject({ name: 'Mug' });
    const change = await call(service.url, `/api/products/${id}`, { method: 'PATCH', body: { name: 'Cup' } });
    expect(change.status).toBe(200);
    expect(await get(service, id)).toMatchObject({ name: 'Cup' });
    expect((await call(service.url, '/ready')).status).toBe(200);

    await server.start();
    await connected(service);
    const other = await addProduct(service);
    await until(async () => {
      await get(service, other);
      return (await reads(service, 'hit')) > 0;
    });
  });

  test.each([
    ['one server', {}],
    ['a cluster', { CACHE_CLUSTER: 'true' }],
  ])('if %s hangs, requests are answered and soon no longer wait for it', async (_kind, env) => {
    const server = await startServer({ isCluster: 'CACHE_CLUSTER' in env });
    const service = await startService(server.port, { ...BRIEF, ...env, CIRCUIT_OPEN_MS: '600000' });
    await connected(service);
    const id = await addProduct(service);
    server.hang();
    for (let count = 0; count < 50; count += 1) expect(await get(service, id)).toMatchObject({ name: 'Mug' });
    // Five waited for the timeout; the others did not wait at all.
    expect(await metric(service, 'cache_failures_total{operation="SET",reason="failed"')).toBe(5);
    expect(await metric(service, 'cache_failures_total{operation="SET",reason="circuit open"')).toBe(45);
    expect(await metric(service, 'circuit_open{dependency="cache"')).toBe(1);
  });

  test('after a hang the cache is used again', async () => {
    const server = await startServer();
    const service = await startService(server.port, BRIEF);
    await connected(service);
    const id = await addProduct(service);
    server.hang();
    await until(async () => {
      await get(service, id);
      return (await metric(service, 'circuit_open{dependency="cache"')) === 1;
    });
    server.resume();
    await until(async () => {
      await get(service, id);
      return (await reads(service, 'hit')) > 0;
    });
  });

  test('if it hangs during a write, this process returns the new value even if the cache has the old one', async () => {
    const server = await startServer();
    const service = await startService(server.port, { ...BRIEF, CACHE_TIMEOUT_MS: '1000' });
    await connected(service);
    const id = await addProduct(service);
    await until(async () => {
      await get(service, id);
      return String(await server.send('GET', keyOf(id))).includes('Mug');
    });
    server.hang();
    const change = await call(service.url, `/api/products/${id}`, { method: 'PATCH', body: { name: 'Cup' } });
    expect(change.body).toMatchObject({ name: 'Cup' });
    server.resume();
    await server.send('SET', keyOf(id), JSON.stringify({ ...change.body, name: 'Mug' }));
    for (let count = 0; count < 10; count += 1) expect(await get(service, id)).toMatchObject({ name: 'Cup' });
    expect(await reads(service, 'bypass')).toBe(10);
  });

  test('the cache is slower than the timeout', async () => {
    const server = await startServer();
    const proxy = keep((await CacheProxy.start()).to(server.port), (part) => part.close());
    const service = await startService(proxy.port, { ...BRIEF, CIRCUIT_OPEN_MS: '600000' });
    await connected(service);
    const id = await addProduct(service);
    proxy.delayMs = 500;
    for (let count = 0; count < 10; count += 1) expect(await get(service, id)).toMatchObject({ name: 'Mug' });
    expect(await reads(service, 'error')).toBe(10);
    expect(await metric(service, 'cache_failures_total{operation="SET",reason="failed"')).toBe(5);
  });

  test.each([
    ['a wrong password', { CACHE_PASSWORD: 'not-the-password' }],
    ['no password', {}],
    ['an unknown user', { CACHE_USER: 'nobody', CACHE_PASSWORD: 'the-password' }],
    ['TLS, which the server does not support', { CACHE_TLS: 'verify-full', CACHE_PASSWORD: 'the-password' }],
  ])('%s', async (_name, env) => {
    const server = await startServer({ password: 'the-password' });
    const service = await startService(server.port, { ...BRIEF, ...env });
    const id = await addProduct(service);
    for (let count = 0; count < 10; count += 1) expect(await get(service, id)).toMatchObject({ name: 'Mug' });
    expect(await metric(service, 'cache_connected')).toBe(0);
    expect(await reads(service, 'error')).toBe(10);
    expect((await call(service.url, '/ready')).status).toBe(200);
  });

  test('the service still stops', async () => {
    const server = await startServer();
    const service = await startTestService('products', {
      env: { ...PATIENT, CACHE_PORT: String(server.port) },
    });
    await connected(service);
    server.hang();
    expect(await service.stop()).toBe(0);
  });
});

test('the right password logs in', async () => {
  const server = await startServer({ password: 'the-password' });
  const service = await startService(server.port, { CACHE_PASSWORD: 'the-password' });
  await connected(service);
});

test('two tasks never return a value older than a completed write of one of them', async () => {
  const server = await startServer();
  const databaseUrl = await freshDatabase();
  const tasks = [
    await startService(server.port, {}, databaseUrl),
    await startService(server.port, {}, databaseUrl),
  ];
  for (const task of tasks) await connected(task);
  const [writer] = tasks as [TestService];
  const id = await addProduct(writer, 0);
  let answered = 0;
  let isWriting = true;
  let cases = 0;
  const read = async (task: TestService) => {
    while (isWriting) {
      const least = answered;
      const { stock } = await get(task, id);
      cases += 1;
      expect(Number(stock)).toBeGreaterThanOrEqual(least);
    }
  };
  const readers = [...tasks, ...tasks, ...tasks].map(read);
  for (let count = 0; count < 150; count += 1) {
    const { body } = await call(tasks[count % 2]!.url, `/api/products/${id}/stock`, { body: { change: 1 } });
    answered = Number(body['stock']);
  }
  isWriting = false;
  await Promise.all(readers);
  const hits = (await reads(tasks[0]!, 'hit')) + (await reads(tasks[1]!, 'hit'));
  process.stdout.write(`cache: ${cases} reads during 150 writes, ${hits} of them hits\n`);
  expect(answered).toBe(150);
  expect(hits).toBeGreaterThan(0);
});
