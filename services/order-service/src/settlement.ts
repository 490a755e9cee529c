import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@services/shared';
import type { OrderProcessor } from './order-processor.ts';
import type { OrderStore } from './order-store.ts';

export interface SettlementOptions {
  store: OrderStore;
  processor: OrderProcessor;
  log: Log;
  intervalMs: number;
  /** Longer than any request takes. */
  abandonedAfterMs: number;
}

const BATCH = 20;

/**
 * Regularly cancels orders left unfinished because a process crashed or product-service was not available to release
 * their stock. Several instances may do so at the same time.
 *
 * @returns a function that stops it after the current order.
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
  const { store, processor, log, abandonedAfterMs } = options;
  for (const order of await store.unsettled(abandonedAfterMs, BATCH)) {
    if (stopping.aborted) return;
    await processor.cancel(order, 'the order was not finished', { freeKey: true });
    log.info({ order: order.id }, 'cancelled an abandoned order');
  }
}
