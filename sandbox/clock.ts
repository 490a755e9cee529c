import { setMaxListeners } from 'node:events';

/** Thrown out of every sleep when the sandbox closes: the work that slept ends, and nothing more. */
export class SandboxClosed extends Error {
  constructor() {
    super('the sandbox was closed');
    this.name = 'SandboxClosed';
  }
}

/** Sleeps in simulated seconds, `timeScale` of which pass in one real second; stamps are the wall clock's. */
export class SimulatedClock {
  readonly timeScale: number;
  readonly #closed: AbortSignal;

  constructor(timeScale: number, closed: AbortSignal) {
    this.timeScale = timeScale;
    this.#closed = closed;
  }

  /** The wall clock's time: what answers carry must agree with the clocks of the clients. */
  now(): Date {
    return new Date();
  }

  /** Sleeps simulated seconds. Rejects with the signal's reason on abort, with SandboxClosed on close. */
  sleep(simulatedSeconds: number, signal?: AbortSignal): Promise<void> {
    return this.pause((simulatedSeconds * 1000) / this.timeScale, signal);
  }

  /** Sleeps real milliseconds, which no time scale shortens; rejects as `sleep` does. */
  pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const signals = signal ? [signal, this.#closed] : [this.#closed];
    // Hundreds of resources sleep on one signal at once, and that is no leak.
    setMaxListeners(0, ...signals);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        for (const each of signals) each.removeEventListener('abort', abort);
        settle();
      };
      const abort = (): void => {
        end(() => {
          reject(reasonOf(signals));
        });
      };
      const timer = setTimeout(() => {
        end(resolve);
      }, milliseconds);
      for (const each of signals) each.addEventListener('abort', abort);
      if (signals.some((each) => each.aborted)) abort();
    });
  }
}

function reasonOf(signals: AbortSignal[]): Error {
  const reason: unknown = signals.find((signal) => signal.aborted)?.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
