import { setMaxListeners } from 'node:events';

/** Rejects every sleep when the sandbox closes, which ends the work that was waiting. */
export class SandboxClosed extends Error {
  constructor() {
    super('the sandbox was closed');
    this.name = 'SandboxClosed';
  }
}

/** The source of time: the wall clock, or a timer that tests advance. */
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

/** Sleeps in simulated seconds: `timeScale` of them pass per second of the timer. Timestamps are those of the timer. */
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

  /** The timer's time: timestamps in responses must match the clients' clocks. */
  now(): Date {
    return new Date(this.#timer.now());
  }

  /** Runs work whose sleeps, and all others meanwhile, end immediately. */
  async withoutDelay(work: () => Promise<void>): Promise<void> {
    this.#delays = false;
    try {
      await work();
    } finally {
      this.#delays = true;
    }
  }

  /** Sleeps for simulated seconds. Rejects with the signal's reason on abort, and with SandboxClosed on close. */
  sleep(simulatedSeconds: number, signal?: AbortSignal): Promise<void> {
    return this.pause(this.#delays ? (simulatedSeconds * 1000) / this.timeScale : 0, signal);
  }

  /** Sleeps for milliseconds of the timer, regardless of the time scale. Rejects like `sleep`. */
  pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const signals = signal ? [signal, this.#closed] : [this.#closed];
    // Hundreds of resources sleep on one signal at once, which is not a leak.
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
