import {
  type CloudFormationClient,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { awsNameOf, classify, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { stopSignal } from '../../core/cancellation.ts';
import type { CloudFormationContext } from '../context.ts';
import { currentStatus } from '../current-status.ts';
import { describeStack, isShell } from '../stack.ts';

/** In ms; a cancelled job ends earlier. */
const LIMIT_MS = 20_000;
const RETRY_MS = 500;
/** Urgencies: running operations (0) are stopped first, then change sets are deleted, then empty stacks. */
const [CHANGE_SET, EMPTY_STACK] = [-1, -2];
/** Attempts to delete a change set whose creation was not confirmed. */
const MAX_ATTEMPTS = 2;

/** A change set of this run, identified by its name, which no other run uses. */
interface AbandonedChangeSet {
  stackName: string;
  changeSetName: string;
  /** ARN of the stack; undefined if the creation of the change set was not confirmed. */
  stackId: string | undefined;
  /** Whether an empty stack was created for it. */
  isShellOurs: boolean;
}

/**
 * Deletes the change set of a cancelled run and the empty stack that was created for it, with as few calls as possible: an
 * accepted request counts as the deletion ("If the call successfully completes, CloudFormation successfully deleted the
 * change set"). What could not be deleted is reported as not stopped. Never throws.
 *
 * @returns sentences about what was deleted and what remains.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html
 */
export async function abandonChangeSet(
  context: CloudFormationContext,
  changeSet: AbandonedChangeSet,
): Promise<string> {
  const { stackName, changeSetName, isShellOurs } = changeSet;
  const { unstopped, session } = context;
  const stopping = { ...context, signal: stopSignal(LIMIT_MS), urgency: CHANGE_SET };
  const cleaning = { ...stopping, urgency: EMPTY_STACK };
  const changeSetState = { isGone: false };
  const text = await unstopped.during(
    {
      what: `The change set ${changeSetName} of stack ${stackName}`,
      command: `aws cloudformation delete-change-set --stack-name ${stackName} --change-set-name ${changeSetName} --region ${session.region}`,
    },
    async () => {
      const wasDeleted = await requestDeletion(stopping, changeSet);
      changeSetState.isGone = true;
      return wasDeleted
        ? `Deleted the change set ${changeSetName}.`
        : `The change set ${changeSetName} no longer exists.`;
    },
  );
  if (!changeSetState.isGone || !isShellOurs || cannotDeleteStacks.has(context.client)) return text;
  const shell = await unstopped.during(
    {
      what: `The empty stack ${stackName}`,
      command: `aws cloudformation delete-stack --stack-name ${stackName} --region ${session.region}`,
    },
    () => removeShellOf(cleaning, changeSet),
  );
  return `${text} ${shell}`.trim();
}

/** Clients whose role may not delete stacks, such as one that only plans. Their empty stacks remain. */
const cannotDeleteStacks = new WeakSet<CloudFormationClient>();

/** Deletes the change set, waiting if it is still being created. Returns whether it existed. */
async function requestDeletion(
  context: CloudFormationContext,
  { stackName, changeSetName, stackId }: AbandonedChangeSet,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      const command = new DeleteChangeSetCommand({ StackName: stackName, ChangeSetName: changeSetName });
      await send(context.client, command, context);
      return true;
    } catch (error) {
      if (isNotFound(error)) {
        if (stackId !== undefined || attempt >= MAX_ATTEMPTS) return false;
      } else if (awsNameOf(error) !== 'InvalidChangeSetStatusException') throw error;
    }
    await context.clock.sleep(RETRY_MS, context.signal);
  }
}

/** Deletes the empty stack, unless it has resources or another change set. Returns a sentence, or empty if it did nothing. */
async function removeShellOf(
  context: CloudFormationContext,
  { stackName, changeSetName, ...known }: AbandonedChangeSet,
): Promise<string> {
  const { stackId, status } =
    known.stackId === undefined
      ? ((await describeStack(context, stackName)) ?? {})
      : { stackId: known.stackId, status: await currentStatus(context, known.stackId) };
  if (stackId === undefined || status === undefined || !isShell(status)) return '';
  const list = new ListChangeSetsCommand({ StackName: stackId });
  const { Summaries = [] } = await send(context.client, list, context);
  const others = Summaries.filter(
    ({ ChangeSetName: name, Status = '' }) => name !== changeSetName && !Status.startsWith('DELETE_'),
  );
  if (others.length > 0) return '';
  try {
    await send(context.client, new DeleteStackCommand({ StackName: stackId }), context);
  } catch (error) {
    if (classify(error) !== 'denied') throw error;
    cannotDeleteStacks.add(context.client);
    return `The empty stack ${stackName} that was created for it remains, because the role may not delete stacks.`;
  }
  return `Requested the deletion of the empty stack ${stackName} that was created for it.`;
}
