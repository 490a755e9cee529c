import { setMaxListeners } from 'node:events';
import { CancelledError, PlatformError, reasonOf } from './errors.ts';
import { timeLimit } from './text.ts';

/**
 * "sends SIGINT/Ctrl-C to the step's entry process. If the process doesn't exit within 7500 ms, the runner will send
 * SIGTERM/Ctrl-Break to the process, then wait for 2500 ms for the process to exit. If the process is still running,
 * the runner kills the process tree." The calls that stop running operations end by the first limit after the signal,
 * and the process exits by the second. Between the two, locks are released and outputs are written.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
 */
const STOP_MS = 4500;
const FORCE_MS = 6500;
/** The second limit after a second signal, which also ends the calls that stop operations. */
const FORCE_AGAIN_MS = 1500;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The subset of Node's `process` that a run uses. */
export type Host = Pick<NodeJS.Process, 'env' | 'exit' | 'on' | 'off'> & {
  exitCode?: NodeJS.Process['exitCode'];
};

interface Stop {
  /** Called once: stop all operations that the run started, and finish. */
  begin(reason: Error): void;
  /** Called when the run has no time left. */
  force(reason: Error): void;
}

/**
 * Stops the run on the first SIGINT or SIGTERM, and on an unhandled error. The calls that stop running operations end
 * 4.5 s later, or on a second signal; see `stopsEnd`. The process is forced to exit 6.5 s after the first signal, or
 * 1.5 s after the second.
 *
 * @returns a function that removes the handlers when the run is over; unhandled errors are ignored from then on.
 */
export function stopOnSignals(host: Host, stop: Stop): () => void {
  let stopping: Error | undefined;
  let signalled = false;
  let over = false;
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void): void => {
    // The timer must not keep a finished run alive.
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
    stopsOver = newStopsOver();
    stopsEndAt = -Infinity;
  };
}

/** Aborted when no further operation is stopped. A process is one run. */
let stopsOver = newStopsOver();

/** Each part of a run listens to it. */
function newStopsOver(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
/** The time of that limit, on the clock of `performance`; in the past while the run is not cancelled. */
let stopsEndAt = -Infinity;
const liveStops = new Set<AbortController>();
const STOP_SIGNALS = new WeakSet<AbortSignal>();

function endStops(): void {
  const reason = new PlatformError('timed-out', 'The time limit for stopping running operations has passed');
  stopsEndAt = -Infinity;
  for (const controller of liveStops) controller.abort(reason);
  stopsOver.abort(reason);
}

/**
 * Returns a signal for calls that stop a running operation. It aborts after `limitMs`, or earlier if a cancelled run
 * has no time left. These calls cannot use the run's own signal, which is already aborted. The rate limiter does not
 * queue them behind other calls.
 */
export function stopSignal(limitMs: number): AbortSignal {
  const controller = limited(limitMs);
  if (stopsOver.signal.aborted) controller.abort(stopsOver.signal.reason);
  else liveStops.add(controller);
  return controller.signal;
}

/**
 * Returns a signal like that of `stopSignal` for cleanup after the stop calls: releasing a lock, restoring a record.
 * In a cancelled run, `limitMs` counts from the end of the stop calls, so that a cleanup that is ready earlier does
 * not time out while other operations are being stopped.
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
  // A second signal ends the stop calls early.
  if (stopsMs > 0) stopsOver.signal.addEventListener('abort', endLater, { once: true });
  return controller.signal;
}

/** Marks a signal as one of `stopSignal`, for a call that several of them share. */
export function markStopSignal(signal: AbortSignal): void {
  STOP_SIGNALS.add(signal);
}

function limited(limitMs: number): AbortController {
  const controller = new AbortController();
  markStopSignal(controller.signal);
  const timer = setTimeout(() => {
    controller.abort(new PlatformError('timed-out', `No response within ${timeLimit(limitMs)}`));
  }, limitMs).unref();
  controller.signal.addEventListener('abort', () => {
    clearTimeout(timer);
    liveStops.delete(controller);
  });
  return controller;
}

/** Aborted when a cancelled run has no more time for stop calls. Cleanup may start. */
export function stopsEnd(): AbortSignal {
  return stopsOver.signal;
}

/** Whether a signal was made by `stopSignal` or `restoreSignal`. */
export function isStopSignal(signal: AbortSignal): boolean {
  return STOP_SIGNALS.has(signal);
}

/** An operation that a run started and has not stopped. */
export interface UnstoppedWork {
  /** A noun phrase that begins a sentence: `The creation of stack dev-shop-vpc`. */
  what: string;
  /** The command that stops it. */
  command: string;
}

/**
 * Operations that a run started but could not stop before it ended. They are reported with the outcome, even if the
 * process is forced to exit during the stop calls.
 */
export class Unstopped {
  readonly #work = new Set<UnstoppedWork>();

  /**
   * Runs `stop`. Until it succeeds, the operation counts as not stopped.
   *
   * @returns the result of `stop`, or the error as a sentence with the command that stops the operation. Never throws.
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

  /** In the order in which the stop calls started. */
  get list(): readonly UnstoppedWork[] {
    return [...this.#work];
  }
}
