import type { Clock } from '../../../src/core/clock.ts';

interface Sleeper {
  at: number;
  wake: () => void;
}

/** After this many turns of the event loop without progress, all work is considered to be sleeping. */
const IDLE_TURNS = 2;

/** Timers up to this many real milliseconds batch reads, and are shorter than any sleep of the clock. */
const SHORT_MS = 10;
let shortTimers = 0;
const { setTimeout: realTimeout } = globalThis;

/** Calls back immediately instead of after a few real milliseconds, before virtual time advances. */
function timeout(callback: () => void, ms = 0): unknown {
  if (ms > SHORT_MS) return realTimeout(callback, ms);
  shortTimers += 1;
  return setImmediate(() => {
    shortTimers -= 1;
    callback();
  });
}
globalThis.setTimeout = timeout as typeof realTimeout;

/**
 * Virtual time for everything that sleeps on this clock. It advances to the next wake-up when no other work is left.
 */
export class VirtualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();
  #running = false;

  /** @param startMs since the epoch; separate processes need a time close to their own. */
  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  /** Calls `wake` after some milliseconds. @returns a function that cancels it. */
  after(milliseconds: number, wake: () => void): () => void {
    const sleeper = { at: this.#now + milliseconds, wake };
    this.#sleepers.add(sleeper);
    if (!this.#running) void this.#run();
    return () => {
      this.#sleepers.delete(sleeper);
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const leave = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      });
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#sleepers.size > 0) {
      for (let turn = 0; turn < IDLE_TURNS; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (shortTimers > 0) turn = -1;
      }
      const first = this.#next();
      if (!first) continue;
      this.#sleepers.delete(first);
      this.#now = Math.max(this.#now, first.at);
      first.wake();
    }
    this.#running = false;
  }

  /** The sleeper that wakes first; if several wake at the same time, the one that has slept longest. */
  #next(): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) if (!next || sleeper.at < next.at) next = sleeper;
    return next;
  }
}
