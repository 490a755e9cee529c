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
    const stop = signal ? AbortSignal.any([signal, this.#closed]) : this.#closed;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(stop.reason instanceof Error ? stop.reason : new Error(String(stop.reason)));
      };
      const timer = setTimeout(() => {
        stop.removeEventListener('abort', abort);
        resolve();
      }, milliseconds);
      if (stop.aborted) abort();
      else stop.addEventListener('abort', abort, { once: true });
    });
  }
}
