import type { Database, Query } from '@services/shared';
import type { Reservation, ReservationRequest } from './reservation.ts';

/** Nothing was reserved: a product does not exist, or does not have enough stock. */
export class NotReservableError extends Error {
  readonly reason: 'unknown-product' | 'insufficient-stock';
  readonly productId: string;

  constructor(reason: NotReservableError['reason'], productId: string) {
    super(`${reason}: ${productId}`);
    this.reason = reason;
    this.productId = productId;
  }
}

export interface Reservations {
  /** @throws NotReservableError if a product cannot be reserved. Then nothing is. */
  reserve(orderId: string, lines: Line[]): Promise<Reservation>;
  /** Returns the order's stock, once. The order cannot be reserved again. */
  release(orderId: string): Promise<Reservation>;
}

type Line = ReservationRequest['lines'][number];

/**
 * Reserves stock for orders: all lines of an order or none. Repeating a request for the same order returns the same
 * result and reserves the stock only once. An order that was released stays released, even if its release arrived
 * before the reservation.
 */
export class ReservationStore implements Reservations {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws NotReservableError if a product cannot be reserved. Then nothing is. */
  reserve(orderId: string, lines: Line[]): Promise<Reservation> {
    return this.#database.transaction(async (query) => {
      const created = await query(
        `INSERT INTO products.reservations (order_id, status) VALUES ($1, 'reserved')
         ON CONFLICT DO NOTHING RETURNING order_id`,
        [orderId],
      );
      if (created.length > 0) for (const line of inLockOrder(lines)) await take(query, orderId, line);
      return find(query, orderId);
    });
  }

  /** Returns the order's stock, once. The order cannot be reserved again. */
  release(orderId: string): Promise<Reservation> {
    return this.#database.transaction(async (query) => {
      await query(
        `INSERT INTO products.reservations (order_id, status) VALUES ($1, 'reserved') ON CONFLICT DO NOTHING`,
        [orderId],
      );
      const released = await query(
        `UPDATE products.reservations SET status = 'released'
         WHERE order_id = $1 AND status = 'reserved' RETURNING order_id`,
        [orderId],
      );
      if (released.length > 0) await putBack(query, orderId);
      return find(query, orderId);
    });
  }
}

/** Every transaction locks products in the same order, to prevent deadlocks. */
function inLockOrder(lines: Line[]): Line[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities]
    .map(([productId, quantity]) => ({ productId, quantity }))
    .sort((a, b) => (a.productId < b.productId ? -1 : 1));
}

/** The update checks and reserves in one statement, so no other order can intervene. */
async function take(query: Query, orderId: string, { productId, quantity }: Line): Promise<void> {
  const [taken] = await query<{ priceCents: number }>(
    `UPDATE products.products SET stock = stock - $2 WHERE id = $1 AND stock >= $2
     RETURNING price_cents AS "priceCents"`,
    [productId, quantity],
  );
  if (taken === undefined) {
    const [product] = await query('SELECT id FROM products.products WHERE id = $1', [productId]);
    throw new NotReservableError(product === undefined ? 'unknown-product' : 'insufficient-stock', productId);
  }
  await query(
    `INSERT INTO products.reservation_lines (order_id, product_id, quantity, unit_price_cents)
     VALUES ($1, $2, $3, $4)`,
    [orderId, productId, quantity, taken.priceCents],
  );
}

async function putBack(query: Query, orderId: string): Promise<void> {
  const lines = await query<{ productId: string; quantity: number }>(
    `SELECT product_id AS "productId", quantity FROM products.reservation_lines WHERE order_id = $1`,
    [orderId],
  );
  for (const { productId, quantity } of inLockOrder(lines)) {
    await query('UPDATE products.products SET stock = stock + $2 WHERE id = $1', [productId, quantity]);
  }
}

async function find(query: Query, orderId: string): Promise<Reservation> {
  const [reservation] = await query<{ status: Reservation['status'] }>(
    'SELECT status FROM products.reservations WHERE order_id = $1',
    [orderId],
  );
  const lines = await query<Reservation['lines'][number]>(
    `SELECT l.product_id AS "productId", p.name, l.quantity, l.unit_price_cents AS "unitPriceCents"
     FROM products.reservation_lines l JOIN products.products p ON p.id = l.product_id
     WHERE l.order_id = $1 ORDER BY p.name`,
    [orderId],
  );
  return { orderId, status: reservation?.status ?? 'released', lines };
}
