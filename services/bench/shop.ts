const headers = { 'content-type': 'application/json' };

async function create(url: string, body: object): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} responded with ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

const PRODUCTS = 50;

/** A user, and enough products and stock so that orders do not all lock the same row. */
export async function createShop(url: string) {
  const userId = await create(`${url}/api/users`, { email: 'ann@example.org', displayName: 'Ann' });
  const products: string[] = [];
  for (let index = 0; index < PRODUCTS; index += 1) {
    const product = { sku: `BENCH-${index}`, name: `Product ${index}`, priceCents: 1000, stock: 1_000_000 };
    products.push(await create(`${url}/api/products`, product));
  }
  let next = 0;
  const order = (orders: string): Promise<Response> => {
    const productId = products[(next += 1) % PRODUCTS];
    const body = JSON.stringify({ userId, lines: [{ productId, quantity: 1 }] });
    return fetch(`${orders}/api/orders`, { method: 'POST', headers, body });
  };
  return { userId, order };
}
