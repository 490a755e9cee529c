import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { reasonOf } from '../core/errors.ts';
import type { CloudFormationContext } from './context.ts';
import { describeStack, listStacks } from './stack.ts';

/** How long requests for the status of stacks are collected, in ms. */
const COLLECT_MS = 50;
/** Up to this many stacks are read one by one. */
const FEW = 3;

/** A shared read of the stacks that several parts of a run request at the same time. */
interface SharedRead {
  requested: number;
  /** The statuses of all stacks by ARN; undefined where they are read one by one. */
  listed: Promise<ReadonlyMap<string, string> | undefined>;
}

const reads = new WeakMap<CloudFormationClient, SharedRead>();

/**
 * The current status of a stack; undefined if it does not exist. A cancelled run requests the status of all stacks in
 * progress at once: more than three are read by a listing, or one by one if the role may not list stacks.
 *
 * @throws AwsError; the signal's reason when it is aborted.
 */
export async function currentStatus(
  context: CloudFormationContext,
  stackId: string,
): Promise<string | undefined> {
  const read = reads.get(context.client) ?? startRead(context);
  read.requested += 1;
  const listed = await read.listed;
  // A deleted stack is found only by its ARN.
  return listed?.get(stackId) ?? (await describeStack(context, stackId))?.status;
}

function startRead(context: CloudFormationContext): SharedRead {
  const { client, clock, signal } = context;
  const read: SharedRead = { requested: 0, listed: Promise.resolve(undefined) };
  reads.set(client, read);
  read.listed = clock
    .sleep(COLLECT_MS, signal)
    .finally(() => {
      reads.delete(client);
    })
    .then(async () => (read.requested > FEW ? await listStatuses(context) : undefined));
  return read;
}

async function listStatuses(
  context: CloudFormationContext,
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const stacks = await listStacks(context);
    return new Map(stacks.map(({ stackId, status }) => [stackId, status]));
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`Reading the stacks one by one, because they could not be listed: ${reasonOf(error)}`);
    return undefined;
  }
}
