import {
  DescribeChangeSetCommand,
  type DescribeChangeSetOutput,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { send } from '../aws/clients.ts';
import { describeChangeSet } from './change-set-tree.ts';
import { listNestedStacks } from './nested-stacks.ts';
import type { CloudFormationContext } from './types.ts';

/** How CloudFormation says that there is nothing to do; the second comes with transforms. */
const NO_CHANGES = ["The submitted information didn't contain changes.", 'No updates are to be performed.'];
const NESTED = /^Nested change set (\S+) was not successfully created: Currently in FAILED/;
const NESTED_STACK = 'AWS::CloudFormation::Stack';

/**
 * Whether a change set failed only because there is nothing to change. When the reason names a nested change set,
 * the answer is yes only if that one, and every other nested one, has nothing to change either, and the stack
 * itself has no change of its own: the reason names just the first that failed.
 */
export async function hasNothingToChange(
  context: CloudFormationContext,
  set: Pick<DescribeChangeSetOutput, 'ChangeSetId' | 'StackId' | 'Status' | 'StatusReason'>,
): Promise<boolean> {
  if (set.Status !== 'FAILED') return false;
  const reason = set.StatusReason ?? '';
  if (saysNoChanges(reason)) return true;
  const named = NESTED.exec(reason)?.[1];
  if (named === undefined || !set.ChangeSetId) return false;
  const { Changes: changes = [] } = await describeChangeSet(context, { ChangeSetName: set.ChangeSetId });
  const own = changes.filter(
    ({ ResourceChange: change }) => change?.ResourceType !== NESTED_STACK || !change.ChangeSetId,
  );
  if (own.length > 0) return false;
  const listed = changes.flatMap(({ ResourceChange: change }) => change?.ChangeSetId ?? []);
  const others = listed.length > 0 ? listed : await nestedChangeSets(context, set);
  for (const id of new Set([named, ...others])) {
    const nested = await send(context.client, new DescribeChangeSetCommand({ ChangeSetName: id }), context);
    if (!(await hasNothingToChange(context, nested))) return false;
  }
  return true;
}

/** Whether a text of CloudFormation says in its own words that there is nothing to do. */
export function saysNoChanges(reason: string): boolean {
  return NO_CHANGES.some((text) => reason.startsWith(text));
}

/** The change sets that this one made in the nested stacks, found by their parent. */
async function nestedChangeSets(
  context: CloudFormationContext,
  set: Pick<DescribeChangeSetOutput, 'ChangeSetId' | 'StackId'>,
): Promise<string[]> {
  const found: string[] = [];
  for (const { stackId } of await listNestedStacks(context, set.StackId ?? '')) {
    const { Summaries = [] } = await send(
      context.client,
      new ListChangeSetsCommand({ StackName: stackId }),
      context,
    );
    const ours = Summaries.filter(({ ParentChangeSetId }) => ParentChangeSetId === set.ChangeSetId);
    found.push(...ours.flatMap(({ ChangeSetId }) => ChangeSetId ?? []));
  }
  return found;
}
