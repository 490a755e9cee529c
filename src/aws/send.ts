import type { Context } from '../core/context.ts';
import { abortReason } from '../core/errors.ts';
import { toAwsError } from './errors.ts';
import { setUrgency } from './middleware.ts';

/** The parts of a client and of its commands that tell the types of a call. */
interface Sender<Configuration> {
  readonly config: Configuration;
  send(command: never, options: { abortSignal: AbortSignal } & SendOptions): Promise<unknown>;
}
interface SendOptions {
  /** How long the answer may take, in milliseconds; default, the client's. */
  requestTimeout?: number;
}
interface Command<Configuration, Output> {
  resolveMiddleware(
    stack: never,
    configuration: Configuration,
    options: never,
  ): (input: never) => Promise<{ output: Output }>;
}

/**
 * Sends a command. A cancelled job ends the call with the signal's own reason; what must still be sent then (to
 * stop what was started) goes with a signal of its own: `{ signal: stopSignal(5000) }`. Of the calls that wait for their
 * turn, those of the context with the highest urgency are sent first.
 *
 * @throws AwsError; the signal's reason when it is aborted.
 */
export async function send<Configuration, Output>(
  client: Sender<Configuration>,
  command: Command<Configuration, Output>,
  context: Pick<Context, 'signal' | 'urgency'>,
  options: SendOptions = {},
): Promise<Output> {
  const { signal } = context;
  throwIfAborted(signal);
  setUrgency(command, context.urgency);
  try {
    const sending = client.send(command as never, { abortSignal: signal, ...options });
    return (await orAborted(sending, signal)) as Output;
  } catch (error) {
    throwIfAborted(signal);
    throw toAwsError(error);
  }
}

/** The SDK waits between its tries without looking at the signal. */
async function orAborted(sending: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([sending, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortReason(signal);
}
