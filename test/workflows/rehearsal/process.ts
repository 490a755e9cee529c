import type { ChildProcess } from 'node:child_process';

/** GitHub's time limits for a cancelled step. */
export const UNTIL_TERM_MS = 7500;
export const UNTIL_KILL_MS = 2500;

/**
 * Cancels a step's process like the runner: SIGINT, then SIGTERM, then SIGKILL.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
 */
export function stopWith(signal: AbortSignal, child: ChildProcess): void {
  const timers: NodeJS.Timeout[] = [];
  const stop = (): void => {
    child.kill('SIGINT');
    timers.push(setTimeout(() => child.kill('SIGTERM'), UNTIL_TERM_MS));
    timers.push(setTimeout(() => child.kill('SIGKILL'), UNTIL_TERM_MS + UNTIL_KILL_MS));
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop);
  child.on('close', () => {
    signal.removeEventListener('abort', stop);
    for (const timer of timers) clearTimeout(timer);
  });
}
