import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { call } from '../../test/support/http.ts';
import { startTestService } from '../../test/support/service.ts';
import type { TestService } from '../../test/support/service.ts';

let products: TestService;
beforeAll(async () => {
  products = await startTestService('products');
});
afterAll(() => products.stop());

let number = 0;
const add = async (stock = 10, priceCents = 1250) => {
  number += 1;
  const body = { sku: `TEST-${number}`, name: `Test ${number}`, priceCents, stock };
  return (await call(products.url, '/api/products', { body })).body as { id: string; stock: number };
};

test('adds, finds, changes and lists a product', async () => {
  const body = { sku: 'MUG-9', name: 'Mug', description: 'Blue', priceCents: 900, stock: 3 };
  const added = await call(products.url, '/api/products', { body });
  expect(added).toMatchObject({ status: 201, body });
  const path = `/api/products/${String(added.body['id'])}`;
  const changed = await call(products.url, path, { method: 'PATCH', body: { priceCents: 950 } });
  expect(changed.body).toEqual({ ...added.body, priceCents: 950 });
  expect((await call(products.url, path)).body).toEqual(changed.body);
  expect((await call(products.url, '/api/products?limit=100')).body['items']).toContainEqual(changed.body);
});

test('a SKU is unique', async () => {
  const body = { sku: 'ONCE', name: 'Once', priceCents: 1, stock: 0 };
  await call(products.url, '/api/products', { body });
  expect(await call(products.url, '/api/products', { body })).toMatchObject({
    status: 409,
    body: { detail: 'SKU ONCE is already in use' },
  });
});

describe('stock', () => {
  const change = (id: string, difference: number) =>
    call(products.url, `/api/products/${id}/stock`, { body: { change: difference } });

  test('concurrent changes are all applied', async () => {
    const { id } = await add(100);
    await Promise.all(Array.from({ length: 20 }, (_, index) => change(id, index % 2 === 0 ? 5 : -3)));
    expect((await call(products.url, `/api/products/${id}`)).body).toMatchObject({ stock: 120 });
  });

  test('is never negative', async () => {
    const { id } = await add(2);
    expect(await change(id, -3)).toMatchObject({
      status: 409,
      body: { detail: 'there is not enough stock' },
    });
    expect((await call(products.url, `/api/products/${id}`)).body).toMatchObject({ stock: 2 });
  });

  test('of a missing product is not found', async () => {
    expect((await change(crypto.randomUUID(), 1)).status).toBe(404);
  });
});

describe('a reservation', () => {
  const path = (orderId: string) => `/api/products/reservations/${orderId}`;
  const reserve = (orderId: string, lines: { productId: string; quantity: number }[]) =>
    call(products.url, path(orderId), { method: 'PUT', body: { lines } });
  const release = (orderId: string) => call(products.url, path(orderId), { method: 'DELETE' });
  const stockOf = async (id: string) => (await call(products.url, `/api/products/${id}`)).body['stock'];

  test('reserves the stock of every line and returns the current price', async () => {
    const [a, b] = [await add(5, 1000), await add(5, 250)];
    const lines = [
      { productId: a.id, quantity: 2 },
      { productId: b.id, quantity: 3 },
      { productId: a.id, quantity: 1 },
    ];
    const answer = await reserve(crypto.randomUUID(), lines);
    expect(answer).toMatchObject({ status: 200, body: { status: 'reserved' } });
    expect(answer.body['lines']).toEqual([
      expect.objectContaining({ productId: a.id, quantity: 3, unitPriceCents: 1000 }),
      expect.objectContaining({ productId: b.id, quantity: 3, unitPriceCents: 250 }),
    ]);
    expect([await stockOf(a.id), await stockOf(b.id)]).toEqual([2, 2]);
  });

  test('is all or nothing, and names the product without enough stock', async () => {
    const [a, b] = [await add(5), await add(1)];
    const lines = [
      { productId: a.id, quantity: 1 },
      { productId: b.id, quantity: 2 },
    ];
    expect(await reserve(crypto.randomUUID(), lines)).toMatchObject({
      status: 409,
      body: { reason: 'insufficient-stock', productId: b.id },
    });
    expect([await stockOf(a.id), await stockOf(b.id)]).toEqual([5, 1]);
  });

  test('requested twenty times reserves stock once', async () => {
    const [{ id }, orderId] = [await add(50), crypto.randomUUID()];
    const again = () => reserve(orderId, [{ productId: id, quantity: 2 }]);
    const answers = await Promise.all(Array.from({ length: 20 }, again));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await stockOf(id)).toBe(48);
  });

  test('released twice returns stock once, and cannot be made again', async () => {
    const [{ id }, orderId] = [await add(4), crypto.randomUUID()];
    await reserve(orderId, [{ productId: id, quantity: 3 }]);
    await Promise.all([release(orderId), release(orderId), release(orderId)]);
    expect(await stockOf(id)).toBe(4);
    expect(await reserve(orderId, [{ productId: id, quantity: 3 }])).toMatchObject({
      status: 409,
      body: { reason: 'released' },
    });
  });

  test('is refused if its release arrived before it', async () => {
    const [{ id }, orderId] = [await add(4), crypto.randomUUID()];
    expect((await release(orderId)).body).toMatchObject({ status: 'released', lines: [] });
    expect((await reserve(orderId, [{ productId: id, quantity: 1 }])).status).toBe(409);
    expect(await stockOf(id)).toBe(4);
  });

  test('of a missing product is not found', async () => {
    const productId = crypto.randomUUID();
    expect(await reserve(crypto.randomUUID(), [{ productId, quantity: 1 }])).toMatchObject({
      status: 422,
      body: { reason: 'unknown-product', productId },
    });
  });

  test('ignores properties of a newer caller', async () => {
    const { id } = await add(4);
    const body = { lines: [{ productId: id, quantity: 1, giftWrap: true }], channel: 'web' };
    const answer = await call(products.url, path(crypto.randomUUID()), { method: 'PUT', body });
    expect(answer.status).toBe(200);
  });

  test('orders for the same products in opposite order do not deadlock', async () => {
    const [a, b] = [await add(100), await add(100)];
    const forth = [a, b].map(({ id }) => ({ productId: id, quantity: 1 }));
    const back = [...forth].reverse();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => reserve(crypto.randomUUID(), index % 2 ? forth : back)),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect([await stockOf(a.id), await stockOf(b.id)]).toEqual([40, 40]);
  });
});

test('if a token is set, reservations require it', async () => {
  const guarded = await startTestService('products', { env: { SERVICE_TOKEN: 'between-services' } });
  const ask = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    const path = `/api/products/reservations/${crypto.randomUUID()}`;
    return (await call(guarded.url, path, { method: 'DELETE', headers })).status;
  };
  expect(await ask()).toBe(401);
  expect(await ask('Bearer between-others')).toBe(401);
  expect(await ask('Bearer between-services')).toBe(200);
  await guarded.stop();
});
