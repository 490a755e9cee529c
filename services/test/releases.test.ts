import { afterEach, describe, expect, test } from '@jest/globals';
import { readDatabaseConfig } from '../shared/src/database-config.ts';
import { Database } from '../shared/src/database.ts';
import { OrderStore } from '../order-service/src/order-store.ts';
import { productStore } from '../product-service/src/product-store.ts';
import { ReservationStore } from '../product-service/src/reservation-store.ts';
import { userStore } from '../user-service/src/user-store.ts';
import { orderStore as orderStore10 } from './releases/1.0/order-store.ts';
import { productStore as productStore10 } from './releases/1.0/product-store.ts';
import { userStore as userStore10 } from './releases/1.0/user-store.ts';
import { freshDatabase, migrateSchema } from './support/database.ts';
import type { Schema } from './support/database.ts';
import { silentLog } from './support/log.ts';
import { patience } from './support/patience.ts';

const open: Database[] = [];
afterEach(async () => {
  for (const database of open.splice(0)) await database.close();
});

/** A database with the schema of release 1.0, and a function that expands it to the current one. */
async function schemaOf10(schema: Schema) {
  const url = await freshDatabase();
  await migrateSchema(url, schema, 'expand', '0001');
  const database = new Database(await readDatabaseConfig({ DATABASE_URL: url, ...patience }), {
    application: 'test',
    log: silentLog,
  });
  open.push(database);
  return { url, database, expand: () => migrateSchema(url, schema) };
}

describe('users: name becomes displayName', () => {
  test('1.0 and the current release work on the expanded schema at the same time', async () => {
    const { database, expand } = await schemaOf10('users');
    const [old, current] = [userStore10(database.query), userStore(database.query)];
    const before = await old.add('before@example.org', 'Before');
    await expand();

    expect(await current.find(before!.id)).toMatchObject({ displayName: 'Before', status: 'active' });
    const fromOld = await old.add('old@example.org', 'Old');
    expect(await current.find(fromOld!.id)).toMatchObject({ displayName: 'Old' });
    const fromCurrent = await current.add({ email: 'new@example.org', displayName: 'New' });
    expect(await old.find(fromCurrent!.id)).toMatchObject({ name: 'New' });

    await old.rename(fromCurrent!.id, 'Renamed by 1.0');
    expect(await current.find(fromCurrent!.id)).toMatchObject({ displayName: 'Renamed by 1.0' });
    await current.change(fromOld!.id, { displayName: 'Renamed today' });
    expect(await old.find(fromOld!.id)).toMatchObject({ name: 'Renamed today' });
  });

  test('1.0 loses no write while the schema expands', async () => {
    const { database, expand } = await schemaOf10('users');
    const [old, current] = [userStore10(database.query), userStore(database.query)];
    const expanded = new AbortController();
    const written: string[] = [];
    const writing = (async () => {
      for (let index = 0; !expanded.signal.aborted; index += 1) {
        written.push((await old.add(`user${index}@example.org`, `User ${index}`))!.id);
      }
    })();
    await expand();
    expanded.abort();
    await writing;
    expect(written.length).toBeGreaterThan(0);
    for (const id of written)
      expect(await current.find(id)).toMatchObject({ displayName: expect.stringMatching(/^User \d+$/) });
  });

  test('after the contraction, the current release works and 1.0 no longer does', async () => {
    const { url, database, expand } = await schemaOf10('users');
    await expand();
    expect(await migrateSchema(url, 'users', 'contract')).toEqual(['0004.contract.name']);
    const current = userStore(database.query);
    const user = await current.add({ email: 'a@example.org', displayName: 'A' });
    expect(await current.change(user!.id, { displayName: 'B' })).toMatchObject({ displayName: 'B' });
    await expect(userStore10(database.query).find(user!.id)).rejects.toThrow('column "name" does not exist');
  });
});

describe('products: price becomes priceCents', () => {
  test('1.0 and the current release work on the expanded schema at the same time', async () => {
    const { database, expand } = await schemaOf10('products');
    const [old, current] = [productStore10(database), productStore(database.query)];
    const reservations = new ReservationStore(database);
    const before = await old.add('BEFORE', '12.50', 5);
    const orderBefore = crypto.randomUUID();
    await old.reserve(orderBefore, before!.id, 1);
    await expand();

    expect(await current.find(before!.id)).toMatchObject({ priceCents: 1250, stock: 4 });
    const fromOld = await old.add('OLD', '0.99', 5);
    expect(await current.find(fromOld!.id)).toMatchObject({ priceCents: 99 });
    const fromCurrent = await current.add({ sku: 'NEW', name: 'New', priceCents: 2999, stock: 5 });
    expect(await old.find(fromCurrent!.id)).toMatchObject({ price: '29.99' });

    await old.setPrice(fromCurrent!.id, '31.00');
    expect(await current.find(fromCurrent!.id)).toMatchObject({ priceCents: 3100 });
    await current.change(fromOld!.id, { priceCents: 101 });
    expect(await old.find(fromOld!.id)).toMatchObject({ price: '1.01' });

    const [byOld, byCurrent] = [crypto.randomUUID(), crypto.randomUUID()];
    await old.reserve(byOld, fromOld!.id, 2);
    await reservations.reserve(byCurrent, [{ productId: fromOld!.id, quantity: 2 }]);
    for (const orderId of [byOld, orderBefore]) await reservations.release(orderId);
    expect(await old.find(fromOld!.id)).toMatchObject({ stock: 3 });
    expect(await old.find(before!.id)).toMatchObject({ stock: 5 });
  });

  test('after the contraction, the current release works', async () => {
    const { url, database, expand } = await schemaOf10('products');
    await expand();
    expect(await migrateSchema(url, 'products', 'contract')).toEqual(['0004.contract.price']);
    const current = productStore(database.query);
    const product = await current.add({ sku: 'A', name: 'A', priceCents: 100, stock: 2 });
    const reservation = await new ReservationStore(database).reserve(crypto.randomUUID(), [
      { productId: product!.id, quantity: 2 },
    ]);
    expect(reservation.lines).toEqual([
      { productId: product!.id, name: 'A', quantity: 2, unitPriceCents: 100 },
    ]);
  });
});

test('orders: 1.0, without idempotency keys, works on the expanded schema', async () => {
  const { database, expand } = await schemaOf10('orders');
  const [old, current] = [orderStore10(database), new OrderStore(database)];
  const [userId, productId] = [crypto.randomUUID(), crypto.randomUUID()];
  const before = await old.add(userId, productId, 1);
  await expand();
  const after = await old.add(userId, productId, 2);
  await old.confirm(after, 500);
  expect(await current.find(before)).toMatchObject({
    status: 'pending',
    lines: [{ productId, quantity: 1 }],
  });
  expect(await current.find(after)).toMatchObject({ status: 'confirmed', totalCents: 500 });
  await current.add({ userId, lines: [{ productId, quantity: 1 }] }, 'key');
  expect((await current.listOf(userId, 10)).length).toBe(3);
});
