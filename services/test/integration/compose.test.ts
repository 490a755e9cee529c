import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../local/free-port.ts';
import { call } from '../support/http.ts';
import { stockShop } from '../support/shop.ts';
import { compose, onThisMachine, readComposeFile } from './support/compose.ts';
import { docker } from './support/docker.ts';

const secrets = { POSTGRES_PASSWORD: 'p@ss/w:rd', SERVICE_TOKEN: 'between-services' };
let folder: string;
let whole: string;
let local: string;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-compose-'));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  [whole, local] = [join(folder, 'compose.json'), join(folder, 'local.json')];
  await writeFile(whole, JSON.stringify(readComposeFile()));
  await writeFile(local, JSON.stringify(onThisMachine(readComposeFile(), port)));
});

afterAll(async () => {
  await compose(local, ['down', '--volumes', '--timeout', '15'], secrets);
  await rm(folder, { recursive: true });
});

test('the file is valid with and without monitoring, and requires its secrets', async () => {
  await compose(whole, ['config', '--quiet'], secrets);
  await compose(whole, ['--profile', 'monitoring', 'config', '--quiet'], secrets);
  for (const secret of Object.keys(secrets)) {
    const others = { ...secrets, [secret]: '' };
    const without = compose(whole, ['config', '--quiet'], others);
    await expect(without).rejects.toThrow('copy .env.example to .env and give it a value');
  }
});

test('up: everything is healthy behind one address, and an order succeeds', async () => {
  // The images exist and were built from the file.
  await compose(local, ['up', '--detach', '--no-build'], secrets);
  for (const path of ['/api/users/ready', '/api/products/ready', '/api/orders/ready', '/ready']) {
    while ((await statusOf(path)) !== 200) await delay(250);
  }
  const { userId, productId } = await stockShop(url, 5);
  const order = await call(url, '/api/orders', { body: { userId, lines: [{ productId, quantity: 2 }] } });
  expect(order).toMatchObject({ status: 201, body: { status: 'confirmed', totalCents: 2500 } });
  const { items } = (await call(url, '/api/products?limit=100')).body as { items: unknown[] };
  expect(items).toHaveLength(7);
}, 600_000);

test('product-service uses the cache', async () => {
  const { productId } = await stockShop(url, 5);
  const path = `/api/products/${productId}`;
  const keys = () =>
    compose(
      local,
      ['exec', '-T', 'cache', 'valkey-cli', 'exists', `product-service:product:1:${productId}`],
      secrets,
    );
  while ((await keys()) !== '1') await call(url, path);
  expect((await call(url, path)).body).toMatchObject({ stock: 5 });
});

test('reservations without the service token are refused through the gateway', async () => {
  const path = `/api/products/reservations/${crypto.randomUUID()}`;
  expect((await call(url, path, { method: 'DELETE' })).status).toBe(401);
});

test('down: each service exits with code 0', async () => {
  await compose(local, ['stop', '--timeout', '60'], secrets);
  const label = 'label=com.docker.compose.project=services-test';
  const ids = (await docker('ps', '--all', '--quiet', '--filter', label)).split('\n');
  const format = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.ExitCode}}';
  const ends = (await docker('inspect', '--format', format, ...ids)).split('\n');
  expect(ends.filter((end) => !end.endsWith(' 0'))).toEqual([]);
  expect(ends).toHaveLength(11);
});

const statusOf = (path: string) =>
  fetch(url + path).then(
    ({ status }) => status,
    () => 0,
  );
