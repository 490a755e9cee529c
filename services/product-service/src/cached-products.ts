import type { ReadCache } from '@services/shared';
import type { ProductStore } from './product-store.ts';
import type { Reservations } from './reservation-store.ts';

/**
 * Belongs to every key: releases run side by side, and one must not read what another wrote in another shape. Raise it
 * when Product changes.
 */
const SHAPE = 1;

const keyOf = (id: string): string => `product-service:product:${SHAPE}:${id.toLowerCase()}`;

/** Reads one product from the cache first. Pages are not kept: nearly every order changes one. */
export function cachedProducts(store: ProductStore, cache: ReadCache): ProductStore {
  return {
    ...store,
    find: (id) => cache.read(keyOf(id), () => store.find(id)),
    change: (id, change) => cache.write([keyOf(id)], () => store.change(id, change)),
    changeStock: (id, change) => cache.write([keyOf(id)], () => store.changeStock(id, change)),
  };
}

/** Reservations change the stock of the products that they are about. */
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
