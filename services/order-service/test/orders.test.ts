import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { freshDatabase, sql } from '../../test/support/database.ts';
import { call } from '../../test/support/http.ts';
import { startTestService } from '../../test/support/service.ts';
import type { TestService } from '../../test/support/service.ts';
import { UnreliableProxy } from '../../test/support/unreliable-proxy.ts';

let users: TestService;
let products: TestService;
let orders: TestService;
let userLink: UnreliableProxy;
let productLink: UnreliableProxy;
let userId: string;
let productId: string;

beforeAll(async () => {
  const databaseUrl = await freshDatabase();
  users = await startTestService('users', { databaseUrl });
  products = await startTestService('products', { databaseUrl });
  userLink = await UnreliableProxy.start(users.url);
  productLink = await UnreliableProxy.start(products.url);
  const env = {
    USERS_URL: userLink.url,
    PRODUCTS_URL: productLink.url,
    SETTLE_INTERVAL_MS: '100',
    CIRCUIT_OPEN_MS: '500',
    ORDER_ABANDONED_AFTER_MS: String(ABANDONED_AFTER_MS),
  };
  orders = await startTestService('orders', { databaseUrl, env });
  const user = { email: 'ann@example.org', displayName: 'Ann' };
  userId = String((await call(users.url, '/api/users', { body: user })).body['id']);
});

afterAll(async () => {
  await orders.stop();
  await Promise.all([users.stop(), products.stop(), userLink.close(), productLink.close()]);
});

/** Longer than a request takes on a very busy machine. */
const ABANDONED_AFTER_MS = 120_000;

let number = 0;
beforeEach(async () => {
  userLink.mode = 'pass';
  productLink.mode = 'pass';
  number += 1;
  const body = { sku: `P-${number}`, name: 'Mug', priceCents: 1250, stock: 5 };
  productId = String((await call(products.url, '/api/products', { body })).body['id']);
});

const place = (quantity = 1, key?: string) =>
  call(orders.url, '/api/orders', {
    body: { userId, lines: [{ productId, quantity }] },
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
const stock = async () => (await call(products.url, `/api/products/${productId}`)).body['stock'];
const statusOf = async (id: unknown) => (await call(orders.url, `/api/orders/${String(id)}`)).body['status'];
const eventually = async (check: () => Promise<boolean>) => {
  while (!(await check())) await delay(50);
};

/** Waits until unfinished orders count as abandoned. */
const abandonUnfinished = () =>
  sql(
    orders.databaseUrl,
    `UPDATE orders.orders SET created_at = now() - $1 * interval '1 millisecond'
     WHERE status IN ('pending', 'cancelling')`,
    [ABANDONED_AFTER_MS + 1_000],
  );

test('an order is confirmed with the current price, and reserves the stock', async () => {
  const { status, body, headers } = await place(2);
  expect(status).toBe(201);
  expect(headers.get('location')).toBe(`/api/orders/${String(body['id'])}`);
  expect(body).toMatchObject({
    userId,
    status: 'confirmed',
    totalCents: 2500,
    lines: [{ productId, quantity: 2, name: 'Mug', unitPriceCents: 1250 }],
  });
  expect(await stock()).toBe(3);
  expect((await call(orders.url, `/api/orders/${String(body['id'])}`)).body).toEqual(body);
  const list = await call(orders.url, `/api/orders?userId=${userId}&limit=1`);
  expect(list.body['items']).toEqual([body]);
});

test('an order that exceeds the stock reserves nothing and names the product', async () => {
  const { status, body } = await place(6);
  expect(status).toBe(409);
  expect(body).toMatchObject({ reason: 'insufficient-stock', productId });
  expect(await statusOf(body['orderId'])).toBe('cancelled');
  expect(await stock()).toBe(5);
});

test('an unknown or suspended user cannot order', async () => {
  const unknown = crypto.randomUUID();
  const body = { userId: unknown, lines: [{ productId, quantity: 1 }] };
  expect(await call(orders.url, '/api/orders', { body })).toMatchObject({
    status: 422,
    body: { detail: `user ${unknown} not found` },
  });
  const bob = { email: 'bob@example.org', displayName: 'Bob' };
  const { id } = (await call(users.url, '/api/users', { body: bob })).body as { id: string };
  await call(users.url, `/api/users/${id}`, { method: 'PATCH', body: { status: 'suspended' } });
  expect(await call(orders.url, '/api/orders', { body: { ...body, userId: id } })).toMatchObject({
    status: 422,
    body: { detail: `user ${id} is suspended and cannot order` },
  });
});

describe('an idempotency key', () => {
  test('returns the same order for a repeated request', async () => {
    const first = await place(2, 'k1');
    const second = await place(2, 'k1');
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
    expect(await stock()).toBe(3);
  });

  test('also works for concurrent requests', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => place(1, 'k2')));
    expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(await stock()).toBe(4);
  });

  test('cannot be used for another order', async () => {
    await place(1, 'k3');
    expect(await place(2, 'k3')).toMatchObject({
      status: 422,
      body: { detail: 'this Idempotency-Key was used for another order' },
    });
  });

  test('returns the same refusal for a repeated request', async () => {
    const first = await place(6, 'k4');
    const second = await place(6, 'k4');
    expect([first.status, second.status]).toEqual([409, 409]);
  });

  test('can be used again after an internal failure', async () => {
    productLink.mode = 'refuse';
    expect((await place(1, 'k5')).status).toBe(503);
    productLink.mode = 'pass';
    await eventually(async () => (await place(1, 'k5')).status === 201);
    expect(await stock()).toBe(4);
  });
});

