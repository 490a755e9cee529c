import { isUniqueViolation } from '@services/shared';
import type { Query } from '@services/shared';
import type { NewProduct, Product, ProductChange } from './product.ts';

/** Stores products. */
export interface ProductStore {
  /** Undefined if the SKU is already in use. */
  add(product: NewProduct): Promise<Product | undefined>;
  find(id: string): Promise<Product | undefined>;
  change(id: string, change: ProductChange): Promise<Product | undefined>;
  /** `refused` if the stock would become negative. */
  changeStock(id: string, change: number): Promise<Product | undefined | 'refused'>;
  list(after: string | undefined, count: number): Promise<Product[]>;
}

const COLUMNS = `id, sku, name, description, price_cents AS "priceCents", stock`;

export function productStore(query: Query): ProductStore {
  const products = (statement: string, parameters: unknown[]) => query<Product>(statement, parameters);
  const one = async (statement: string, parameters: unknown[]) => (await products(statement, parameters))[0];
  const find = (id: string) => one(`SELECT ${COLUMNS} FROM products.products WHERE id = $1`, [id]);
  return {
    find,
    async add({ sku, name, description = '', priceCents, stock }) {
      const statement = `INSERT INTO products.products (sku, name, description, price_cents, stock)
         VALUES ($1, $2, $3, $4, $5) RETURNING ${COLUMNS}`;
      try {
        return await one(statement, [sku, name, description, priceCents, stock]);
      } catch (error) {
        if (isUniqueViolation(error, 'products_sku')) return undefined;
        throw error;
      }
    },
    change: (id, { name = null, description = null, priceCents = null }) =>
      one(
        `UPDATE products.products SET name = coalesce($2, name), description = coalesce($3, description),
           price_cents = coalesce($4, price_cents) WHERE id = $1 RETURNING ${COLUMNS}`,
        [id, name, description, priceCents],
      ),
    async changeStock(id, change) {
      const statement = `UPDATE products.products SET stock = stock + $2
         WHERE id = $1 AND stock + $2 >= 0 RETURNING ${COLUMNS}`;
      const changed = await one(statement, [id, change]);
      if (changed !== undefined) return changed;
      return (await find(id)) === undefined ? undefined : 'refused';
    },
    list: (after, count) =>
      products(
        `SELECT ${COLUMNS} FROM products.products WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
        [after ?? null, count],
      ),
  };
}
