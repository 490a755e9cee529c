import { isUniqueViolation } from '@services/shared';
import type { Database, Query } from '@services/shared';
import type { NewOrder, Order } from './order.ts';
import type { ReservedLine } from './product-client.ts';

const SELECT_ORDERS = `
  SELECT o.id, o.user_id AS "userId", o.status, o.total_cents AS "totalCents",
    o.failure_reason AS "failureReason", o.created_at AS "createdAt",
    json_agg(json_build_object('productId', l.product_id, 'quantity', l.quantity, 'name', l.name,
      'unitPriceCents', l.unit_price_cents) ORDER BY l.name, l.product_id) AS lines
  FROM orders.orders o JOIN orders.order_lines l ON l.order_id = o.id`;

/** Stores orders. Only a pending order can be confirmed, and a cancelling order can no longer be confirmed. */
export class OrderStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A new pending order, or undefined if the user has used this key before. */
  async add({ userId, lines }: NewOrder, key: string | undefined): Promise<Order | undefined> {
    try {
      return await this.#database.transaction(async (query) => {
        const [order] = await query<{ id: string }>(
          'INSERT INTO orders.orders (user_id, idempotency_key) VALUES ($1, $2) RETURNING id',
          [userId, key ?? null],
        );
        const id = order?.id ?? '';
        await query(
          `INSERT INTO orders.order_lines (order_id, product_id, quantity)
           SELECT $1, * FROM unnest($2::uuid[], $3::integer[])`,
          [id, lines.map(({ productId }) => productId), lines.map(({ quantity }) => quantity)],
        );
        return findOne(query, 'o.id = $1', [id]);
      });
    } catch (error) {
      if (isUniqueViolation(error, 'orders_idempotency')) return undefined;
      throw error;
    }
  }

  find(id: string): Promise<Order | undefined> {
    return findOne(this.#database.query, 'o.id = $1', [id]);
  }

  findByKey(userId: string, key: string): Promise<Order | undefined> {
    return findOne(this.#database.query, 'o.user_id = $1 AND o.idempotency_key = $2', [userId, key]);
  }

  /** The user's latest orders, newest first. */
  listOf(userId: string, limit: number): Promise<Order[]> {
    return findAll(this.#database.query, 'o.user_id = $1', [userId], `o.created_at DESC LIMIT ${limit}`);
  }

  /** Abandoned orders: older than the longest request. */
  unsettled(olderThanMs: number, limit: number): Promise<Order[]> {
    const where = `o.status IN ('pending', 'cancelling') AND o.created_at < now() - $1 * interval '1 millisecond'`;
    return findAll(this.#database.query, where, [olderThanMs], `o.created_at LIMIT ${limit}`);
  }

  /** False if the order is no longer pending. */
  confirm(id: string, lines: ReservedLine[]): Promise<boolean> {
    const total = lines.reduce((sum, { quantity, unitPriceCents }) => sum + quantity * unitPriceCents, 0);
    return this.#database.transaction(async (query) => {
      const confirmed = await query(
        `UPDATE orders.orders SET status = 'confirmed', total_cents = $2
         WHERE id = $1 AND status = 'pending' RETURNING id`,
        [id, total],
      );
      for (const { productId, name, unitPriceCents } of confirmed.length > 0 ? lines : []) {
        await query(
          'UPDATE orders.order_lines SET name = $3, unit_price_cents = $4 WHERE order_id = $1 AND product_id = $2',
          [id, productId, name, unitPriceCents],
        );
      }
      return confirmed.length > 0;
    });
  }

  /** If the order itself was not the cause of the failure, its key is free again: the same request may be retried. */
  async startCancelling(id: string, reason: string, options: { freeKey: boolean }): Promise<void> {
    await this.#database.query(
      `UPDATE orders.orders SET status = 'cancelling', failure_reason = $2,
         idempotency_key = CASE WHEN $3 THEN NULL ELSE idempotency_key END
       WHERE id = $1 AND status = 'pending'`,
      [id, reason, options.freeKey],
    );
  }

  async finishCancelling(id: string): Promise<void> {
    await this.#database.query(
      `UPDATE orders.orders SET status = 'cancelled' WHERE id = $1 AND status = 'cancelling'`,
      [id],
    );
  }
}

type OrderRow = {
  [K in keyof Order]: K extends 'createdAt' ? Date : Order[K] | null;
};

async function findAll(query: Query, where: string, parameters: unknown[], order = 'o.id'): Promise<Order[]> {
  const rows = await query<OrderRow>(
    `${SELECT_ORDERS} WHERE ${where} GROUP BY o.id ORDER BY ${order}`,
    parameters,
  );
  return rows.map((row) => withoutNulls({ ...row, createdAt: row.createdAt.toISOString() }) as Order);
}

async function findOne(query: Query, where: string, parameters: unknown[]): Promise<Order | undefined> {
  return (await findAll(query, where, parameters))[0];
}

/** Unknown values are omitted from the response, at every depth. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]));
}
