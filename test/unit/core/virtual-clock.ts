import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../src/core/clock.ts';

/** A clock for parallel work: when all of it sleeps, time advances to the next wake-up. */
export class VirtualClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #sleepers = new Set<{ wakeAt: number; wake: () => void }>();

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const sleeper = {
        wakeAt: this.#now + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /**
   * Advances time until the work has ended.
   * @throws its error, or an error if it waits for nothing.
   */
  async run<T>(work: Promise<T>): Promise<T> {
    const ended = work.then(
      () => true,
      () => true,
    );
    for (;;) {
      if (await Promise.race([ended, setImmediate(false)])) return await work;
      const [first, ...others] = this.#sleepers;
      if (!first) throw new Error('the work waits for something other than time');
      const next = others.reduce((one, other) => (other.wakeAt < one.wakeAt ? other : one), first);
      this.#now = Math.max(this.#now, next.wakeAt);
      this.#sleepers.delete(next);
      next.wake();
    }
  }

  /** The number of sleepers. */
  get sleeping(): number {
    return this.#sleepers.size;
  }
}
