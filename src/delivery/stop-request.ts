import type { SSMClient } from '@aws-sdk/client-ssm';
import { deleteParameter, readParameter } from '../aws/parameters.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';

/** A request to the holder of a lock to stop its work. */
export interface StopRequest {
  /** The token of the holder that should stop. Other holders ignore the request. */
  token: string;
  /** `octocat` */
  who: string;
  /** URL of the run. */
  run: string;
  reason: string;
  /** When the requester's priority ends, in milliseconds since the epoch; absent in requests of older versions. */
  expires?: number;
}

type Caller = Pick<Context, 'signal' | 'log'>;

/** The parameter next to a lock that stores the request. */
export function stopParameter(lock: string): string {
  return `${lock}-stop`;
}

/** The stop request for a lock; undefined if there is none. */
export async function readStopRequest(
  client: SSMClient,
  lock: string,
  context: Caller,
): Promise<StopRequest | undefined> {
  const value = await readParameter(client, stopParameter(lock), context);
  return value === undefined ? undefined : parse(value);
}

/** Writes a request. A request to an earlier holder is overwritten. */
export async function writeStopRequest(
  client: SSMClient,
  lock: string,
  request: StopRequest,
  context: Caller,
): Promise<void> {
  const { PutParameterCommand } = await import('@aws-sdk/client-ssm');
  const command = new PutParameterCommand({
    Name: stopParameter(lock),
    Type: 'String',
    Value: JSON.stringify(request),
    Overwrite: true,
  });
  await send(client, command, context);
}

export async function deleteStopRequest(client: SSMClient, lock: string, context: Caller): Promise<void> {
  await deleteParameter(client, stopParameter(lock), context);
}

/** Undefined for text that is not a request. */
function parse(text: string): StopRequest | undefined {
  let value: Partial<StopRequest>;
  try {
    value = Object(JSON.parse(text)) as Partial<StopRequest>;
  } catch {
    return undefined;
  }
  const { token, who, run, reason } = value;
  const isRequest = [token, who, run, reason].every((field) => typeof field === 'string');
  return isRequest ? (value as StopRequest) : undefined;
}
