import {
  type Change,
  DescribeChangeSetCommand,
  type DescribeChangeSetOutput,
  GetTemplateCommand,
  type ResourceChange as AwsResourceChange,
  type ResourceChangeDetail,
} from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import { classify, errorText, isNotFound } from '../aws/errors.ts';
import type { CloudFormationContext } from './types.ts';

/** A change set with all its pages, its template, and the change sets of its nested stacks. */
export interface ChangeSetTree {
  set: DescribeChangeSetOutput;
  changes: readonly AwsResourceChange[];
  /** The template as it was submitted; absent where the endpoint does not give it. */
  template?: string;
  nested: readonly { logicalId: string; tree: ChangeSetTree }[];
}

/** An ARN alone, or a name with its stack. */
export interface ChangeSetAddress {
  ChangeSetName: string;
  StackName?: string;
}

/**
 * CloudFormation says in the reason that it left resources out of an answer with property values.
 * Source: https://github.com/aws/aws-cdk-cli/issues/1780
 */
const INCOMPLETE = '[WARN] --include-property-values option can return incomplete ChangeSet data';

/**
 * Reads a change set that is made, with every page and every nested change set.
 * @param options.executed nested change sets and the template of one that was executed may be gone already.
 */
export async function readChangeSetTree(
  context: CloudFormationContext,
  changeSet: ChangeSetAddress,
  options: { executed?: boolean } = {},
): Promise<ChangeSetTree> {
  const set = await describeChangeSet(context, changeSet);
  const changes = (set.Changes ?? []).flatMap(({ ResourceChange }) =>
    ResourceChange ? [ResourceChange] : [],
  );
  const template = await readTemplate(context, { StackName: set.StackId, ChangeSetName: set.ChangeSetId });
  const nested = await Promise.all(
    changes.map(async ({ LogicalResourceId, ChangeSetId }) => {
      if (!LogicalResourceId || !ChangeSetId) return [];
      try {
        const tree = await readChangeSetTree(context, { ChangeSetName: ChangeSetId }, options);
        return [{ logicalId: LogicalResourceId, tree }];
      } catch (error) {
        if (options.executed && isNotFound(error)) return [];
        throw error;
      }
    }),
  );
  return { set, changes, ...(template !== undefined && { template }), nested: nested.flat() };
}

/** All pages, with property values, completed where CloudFormation says that it left something out. */
export async function describeChangeSet(
  context: CloudFormationContext,
  changeSet: ChangeSetAddress,
): Promise<DescribeChangeSetOutput> {
  const detailed = await describePages(context, changeSet, true);
  if (!detailed.StatusReason?.includes(INCOMPLETE)) return detailed;
  const plain = await describePages(context, changeSet, false);
  return {
    ...detailed,
    StatusReason: plain.StatusReason,
    Changes: completeChanges(detailed.Changes ?? [], plain.Changes ?? []),
  };
}

async function describePages(
  context: CloudFormationContext,
  changeSet: ChangeSetAddress,
  values: boolean,
): Promise<DescribeChangeSetOutput> {
  const changes: Change[] = [];
  const seen = new Set<string>();
  for (let token: string | undefined; ;) {
    const page: DescribeChangeSetOutput = await send(
      context.client,
      new DescribeChangeSetCommand({
        ...changeSet,
        ...(values && { IncludePropertyValues: true }),
        ...(token !== undefined && { NextToken: token }),
      }),
      context,
    );
    changes.push(...(page.Changes ?? []));
    token = page.NextToken;
    if (!token) return { ...page, Changes: changes };
    if (seen.has(token)) throw new Error(`DescribeChangeSet repeats a page of ${changeSet.ChangeSetName}`);
    seen.add(token);
  }
}

/** The plain answer has every change, the detailed one has the values: each change from the detailed one if it is there. */
function completeChanges(detailed: readonly Change[], plain: readonly Change[]): Change[] {
  const byId = new Map(detailed.map((change) => [changeKey(change), change]));
  const completed = plain.map((change) => {
    const known = byId.get(changeKey(change));
    if (!known) return change;
    byId.delete(changeKey(change));
    const resource = {
      ...change.ResourceChange,
      ...known.ResourceChange,
      Details: completeDetails(known.ResourceChange?.Details ?? [], change.ResourceChange?.Details ?? []),
    };
    return { ...change, ResourceChange: resource };
  });
  return [...completed, ...byId.values()];
}

function completeDetails(
  detailed: readonly ResourceChangeDetail[],
  plain: readonly ResourceChangeDetail[],
): ResourceChangeDetail[] {
  const known = new Set(detailed.map(detailKey));
  return [...detailed, ...plain.filter((detail) => !known.has(detailKey(detail)))];
}

function changeKey({ ResourceChange: change }: Change): string {
  return [change?.LogicalResourceId, change?.PhysicalResourceId, change?.Action].join('|');
}

/** Without the path, which only the detailed answer has. */
function detailKey({
  Target: target,
  Evaluation,
  ChangeSource,
  CausingEntity,
}: ResourceChangeDetail): string {
  return [target?.Attribute, target?.Name, Evaluation, ChangeSource, CausingEntity].join('|');
}

/**
 * The template of a change set, or the one that a stack runs with. Undefined where the endpoint cannot give it;
 * whoever may not read it is told.
 */
export async function readTemplate(
  context: CloudFormationContext,
  of: { StackName: string | undefined; ChangeSetName?: string | undefined },
): Promise<string | undefined> {
  try {
    const command = new GetTemplateCommand({ ...of, TemplateStage: 'Original' });
    return (await send(context.client, command, context)).TemplateBody;
  } catch (error) {
    const kind = classify(error);
    if (kind !== 'server' && kind !== 'validation' && kind !== 'not-found') throw error;
    context.log.debug(
      `The template of ${of.ChangeSetName ?? of.StackName ?? ''} cannot be read: ${errorText(error)}`,
    );
    return undefined;
  }
}