describe('when another service fails', () => {
  test('a short failure is retried', async () => {
    productLink.failNext(1);
    userLink.failNext(1);
    expect((await place()).status).toBe(201);
  });

  test('without user-service, no order is placed and the response gives the reason', async () => {
    userLink.mode = 'refuse';
    const answer = await place();
    expect(answer).toMatchObject({ status: 503, body: { detail: 'user-service is not available' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await stock()).toBe(5);
  });

  test('without product-service, the order is cancelled once it is available again', async () => {
    productLink.mode = 'refuse';
    const answer = await place();
    expect(answer).toMatchObject({ status: 503, body: { detail: 'product-service is not available' } });
    productLink.mode = 'pass';
    await expectSettled();
    expect(await stock()).toBe(5);
  });

  test('if the response to a reservation is lost, the stock is released', async () => {
    productLink.mode = 'lose-answers';
    expect((await place()).status).toBe(503);
    productLink.mode = 'pass';
    await expectSettled();
    expect(await stock()).toBe(5);
  });

  test('after five consecutive failures, the circuit opens and requests fail immediately without a call', async () => {
    const { databaseUrl } = orders;
    const env = { USERS_URL: userLink.url, PRODUCTS_URL: productLink.url, CIRCUIT_OPEN_MS: '60000' };
    const impatient = await startTestService('orders', { databaseUrl, env });
    const order = { userId, lines: [{ productId, quantity: 1 }] };
    userLink.mode = 'refuse';
    const before = userLink.connections;
    for (let index = 0; index < 4; index += 1) {
      expect((await call(impatient.url, '/api/orders', { body: order })).status).toBe(503);
    }
    expect(userLink.connections - before).toBe(5);
    const metrics = await (await fetch(`${impatient.url}/metrics`)).text();
    expect(metrics).toMatch(/circuit_open\{dependency="user-service".*\} 1/);
    await impatient.stop();
  });

  test('the circuit closes again automatically', async () => {
    userLink.mode = 'refuse';
    for (let index = 0; index < 3; index += 1) await place();
    userLink.mode = 'pass';
    await eventually(async () => (await place()).status === 201);
  });

  async function expectSettled() {
    await abandonUnfinished();
    const open = "SELECT id FROM orders.orders WHERE status IN ('pending', 'cancelling')";
    await eventually(async () => (await sql(orders.databaseUrl, open)).length === 0);
  }
});

test('an order abandoned by a crashed process is cancelled, and its stock released', async () => {
  const id = crypto.randomUUID();
  await sql(orders.databaseUrl, 'INSERT INTO orders.orders (id, user_id) VALUES ($1, $2)', [id, userId]);
  const line = 'INSERT INTO orders.order_lines (order_id, product_id, quantity) VALUES ($1, $2, 3)';
  await sql(orders.databaseUrl, line, [id, productId]);
  const body = { lines: [{ productId, quantity: 3 }] };
  await call(products.url, `/api/products/reservations/${id}`, { method: 'PUT', body });
  await abandonUnfinished();
  await eventually(async () => (await statusOf(id)) === 'cancelled');
  expect(await stock()).toBe(5);
});
