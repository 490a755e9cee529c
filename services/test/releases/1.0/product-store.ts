import type { Database, Query } from '../../../shared/src/database.ts';

export interface Product {
  id: string;
  sku: string;
  price: string;
  stock: number;
}

/** product-service 1.0: a `price` with two decimals, which pg reads as text. */
export function productStore(database: Database) {
  const one = async (query: Query, statement: string, parameters: unknown[]) =>
    (await query<Product & Record<string, unknown>>(statement, parameters))[0];
  return {
    add: (sku: string, price: string, stock: number) =>
      one(
        database.query,
        'INSERT INTO products.products (sku, name, price, stock) VALUES ($1, $1, $2, $3) RETURNING id, sku, price, stock',
        [sku, price, stock],
      ),
    find: (id: string) =>
      one(database.query, 'SELECT id, sku, price, stock FROM products.products WHERE id = $1', [id]),
    setPrice: (id: string, price: string) =>
      one(
        database.query,
        'UPDATE products.products SET price = $2 WHERE id = $1 RETURNING id, sku, price, stock',
        [id, price],
      ),
    reserve: (orderId: string, productId: string, quantity: number) =>
      database.transaction(async (query) => {
        await query("INSERT INTO products.reservations (order_id, status) VALUES ($1, 'reserved')", [
          orderId,
        ]);
        const taken = await one(
          query,
          `UPDATE products.products SET stock = stock - $2 WHERE id = $1 AND stock >= $2
           RETURNING id, sku, price, stock`,
          [productId, quantity],
        );
        if (taken === undefined) throw new Error('insufficient stock');
        await query(
          'INSERT INTO products.reservation_lines (order_id, product_id, quantity, price) VALUES ($1, $2, $3, $4)',
          [orderId, productId, quantity, taken.price],
        );
      }),
  };
}
