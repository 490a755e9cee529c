import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { migrateAll, startPlatform } from '../local/platform.ts';
import type { Platform } from '../local/platform.ts';
import { freshDatabase, sql } from './support/database.ts';
import { call } from './support/http.ts';
import { startLoad } from './support/load.ts';
import { patience } from './support/patience.ts';
import { stockShop } from './support/shop.ts';

let platform: Platform;
let databaseUrl: string;

beforeAll(async () => {
  databaseUrl = await freshDatabase();
  await migrateAll(databaseUrl);
  const env = { SHUTDOWN_DELAY_MS: '5000', CHECK_INTERVAL_MS: '200', ...patience };
  platform = await startPlatform({ databaseUrl, instances: 2, env });
});

afterAll(async () => {
  await platform.stop();
});

test('of a hundred concurrent orders for thirty items, exactly thirty are confirmed', async () => {
  const { userId, productId } = await stockShop(platform.url, 30);
  const body = { userId, lines: [{ productId, quantity: 1 }] };
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => call(platform.url, '/api/orders', { body })),
  );

  const count = (status: number) => answers.filter((answer) => answer.status === status).length;
  expect({ confirmed: count(201), refused: count(409) }).toEqual({ confirmed: 30, refused: 70 });
  expect((await call(platform.url, `/api/products/${productId}`)).body).toMatchObject({ stock: 0 });
  const [ordered] = await sql(
    databaseUrl,
    `SELECT count(*)::int AS orders, sum(quantity)::int AS pieces FROM orders.orders o
     JOIN orders.order_lines l ON l.order_id = o.id WHERE o.status = 'confirmed' AND l.product_id = $1`,
    [productId],
  );
  expect(ordered).toEqual({ orders: 30, pieces: 30 });
  const [reserved] = await sql(
    databaseUrl,
    `SELECT sum(quantity)::int AS pieces FROM products.reservations r
     JOIN products.reservation_lines l USING (order_id) WHERE r.status = 'reserved' AND l.product_id = $1`,
    [productId],
  );
  expect(reserved).toEqual({ pieces: 30 });
});

test('SIGTERM under load: every request succeeds', async () => {
  const { userId, productId } = await stockShop(platform.url, 1_000_000);
  const order = JSON.stringify({ userId, lines: [{ productId, quantity: 1 }] });
  const headers = { 'content-type': 'application/json' };
  const stopLoad = startLoad(12, (worker) =>
    worker % 2 === 0
      ? fetch(`${platform.url}/api/orders`, { method: 'POST', headers, body: order })
      : fetch(`${platform.url}${['/api/products?limit=5', `/api/users/${userId}`, '/'][worker % 3] ?? '/'}`),
  );
  await delay(500);
  const services = ['product-service', 'user-service', 'order-service', 'frontend'] as const;
  const codes = await Promise.all(services.map((service) => platform.processes(service)[0]!.stop()));
  await delay(300);
  const { durationsMs, failures } = await stopLoad();

  expect(failures).toEqual([]);
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(durationsMs.length).toBeGreaterThan(services.length * 12);
  const [{ confirmed, unsettled } = {}] = await sql<Record<string, number>>(
    databaseUrl,
    `SELECT count(*) FILTER (WHERE status = 'confirmed')::int AS confirmed,
       count(*) FILTER (WHERE status IN ('pending', 'cancelling'))::int AS unsettled
     FROM orders.orders WHERE user_id = $1`,
    [userId],
  );
  const { stock } = (await call(platform.url, `/api/products/${productId}`)).body as { stock: number };
  expect({ sold: 1_000_000 - stock, unsettled }).toEqual({ sold: confirmed, unsettled: 0 });
});
