import type { Context } from './context.ts';
import { TimeoutError } from './errors.ts';

const QUICK_PHASE_MS = 15_000;
const LONGEST_WAIT_MS = 32_000;
const SHORTEST_BACKOFF_MS = 1000;

interface PollOptions {
  /** Subject of the timeout message: `stack dev-platform-vpc`. */
  what: string;
  timeoutMs: number;
  /** Milliseconds until the next check. Default: pollIntervalMs. 0 if the check itself waits for its turn. */
  intervalMs?: (elapsedMs: number) => number;
  isThrottle: (error: unknown) => boolean;
}

/**
 * Calls `check` until it returns a value. The interval only grows when a check is throttled: it doubles each time, up
 * to 32 s.
 *
 * @throws TimeoutError at the limit, after one last check; the signal's reason if it is aborted; any error of `check`
 *   that is not throttling.
 */
export async function poll<T>(
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
  options: PollOptions,
  check: () => Promise<T | undefined>,
): Promise<T> {
  const { clock, signal, log } = context;
  const intervalMs = options.intervalMs ?? pollIntervalMs;
  const started = clock.now();
  let throttledWait = 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      const answer = await check();
      if (answer !== undefined) return answer;
      throttledWait = 0;
    } catch (error) {
      if (!options.isThrottle(error)) throw error;
      const before = throttledWait || intervalMs(clock.now() - started) || SHORTEST_BACKOFF_MS;
      throttledWait = Math.min(2 * before, LONGEST_WAIT_MS);
      log.debug(`throttled while waiting for ${options.what}: next check in ${Math.round(throttledWait)} ms`);
    }
    const elapsed = clock.now() - started;
    if (elapsed >= options.timeoutMs) throw new TimeoutError(options.what, options.timeoutMs);
    const wait = throttledWait || intervalMs(elapsed);
    await clock.sleep(Math.min(wait, options.timeoutMs - elapsed), signal);
  }
}

/** Milliseconds between two checks: 1 s for the first 15 s, then 2–3 s with jitter. */
export function pollIntervalMs(elapsedMs: number): number {
  return elapsedMs < QUICK_PHASE_MS ? 1000 : 2000 + Math.random() * 1000;
}
