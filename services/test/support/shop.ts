import { call } from './http.ts';

let number = 0;

/** A user and a product to order, created through the gateway. */
export async function stockShop(url: string, stock: number): Promise<{ userId: string; productId: string }> {
  number += 1;
  const user = { email: `user${number}@example.org`, displayName: 'Ann' };
  const product = { sku: `SKU-${number}`, name: 'Mug', priceCents: 1250, stock };
  const { id: userId } = (await call(url, '/api/users', { body: user })).body;
  const { id: productId } = (await call(url, '/api/products', { body: product })).body;
  return { userId: String(userId), productId: String(productId) };
}
