import { CancelledError } from './errors.ts';

/** The runner kills a step 7.5 s after SIGINT; what was started must be told to stop before that. */
const GRACE_MS = 6500;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The part of Node's process that a run touches. */
export type Host = Pick<NodeJS.Process, 'env' | 'exit' | 'on' | 'off'> & {
  exitCode?: NodeJS.Process['exitCode'];
  stdout: { write(text: string): unknown };
};

/**
 * Calls `cancel` on the first SIGINT or SIGTERM, and `force` on the second or when the run has not ended by
 * itself 6.5 s later.
 *
 * @returns a function that stops listening.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
 */
export function listenForCancel(
  host: Host,
  cancel: (reason: CancelledError) => void,
  force: (reason: CancelledError) => void,
): () => void {
  let first: CancelledError | undefined;
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (first) {
      force(first);
      return;
    }
    const reason = new CancelledError(signal);
    first = reason;
    timer = setTimeout(() => {
      force(reason);
    }, GRACE_MS);
    cancel(reason);
  };
  for (const signal of SIGNALS) host.on(signal, onSignal);
  return () => {
    clearTimeout(timer);
    for (const signal of SIGNALS) host.off(signal, onSignal);
  };
}
