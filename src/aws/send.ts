import type { Context } from '../core/context.ts';
import { abortReason } from '../core/errors.ts';
import { toAwsError } from './errors.ts';
import { setUrgency } from './middleware.ts';

/** The parts of a client and its commands that determine the types of a call. */
interface Sender<Configuration> {
  readonly config: Configuration;
  send(command: never, options: { abortSignal: AbortSignal } & SendOptions): Promise<unknown>;
}
interface SendOptions {
  /** The response timeout in milliseconds; default, the client's. */
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
 * Sends a command. When the job is cancelled, the call ends with the signal's reason; calls that must still be sent then,
 * to stop what was started, use their own signal: `{ signal: stopSignal(5000) }`. Among calls that wait for the rate
 * limit, those with the highest urgency are sent first.
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

/** The SDK does not check the signal while it waits between attempts. */
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
