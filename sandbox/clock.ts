import { setMaxListeners } from 'node:events';

/** Thrown out of every sleep when the sandbox closes: the work that slept ends, and nothing more. */
export class SandboxClosed extends Error {
  constructor() {
    super('the sandbox was closed');
    this.name = 'SandboxClosed';
  }
}

/** Where time comes from: the wall clock, or one that tests move on. */
export interface Timer {
  /** In ms since the epoch. */
  now(): number;
  /** Calls `wake` after some milliseconds. @returns a function that cancels it. */
  after(milliseconds: number, wake: () => void): () => void;
}

const WALL_TIMER: Timer = {
  now: () => Date.now(),
  after: (milliseconds, wake) => {
    const timer = setTimeout(wake, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Sleeps in simulated seconds, `timeScale` of which pass in one second of the timer; stamps are the timer's. */
export class SimulatedClock {
  readonly timeScale: number;
  readonly #closed: AbortSignal;
  readonly #timer: Timer;
  #delays = true;

  constructor(timeScale: number, closed: AbortSignal, timer = WALL_TIMER) {
    this.timeScale = timeScale;
    this.#closed = closed;
    this.#timer = timer;
  }

  /** The timer's time: what answers carry must agree with the clocks of the clients. */
  now(): Date {
    return new Date(this.#timer.now());
  }

  /** Runs work all of whose sleeps end at once, and whatever else sleeps meanwhile. */
  async withoutDelay(work: () => Promise<void>): Promise<void> {
    this.#delays = false;
    try {
      await work();
    } finally {
      this.#delays = true;
    }
  }

  /** Sleeps simulated seconds. Rejects with the signal's reason on abort, with SandboxClosed on close. */
  sleep(simulatedSeconds: number, signal?: AbortSignal): Promise<void> {
    return this.pause(this.#delays ? (simulatedSeconds * 1000) / this.timeScale : 0, signal);
  }

  /** Sleeps milliseconds of the timer, which no time scale shortens; rejects as `sleep` does. */
  pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const signals = signal ? [signal, this.#closed] : [this.#closed];
    // Hundreds of resources sleep on one signal at once, and that is no leak.
    setMaxListeners(0, ...signals);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        cancel();
        for (const each of signals) each.removeEventListener('abort', abort);
        settle();
      };
      const abort = (): void => {
        end(() => {
          reject(reasonOf(signals));
        });
      };
      const cancel = this.#timer.after(milliseconds, () => {
        end(resolve);
      });
      for (const each of signals) each.addEventListener('abort', abort);
      if (signals.some((each) => each.aborted)) abort();
    });
  }
}

function reasonOf(signals: AbortSignal[]): Error {
  const reason: unknown = signals.find((signal) => signal.aborted)?.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
