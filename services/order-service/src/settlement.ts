import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@services/shared';
import type { OrderDesk } from './order-desk.ts';
import type { OrderStore } from './order-store.ts';

export interface SettlementOptions {
  store: OrderStore;
  desk: OrderDesk;
  log: Log;
  intervalMs: number;
  /** Longer than any request can take. */
  abandonedAfterMs: number;
}

const BATCH = 20;

/**
 * Cancels, again and again, the orders that a process left half-way: it died, or product-service was away when
 * stock had to be put back. Several instances may do so at once.
 * @returns a function that stops after the order under way.
 */
export function startSettlement(options: SettlementOptions): () => Promise<void> {
  const stopping = new AbortController();
  const work = repeat(options, stopping.signal);
  return async () => {
    stopping.abort();
    await work;
  };
}

async function repeat(options: SettlementOptions, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    await settleAbandoned(options, stopping).catch((error: unknown) => {
      options.log.warn({ err: error }, 'failed to settle abandoned orders; will retry');
    });
    await delay(options.intervalMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

async function settleAbandoned(options: SettlementOptions, stopping: AbortSignal): Promise<void> {
  const { store, desk, log, abandonedAfterMs } = options;
  for (const order of await store.unsettled(abandonedAfterMs, BATCH)) {
    if (stopping.aborted) return;
    await desk.cancel(order, 'the order was not finished', { freeKey: true });
    log.info({ order: order.id }, 'cancelled an abandoned order');
  }
}
