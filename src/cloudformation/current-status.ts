import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { reasonOf } from '../core/errors.ts';
import type { CloudFormationContext } from './context.ts';
import { describeStack, listStacks } from './stack.ts';

/** How long a look waits for the stacks that others ask for. */
const GATHER_MS = 50;
/** Up to so many stacks are read one by one. */
const FEW = 3;

/** One look at the stacks that several parts of a run ask for at the same time. */
interface Look {
  asked: number;
  /** The statuses of all stacks by ARN; undefined where they are read one by one. */
  listed: Promise<ReadonlyMap<string, string> | undefined>;
}

const looks = new WeakMap<CloudFormationClient, Look>();

/**
 * The status that a stack has now; undefined when it does not exist. A run that is stopped asks for all stacks in flight
 * at once: more than three are read by a listing, and one by one only where the role may not list them.
 *
 * @throws AwsError; the signal's reason when it is aborted.
 */
export async function currentStatus(
  context: CloudFormationContext,
  stackId: string,
): Promise<string | undefined> {
  const look = looks.get(context.client) ?? startLook(context);
  look.asked += 1;
  const listed = await look.listed;
  // A deleted stack is found only by its ARN.
  return listed?.get(stackId) ?? (await describeStack(context, stackId))?.status;
}

function startLook(context: CloudFormationContext): Look {
  const { client, clock, signal } = context;
  const look: Look = { asked: 0, listed: Promise.resolve(undefined) };
  looks.set(client, look);
  look.listed = clock
    .sleep(GATHER_MS, signal)
    .finally(() => {
      looks.delete(client);
    })
    .then(async () => (look.asked > FEW ? await listStatuses(context) : undefined));
  return look;
}

async function listStatuses(
  context: CloudFormationContext,
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const stacks = await listStacks(context);
    return new Map(stacks.map(({ stackId, status }) => [stackId, status]));
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`The stacks are read one by one: they could not be listed (${reasonOf(error)}).`);
    return undefined;
  }
}
