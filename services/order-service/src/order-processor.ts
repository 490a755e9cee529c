import { Problem } from '@services/shared';
import type { Log, ServiceClient } from '@services/shared';
import { mergeLines } from './order.ts';
import type { NewOrder, Order } from './order.ts';
import type { OrderStore } from './order-store.ts';
import { ReservationRefusedError, release, reserve } from './product-client.ts';
import { requireActiveUser } from './user-client.ts';

export interface OrderProcessorParts {
  store: OrderStore;
  users: ServiceClient;
  products: ServiceClient;
  log: Log;
}

/**
 * Places orders. An order is stored as pending before stock is reserved under its id, and confirmed afterwards. If a
 * step fails, the order is first marked as cancelling and then its stock is released, so that stock is neither sold
 * twice nor lost, even if a process crashes. Unfinished orders are settled later (see settlement.ts).
 */
export class OrderProcessor {
  readonly #parts: OrderProcessorParts;

  constructor(parts: OrderProcessorParts) {
    this.#parts = parts;
  }

  /**
   * @param key the caller's idempotency key: repeated requests with the same key return the same order.
   * @throws Problem 409 if there is not enough stock, 422 if the user or a product cannot be ordered.
   */
  async place(request: NewOrder, key: string | undefined): Promise<{ order: Order; created: boolean }> {
    const { store, users } = this.#parts;
    await requireActiveUser(users, request.userId);
    const wanted = { ...request, lines: mergeLines(request.lines) };
    const created = await store.add(wanted, key);
    if (created !== undefined) return { order: await this.#settle(created), created: true };
    const earlier = await store.findByKey(request.userId, key ?? '');
    if (earlier === undefined)
      throw new Problem(409, 'the order with this Idempotency-Key was just cancelled');
    return { order: await this.#repeat(earlier, wanted), created: false };
  }

  /** Cancels an abandoned order. @throws DependencyUnavailableError: try again later. */
  async cancel(order: Order, reason: string, options: { freeKey: boolean }): Promise<void> {
    const { store, products } = this.#parts;
    await store.startCancelling(order.id, reason, options);
    if ((await store.find(order.id))?.status !== 'cancelling') return;
    await release(products, order.id);
    await store.finishCancelling(order.id);
  }

  #repeat(earlier: Order, wanted: NewOrder): Order | Promise<Order> {
    if (!sameLines(earlier.lines, wanted.lines)) {
      throw new Problem(422, 'this Idempotency-Key was used for another order', { orderId: earlier.id });
    }
    if (earlier.status === 'pending') return this.#settle(earlier);
    if (earlier.status === 'confirmed') return earlier;
    throw new Problem(409, earlier.failureReason ?? 'the order was cancelled', { orderId: earlier.id });
  }

  async #settle(order: Order): Promise<Order> {
    const { store, products } = this.#parts;
    try {
      const lines = await reserve(products, order.id, order.lines);
      await store.confirm(order.id, lines);
    } catch (error) {
      await this.#giveUp(order, error);
      throw error instanceof ReservationRefusedError
        ? new Problem(error.status, error.message, { orderId: order.id, ...error.details })
        : error;
    }
    const settled = await store.find(order.id);
    if (settled?.status === 'confirmed') return settled;
    throw new Problem(409, 'the order was cancelled', { orderId: order.id });
  }

  /** A failure here is only logged: the order remains unfinished, and is settled later. */
  async #giveUp(order: Order, cause: unknown): Promise<void> {
    const reason = cause instanceof Error ? cause.message : String(cause);
    try {
      await this.cancel(order, reason, { freeKey: !(cause instanceof ReservationRefusedError) });
    } catch (error) {
      this.#parts.log.warn({ err: error, order: order.id }, 'failed to cancel the order; will retry');
    }
  }
}

function sameLines(some: NewOrder['lines'], others: NewOrder['lines']): boolean {
  const text = (lines: NewOrder['lines']) =>
    lines.map(({ productId, quantity }) => `${productId} ${quantity}`).sort();
  return JSON.stringify(text(some)) === JSON.stringify(text(others));
}
