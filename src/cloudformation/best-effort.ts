import { errorText } from '../aws/errors.ts';
import type { CloudFormationContext } from './types.ts';

/** How long a nicety may take before it is given up, in milliseconds. */
const LIMIT_MS = 5_000;

/**
 * Runs something that makes an answer better but decides nothing: undefined when the endpoint lacks it, refuses it
 * or takes too long. A cancelled job still stops.
 */
export async function bestEffort<T>(
  context: CloudFormationContext,
  what: string,
  run: (context: CloudFormationContext) => Promise<T>,
): Promise<T | undefined> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(LIMIT_MS)]);
  try {
    return await run({ ...context, signal });
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`${what}: ${errorText(error)}`);
    return undefined;
  }
}
