import type { SSMClient } from '@aws-sdk/client-ssm';
import { deleteParameter, readParameter } from '../aws/parameters.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../core/context.ts';

/** Asks the holder of a lock to stop what it does. */
export interface StopRequest {
  /** The token of the holder that is asked: no other one obeys. */
  token: string;
  /** `octocat` */
  who: string;
  /** The run's page. */
  run: string;
  reason: string;
  /** Until when the one that asks goes first, ms since the epoch; absent in a request of an older version. */
  expires?: number;
}

type Caller = Pick<Context, 'signal' | 'log'>;

/** The parameter beside a lock. */
export function stopParameter(lock: string): string {
  return `${lock}-stop`;
}

/** What the holder of a lock is asked; undefined when there is no request. */
export async function readStopRequest(
  client: SSMClient,
  lock: string,
  context: Caller,
): Promise<StopRequest | undefined> {
  const value = await readParameter(client, stopParameter(lock), context);
  return value === undefined ? undefined : parse(value);
}

/** Asks. A request to an earlier holder is overwritten: that one is gone. */
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

/** Undefined for a text that is no request. */
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
