import { request } from './api.ts';
import { price } from './config.ts';
import { element, part } from './element.ts';

interface Product {
  id: string;
  name: string;
  description: string;
  priceCents: number;
  stock: number;
}

const basket = new Map<string, number>();
let products: Product[] = [];

/** The content of the basket, as order lines. */
export const basketLines = () => [...basket].map(([productId, quantity]) => ({ productId, quantity }));

/** The name of a product, or its id if it is not on the page. */
export const nameOf = (productId: string) => products.find(({ id }) => id === productId)?.name ?? productId;

export function emptyBasket(): void {
  basket.clear();
}

/** Loads the products and shows them with their remaining stock. */
export async function showProducts(): Promise<void> {
  products = (await request<{ items: Product[] }>('/api/products?limit=100')).items;
  show();
}

function show(): void {
  const cards = products.map(card);
  part('products').replaceChildren(
    ...(cards.length > 0 ? cards : [element('li', { class: 'empty' }, 'No products yet.')]),
  );
  part('basket').replaceChildren(...basketRows());
  part('total').textContent = price(total());
  part('order').toggleAttribute('disabled', basket.size === 0);
}

function card(product: Product): HTMLElement {
  const left = product.stock - (basket.get(product.id) ?? 0);
  return element(
    'li',
    { class: 'product' },
    element('h3', {}, product.name),
    element('p', {}, product.description),
    element('span', { class: 'price' }, price(product.priceCents)),
    element('span', { class: left > 3 ? 'stock' : 'stock low' }, left > 0 ? `${left} left` : 'sold out'),
    element(
      'button',
      {
        type: 'button',
        disabled: left < 1,
        'aria-label': `Add ${product.name}`,
        onclick: () => {
          change(product, 1);
        },
      },
      'Add',
    ),
  );
}

function basketRows(): HTMLElement[] {
  const rows = products
    .filter(({ id }) => basket.has(id))
    .map((product) =>
      element(
        'li',
        {},
        element('span', {}, `${basket.get(product.id) ?? 0} × ${product.name}`),
        element(
          'button',
          {
            type: 'button',
            'aria-label': `Remove ${product.name}`,
            onclick: () => {
              change(product, -1);
            },
          },
          '−',
        ),
      ),
    );
  return rows.length > 0 ? rows : [element('li', { class: 'empty' }, 'The basket is empty.')];
}

function change({ id }: Product, by: number): void {
  const quantity = (basket.get(id) ?? 0) + by;
  if (quantity > 0) basket.set(id, quantity);
  else basket.delete(id);
  show();
}

const total = () => products.reduce((sum, { id, priceCents }) => sum + priceCents * (basket.get(id) ?? 0), 0);
