import type { Clock } from '../../../src/core/clock.ts';

interface Sleeper {
  at: number;
  wake: () => void;
}

/** Turns of the event loop without progress after which everybody is taken to sleep. */
const IDLE_TURNS = 2;

/** One time for all that sleeps by it: it goes on to the next waking when nothing else is left to do. */
export class VirtualClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #sleepers = new Set<Sleeper>();
  #running = false;

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason as Error);
      };
      const sleeper = {
        at: this.#now + ms,
        wake: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal?.addEventListener('abort', leave, { once: true });
      this.#sleepers.add(sleeper);
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#sleepers.size > 0) {
      for (let turn = 0; turn < IDLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
      const first = [...this.#sleepers].toSorted((a, b) => a.at - b.at)[0];
      if (!first) continue;
      this.#sleepers.delete(first);
      this.#now = Math.max(this.#now, first.at);
      first.wake();
    }
    this.#running = false;
  }
}
