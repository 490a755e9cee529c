import { setMaxListeners } from 'node:events';
import { LockTakenError, withLock } from '../../delivery/lock.ts';
import { TimeoutError } from '../../core/errors.ts';
import { derived, type EnvironmentContext, type EnvironmentRequest } from './context.ts';
import type { Ending } from './result.ts';
/**
 * Works while no other run changes the environment, within the time that the run has. An environment that
 * somebody else holds is `blocked`.
 */
export async function alone(
  context: EnvironmentContext,
  { manifest, choice, lockMs, timeoutMs }: EnvironmentRequest,
  work: (context: EnvironmentContext) => Promise<Ending>,
): Promise<Ending> {
  const { github } = context;
  const environment = choice.environment.name;
  const lock = {
    project: manifest.project,
    environment,
    who: github.actor,
    run: github.runUrl,
    waitMs: lockMs,
  };
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new TimeoutError(`The work on ${environment}`, timeoutMs));
  }, timeoutMs);
  const limited = derived(context, { signal: together(context.signal, limit.signal) });
  try {
    return await withLock(limited.services, lock, (signal) =>
      work(derived(limited, { signal: together(signal) })),
    );
  } catch (error) {
    if (!(error instanceof LockTakenError)) throw error;
    const reason = `Nothing was changed: ${error.message}.`;
    return { verdict: 'blocked', reason, parts: [], notes: [], outputs: {} };
  } finally {
    clearTimeout(timer);
  }
}

/** One signal of several, that many may listen to. */
function together(...signals: AbortSignal[]): AbortSignal {
  const signal = AbortSignal.any(signals);
  setMaxListeners(0, signal);
  return signal;
}
