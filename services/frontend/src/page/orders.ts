import { ApiError, request } from './api.ts';
import { price } from './config.ts';
import { element, part } from './element.ts';
import { basketLines, emptyBasket, nameOf, showProducts } from './shop.ts';

interface Order {
  id: string;
  status: string;
  totalCents?: number;
  failureReason?: string;
  lines: { quantity: number; name?: string }[];
}

interface User {
  id: string;
}

/** Connects the form for placing orders, and shows the customer's latest orders. */
export function takeOrders(): void {
  const form = part('customer') as HTMLFormElement;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void place(form);
  });
}

async function place(form: HTMLFormElement): Promise<void> {
  const values = new FormData(form);
  const button = part('order');
  button.toggleAttribute('disabled', true);
  try {
    const user = await findOrAddUser(textOf(values, 'email'), textOf(values, 'name'));
    const body = { userId: user.id, lines: basketLines() };
    const order = await request<Order>('/api/orders', { method: 'POST', body, key: crypto.randomUUID() });
    emptyBasket();
    say(`Order ${order.id.slice(0, 8)} is ${order.status}.`, 'good');
    await showOrders(user.id);
  } catch (error) {
    say(`The order was not placed: ${explain(error)}.`, 'bad');
  } finally {
    await showProducts().catch(() => button.toggleAttribute('disabled', false));
  }
}

function textOf(values: FormData, name: string): string {
  const value = values.get(name);
  return typeof value === 'string' ? value : '';
}

async function findOrAddUser(email: string, displayName: string): Promise<User> {
  try {
    return await request<User>('/api/users', { method: 'POST', body: { email, displayName } });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    const { items } = await request<{ items: User[] }>(`/api/users?email=${encodeURIComponent(email)}`);
    if (items[0] === undefined) throw error;
    return items[0];
  }
}

async function showOrders(userId: string): Promise<void> {
  const { items } = await request<{ items: Order[] }>(`/api/orders?userId=${userId}&limit=5`);
  part('orders').replaceChildren(...items.map(row));
  part('history').removeAttribute('hidden');
}

function row({ id, status, totalCents, lines }: Order): HTMLElement {
  const what = lines.map(({ quantity, name }) => `${quantity} × ${name ?? 'product'}`).join(', ');
  return element(
    'li',
    {},
    element('code', {}, id.slice(0, 8)),
    element('span', { class: 'what' }, what),
    element('span', { class: `status ${status}` }, status),
    element('span', { class: 'price' }, totalCents === undefined ? '' : price(totalCents)),
  );
}

/** Services identify products by id; the page shows their names. */
function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const id = error instanceof ApiError ? error.productId : undefined;
  return id === undefined ? message : message.replace(`product ${id}`, nameOf(id));
}

function say(message: string, kind: 'good' | 'bad'): void {
  const answer = part('answer');
  answer.textContent = message;
  answer.className = kind;
}
