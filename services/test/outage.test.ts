import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Postgres } from '../local/postgres.ts';
import { migrateAll, startPlatform } from '../local/platform.ts';
import type { Platform } from '../local/platform.ts';
import { call } from './support/http.ts';
import { patience } from './support/patience.ts';
import { stockShop } from './support/shop.ts';

let postgres: Postgres;
let platform: Platform;
let dataFolder: string;

beforeAll(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'services-outage-'));
  postgres = await Postgres.start({ dataFolder });
  const databaseUrl = await postgres.ensureDatabase('shop');
  await migrateAll(databaseUrl);
  platform = await startPlatform({
    databaseUrl,
    env: { SHUTDOWN_DELAY_MS: '0', ...patience },
  });
});

afterAll(async () => {
  await platform.stop();
  await postgres.stop('immediate');
  await rm(dataFolder, { recursive: true, force: true });
});

test('if the database crashes and restarts, services return clear errors, keep running and recover', async () => {
  const { url } = platform;
  const { userId, productId } = await stockShop(url, 10);
  const order = { userId, lines: [{ productId, quantity: 1 }] };
  const startedAt = async () => (await call(url, '/api/users/version')).body['startedAt'];
  expect((await call(url, '/api/orders', { body: order })).status).toBe(201);
  const before = await startedAt();

  await postgres.stop('immediate');
  for (const path of ['/api/users', '/api/products', `/api/orders?userId=${userId}`]) {
    const answer = await call(url, path);
    expect(answer).toMatchObject({
      status: 503,
      body: { title: 'Not available', detail: 'the database is not available' },
    });
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  expect((await call(url, '/api/orders', { body: order })).status).toBe(503);
  expect(await call(url, '/api/users/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await call(url, '/api/users/ready')).toMatchObject({ status: 503, body: { status: 'not ready' } });

  await postgres.start();
  while ((await call(url, '/api/orders', { body: order })).status !== 201) await delay(100);
  for (const service of ['users', 'products', 'orders']) {
    expect((await call(url, `/api/${service}/ready`)).status).toBe(200);
  }
  expect(await startedAt()).toBe(before);
  expect((await call(url, `/api/products/${productId}`)).body).toMatchObject({ stock: 8 });
});
