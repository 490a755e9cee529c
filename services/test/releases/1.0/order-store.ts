import type { Database } from '../../../shared/src/database.ts';

/** order-service 1.0: no idempotency keys. */
export function orderStore(database: Database) {
  return {
    add: (userId: string, productId: string, quantity: number) =>
      database.transaction(async (query) => {
        const [order] = await query<{ id: string }>(
          'INSERT INTO orders.orders (user_id) VALUES ($1) RETURNING id',
          [userId],
        );
        const id = order?.id ?? '';
        await query('INSERT INTO orders.order_lines (order_id, product_id, quantity) VALUES ($1, $2, $3)', [
          id,
          productId,
          quantity,
        ]);
        return id;
      }),
    confirm: (id: string, totalCents: number) =>
      database.query(
        "UPDATE orders.orders SET status = 'confirmed', total_cents = $2 WHERE id = $1 RETURNING id",
        [id, totalCents],
      ),
  };
}
