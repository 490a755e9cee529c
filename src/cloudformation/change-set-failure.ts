import {
  DescribeChangeSetCommand,
  type DescribeChangeSetOutput,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import { describeChangeSet } from './change-set-tree.ts';
import { STACK_TYPE } from './events.ts';
import { listNestedStacks } from './nested-stacks.ts';
import type { CloudFormationContext } from './types.ts';

/** How CloudFormation says that there is nothing to do; the second comes with transforms. */
const NO_CHANGES = ["The submitted information didn't contain changes.", 'No updates are to be performed.'];
const NESTED = /^Nested change set (\S+) was not successfully created: Currently in FAILED/;

/** A change set, ours or one nested in it, that failed for a reason of its own. */
export interface FailedChangeSet {
  changeSetId: string;
  reason: string;
  /** Logical ids of the nested stacks that lead to it, as far as they are known. */
  nesting: readonly string[];
}

type ChangeSet = Pick<DescribeChangeSetOutput, 'ChangeSetId' | 'StackId' | 'Status' | 'StatusReason'>;

/**
 * Why a change set failed. Empty when it failed only because there is nothing to change.
 * A reason that names a nested change set tells only the first that failed, so all of them are looked at; and it
 * counts as nothing to change only if none of them, nor the stack itself, has a change.
 */
export async function failuresOf(
  context: CloudFormationContext,
  set: ChangeSet,
  nesting: readonly string[] = [],
): Promise<FailedChangeSet[]> {
  const reason = set.StatusReason ?? '';
  const own = { changeSetId: set.ChangeSetId ?? '', reason, nesting };
  if (set.Status !== 'FAILED') return [{ ...own, reason: '' }];
  if (saysNoChanges(reason)) return [];
  const named = NESTED.exec(reason)?.[1];
  if (named === undefined || !set.ChangeSetId) return [own];
  const { nested, ownChanges } = await nestedIn(context, set, named);
  const failures: FailedChangeSet[] = [];
  for (const [id, logicalId] of nested) {
    const below = await send(context.client, new DescribeChangeSetCommand({ ChangeSetName: id }), context);
    const path = logicalId === undefined ? nesting : [...nesting, logicalId];
    failures.push(...(await failuresOf(context, below, path)));
  }
  const told = failures.filter(({ reason: why }) => why !== '');
  if (told.length > 0) return told;
  return failures.length > 0 || ownChanges ? [own] : [];
}

/** Whether a change set failed, and only because there is nothing to change. */
export async function hasNothingToChange(context: CloudFormationContext, set: ChangeSet): Promise<boolean> {
  return (await failuresOf(context, set)).length === 0;
}

/** Whether a text of CloudFormation says in its own words that there is nothing to do. */
export function saysNoChanges(reason: string): boolean {
  return NO_CHANGES.some((text) => reason.startsWith(text));
}

/** The nested change sets and their logical ids, from all that may know one; and whether the stack itself changes. */
async function nestedIn(
  context: CloudFormationContext,
  set: ChangeSet,
  named: string,
): Promise<{ nested: Map<string, string | undefined>; ownChanges: boolean }> {
  const nested = new Map<string, string | undefined>([[named, undefined]]);
  const { Changes = [] } = await describeChangeSet(context, { ChangeSetName: set.ChangeSetId ?? '' });
  let ownChanges = false;
  for (const { ResourceChange: change } of Changes) {
    if (change?.ResourceType !== STACK_TYPE || !change.ChangeSetId) ownChanges = true;
    else nested.set(change.ChangeSetId, change.LogicalResourceId);
  }
  for (const { stackId, logicalId } of await listNestedStacks(context, set.StackId ?? '')) {
    const command = new ListChangeSetsCommand({ StackName: stackId });
    const { Summaries = [] } = await send(context.client, command, context);
    for (const { ParentChangeSetId, ChangeSetId } of Summaries) {
      if (ParentChangeSetId === set.ChangeSetId && ChangeSetId) nested.set(ChangeSetId, logicalId);
    }
  }
  return { nested, ownChanges };
}
