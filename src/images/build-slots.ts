import { availableParallelism, totalmem } from 'node:os';
import type { Context } from '../core/context.ts';

/** What a build takes in memory, in bytes: more builds at once than fit would slow all of them, or end one. */
const MEMORY_PER_BUILD = 2 * 1024 ** 3;

/**
 * How many builds this machine can run at once: one for each core that the process may use, and for each 2 GiB of memory,
 * but one at least.
 *
 * @see https://nodejs.org/api/process.html#processconstrainedmemory for the memory of a container
 */
export function buildsOfMachine(): number {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.max(1, Math.min(availableParallelism(), Math.floor(memory / MEMORY_PER_BUILD)));
}

/** The builds of one command, of which only so many run at once. */
export class BuildSlots {
  readonly #most: number;
  readonly #waiting: Waiter[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Runs a build as soon as a slot is free. The one that most parts wait for goes first, then the one that came first.
   *
   * @throws the signal's reason when it is aborted before the build begins; what the build throws.
   */
  async run<T>(
    { signal, log, urgency = 0 }: Pick<Context, 'signal' | 'log' | 'urgency'>,
    build: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    if (this.#running < this.#most) {
      this.#running++;
    } else {
      log.info(`Waiting: ${this.#most} other builds are running (max-builds).`);
      await this.#turn(signal, urgency);
    }
    try {
      return await build();
    } finally {
      const next = this.#waiting.shift();
      // The next one takes the slot over.
      if (next) next.go();
      else this.#running--;
    }
  }

  #turn(signal: AbortSignal, urgency: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        urgency,
        go: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      const behind = this.#waiting.findIndex((other) => other.urgency < urgency);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiter);
    });
  }
}

interface Waiter {
  urgency: number;
  go(): void;
}
