import { CancelledError, PlatformError, reasonOf } from './errors.ts';
import { timeLimit } from './text.ts';

/**
 * "sends SIGINT/Ctrl-C to the step's entry process. If the process doesn't exit within 7500 ms, the runner will send
 * SIGTERM/Ctrl-Break to the process, then wait for 2500 ms for the process to exit. If the process is still running,
 * the runner kills the process tree." What was started must be told to stop by the first time after the signal, and
 * the process must end by the second one: between them locks are released and the outputs are written.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
 */
const STOP_MS = 4500;
const FORCE_MS = 6500;
/** The same after a second signal: then no further work is asked to stop. */
const FORCE_AGAIN_MS = 1500;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The part of Node's process that a run touches. */
export type Host = Pick<NodeJS.Process, 'env' | 'exit' | 'on' | 'off'> & {
  exitCode?: NodeJS.Process['exitCode'];
};

interface Stop {
  /** Called once, when the run has to stop what it started and end. */
  begin(reason: Error): void;
  /** Called when it may not take any longer. */
  force(reason: Error): void;
}

/**
 * Stops the run on the first SIGINT or SIGTERM, and on an error that nothing handles. 4.5 s later, or on a second
 * signal, the calls that stop what it started end: see `stopsEnd`. The run's end is forced 6.5 s after the first signal,
 * or 1.5 s after the second one.
 *
 * @returns a function that ends this when the run is over; stray errors stay without effect from then on.
 */
export function stopOnSignals(host: Host, stop: Stop): () => void {
  let stopping: Error | undefined;
  let signalled = false;
  let over = false;
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void): void => {
    // A run that has nothing left to do need not wait for it.
    timers.push(setTimeout(act, ms).unref());
  };
  const begin = (reason: Error): void => {
    if (stopping || over) return;
    stopping = reason;
    stopsEndAt = performance.now() + STOP_MS;
    after(STOP_MS, endStops);
    after(FORCE_MS, () => {
      stop.force(reason);
    });
    stop.begin(reason);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    const reason = new CancelledError(signal);
    begin(reason);
    if (signalled) {
      endStops();
      after(FORCE_AGAIN_MS, () => {
        stop.force(stopping ?? reason);
      });
    }
    signalled = true;
  };
  const onStray = (error: unknown): void => {
    begin(error instanceof Error ? error : new Error(String(error)));
  };
  for (const signal of SIGNALS) host.on(signal, onSignal);
  host.on('unhandledRejection', onStray);
  host.on('uncaughtException', onStray);
  return () => {
    over = true;
    for (const timer of timers) clearTimeout(timer);
    for (const signal of SIGNALS) host.off(signal, onSignal);
    stopsOver = new AbortController();
    stopsEndAt = -Infinity;
  };
}

/** Aborted when no further work is asked to stop. A process is one run. */
let stopsOver = new AbortController();
/** When that is, on the clock of `performance`; in the past while the run is not cancelled. */
let stopsEndAt = -Infinity;
const liveStops = new Set<AbortController>();
const STOP_SIGNALS = new WeakSet<AbortSignal>();

function endStops(): void {
  const reason = new PlatformError('timed-out', 'The time to stop what was started is over');
  stopsEndAt = -Infinity;
  for (const controller of liveStops) controller.abort(reason);
  stopsOver.abort(reason);
}

/**
 * A signal for the calls that stop what was started, which ends them after so many ms, and earlier where a cancelled
 * run has no more time. It is not that of the run, which is aborted by then, and the rate limiter does not let such a
 * call wait behind the work that it stops.
 */
export function stopSignal(limitMs: number): AbortSignal {
  const controller = limited(limitMs);
  if (stopsOver.signal.aborted) controller.abort(stopsOver.signal.reason);
  else liveStops.add(controller);
  return controller.signal;
}

/**
 * A signal as that of `stopSignal`, for what comes after the stops: to release a lock, and to restore what a record had.
 * In a cancelled run the time counts from the end of the stops, so that what is ready earlier does not run out of time
 * while the process is busy with the stops of others.
 */
export function restoreSignal(limitMs: number): AbortSignal {
  const stopsMs = Math.max(0, Math.round(stopsEndAt - performance.now()));
  const controller = limited(stopsMs + limitMs);
  const endLater = (): void => {
    const { signal } = limited(limitMs);
    signal.addEventListener('abort', () => {
      controller.abort(signal.reason);
    });
  };
  // A second signal ends the stops early.
  if (stopsMs > 0) stopsOver.signal.addEventListener('abort', endLater, { once: true });
  return controller.signal;
}

/** Makes a signal one of `stopSignal`: it is that of a call which several of them share. */
export function markStopSignal(signal: AbortSignal): void {
  STOP_SIGNALS.add(signal);
}

function limited(limitMs: number): AbortController {
  const controller = new AbortController();
  markStopSignal(controller.signal);
  const timer = setTimeout(() => {
    controller.abort(new PlatformError('timed-out', `No answer within ${timeLimit(limitMs)}`));
  }, limitMs).unref();
  controller.signal.addEventListener('abort', () => {
    clearTimeout(timer);
    liveStops.delete(controller);
  });
  return controller;
}

/** Aborted when a cancelled run has no more time to stop what it started. What comes after may begin. */
export function stopsEnd(): AbortSignal {
  return stopsOver.signal;
}

/** Whether a signal was made by `stopSignal` or `restoreSignal`. */
export function isStopSignal(signal: AbortSignal): boolean {
  return STOP_SIGNALS.has(signal);
}

/** Something that a run has begun and not stopped. */
export interface UnstoppedWork {
  /** A noun phrase that begins a sentence: `The creation of stack dev-shop-vpc`. */
  what: string;
  /** The command that ends it. */
  command: string;
}

/**
 * What a run that ends early has begun, and has not been able to stop. It is listed with the outcome, also where the
 * run's end is forced while the calls that stop it are under way.
 */
export class Unstopped {
  readonly #work = new Set<UnstoppedWork>();

  /**
   * Stops something, which counts as not stopped until then.
   *
   * @returns what `stop` returns, or the error as a sentence with the command.
   * @throws nothing.
   */
  async during(work: UnstoppedWork, stop: () => Promise<string>): Promise<string> {
    this.#work.add(work);
    try {
      const text = await stop();
      this.#work.delete(work);
      return text;
    } catch (error) {
      const { what, command } = work;
      return `${what} could not be stopped (${reasonOf(error)}). Fix: Run ${command}`;
    }
  }

  /** In the order in which it was to be stopped. */
  get list(): readonly UnstoppedWork[] {
    return [...this.#work];
  }
}
