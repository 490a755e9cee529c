import { CancelledError } from './errors.ts';

/** The runner kills a step 7.5 s after SIGINT; what was started must be told to stop before that. */
const GRACE_MS = 6500;
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
 * Stops the run on the first SIGINT or SIGTERM, and on an error that nobody waits for; forces its end on a second
 * signal, or when it has not ended by itself 6.5 s later.
 *
 * @returns a function that ends this when the run is over; stray errors stay without effect from then on.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
 */
export function stopOnSignals(host: Host, stop: Stop): () => void {
  let stopping: Error | undefined;
  let signalled = false;
  let over = false;
  let timer: NodeJS.Timeout | undefined;
  const begin = (reason: Error): void => {
    if (stopping || over) return;
    stopping = reason;
    timer = setTimeout(() => {
      stop.force(reason);
    }, GRACE_MS);
    // A run that has nothing left to do need not wait for it.
    timer.unref();
    stop.begin(reason);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    const reason = new CancelledError(signal);
    if (signalled) stop.force(stopping ?? reason);
    signalled = true;
    begin(reason);
  };
  const onStray = (error: unknown): void => {
    begin(error instanceof Error ? error : new Error(String(error)));
  };
  for (const signal of SIGNALS) host.on(signal, onSignal);
  host.on('unhandledRejection', onStray);
  host.on('uncaughtException', onStray);
  return () => {
    over = true;
    clearTimeout(timer);
    for (const signal of SIGNALS) host.off(signal, onSignal);
  };
}

const STOP_SIGNALS = new WeakSet<AbortSignal>();

/**
 * A signal for the calls that stop what was started, which ends them after so many ms. It is not that of the run,
 * which is aborted by then, and the rate limiter does not let such a call wait behind the work that it stops.
 */
export function stopSignal(limitMs: number): AbortSignal {
  const signal = AbortSignal.timeout(limitMs);
  STOP_SIGNALS.add(signal);
  return signal;
}

/** Whether a signal was made by `stopSignal`. */
export function isStopSignal(signal: AbortSignal): boolean {
  return STOP_SIGNALS.has(signal);
}
