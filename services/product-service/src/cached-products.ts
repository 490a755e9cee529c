import type { ReadCache } from '@services/shared';
import type { ProductStore } from './product-store.ts';
import type { Reservations } from './reservation-store.ts';

/**
 * Part of every key: two releases run at the same time, and must not read each other's values in a different format.
 * Increase it when Product changes.
 */
const SHAPE = 1;

const keyOf = (id: string): string => `product-service:product:${SHAPE}:${id.toLowerCase()}`;

/** Reads single products through the cache. Pages are not cached, because nearly every order changes one. */
export function cachedProducts(store: ProductStore, cache: ReadCache): ProductStore {
  return {
    ...store,
    find: (id) => cache.read(keyOf(id), () => store.find(id)),
    change: (id, change) => cache.write([keyOf(id)], () => store.change(id, change)),
    changeStock: (id, change) => cache.write([keyOf(id)], () => store.changeStock(id, change)),
  };
}

/** Reservations change the stock of their products. */
export function cachedReservations(store: Reservations, cache: ReadCache): Reservations {
  return {
    reserve: (orderId, lines) =>
      cache.write(
        lines.map(({ productId }) => keyOf(productId)),
        () => store.reserve(orderId, lines),
      ),
    async release(orderId) {
      const reservation = await store.release(orderId);
      await cache.forget(reservation.lines.map(({ productId }) => keyOf(productId)));
      return reservation;
    },
  };
}
