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

/** A cancelled job ends this earlier. */
const LIMIT_MS = 20_000;
const RETRY_MS = 500;
/** What goes on is stopped first, then what could be executed is deleted, then what is only left over. */
const [CHANGE_SET, EMPTY_STACK] = [-1, -2];
/** How many times a change set is looked for whose creation was not answered. */
const LOOKS = 2;

/** A change set of this run, by its name, which no other run uses. */
interface AbandonedChangeSet {
  stackName: string;
  changeSetName: string;
  /** ARN of the stack; undefined where CloudFormation has not answered the request to create the change set. */
  stackId: string | undefined;
  /** Whether an empty stack was created for it. */
  isShellOurs: boolean;
}

/**
 * Deletes a change set of a run that is stopped, and the empty stack that was created for it, with as few calls as it
 * takes: an accepted request is the deletion ("If the call successfully completes, CloudFormation successfully deleted
 * the change set"). What could not be deleted is listed as not stopped. Never throws.
 *
 * @returns what was deleted and what remains, in sentences.
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
      return `The change set ${changeSetName} ${wasDeleted ? 'was deleted' : 'is gone'}.`;
    },
  );
  if (!changeSetState.isGone || !isShellOurs || keepsShells.has(context.client)) return text;
  const shell = await unstopped.during(
    {
      what: `The empty stack ${stackName}`,
      command: `aws cloudformation delete-stack --stack-name ${stackName} --region ${session.region}`,
    },
    () => removeShellOf(cleaning, changeSet),
  );
  return `${text} ${shell}`.trim();
}

/** Clients of roles that may not delete stacks, as those that only plan: their empty stacks stay, which have no resources. */
const keepsShells = new WeakSet<CloudFormationClient>();

/** Whether there was such a change set. One that is being created is deleted as soon as CloudFormation allows it. */
async function requestDeletion(
  context: CloudFormationContext,
  { stackName, changeSetName, stackId }: AbandonedChangeSet,
): Promise<boolean> {
  for (let look = 1; ; look++) {
    try {
      const command = new DeleteChangeSetCommand({ StackName: stackName, ChangeSetName: changeSetName });
      await send(context.client, command, context);
      return true;
    } catch (error) {
      if (isNotFound(error)) {
        if (stackId !== undefined || look >= LOOKS) return false;
      } else if (awsNameOf(error) !== 'InvalidChangeSetStatusException') throw error;
    }
    await context.clock.sleep(RETRY_MS, context.signal);
  }
}

/** Deletes the empty stack, unless it has resources or another change set; a sentence where it did. */
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
    keepsShells.add(context.client);
    return `The empty stack ${stackName} made for it stays, because the role may not delete stacks.`;
  }
  return `The empty stack ${stackName} made for it is deleted too.`;
}
