import { reasonOf } from '../../core/errors.ts';
import {
  type Change,
  DescribeChangeSetCommand,
  type DescribeChangeSetOutput,
  GetTemplateCommand,
  type ResourceChange as AwsResourceChange,
  type ResourceChangeDetail,
  type ResourceTargetDefinition,
} from '@aws-sdk/client-cloudformation';
import { classify, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import type { ChangeAction, PropertyChange, Replacement, ResourceChange } from './changes.ts';
import { type CloudFormationContext, malformedResponse } from '../context.ts';
import { type ChangeSetAddress, changeSetAddress } from './create.ts';
import { elsewhereProperty } from './stateful.ts';

/** A change set with all pages, its template, and the change sets of its nested stacks. */
export interface ChangeSetTree {
  set: DescribeChangeSetOutput;
  changes: readonly AwsResourceChange[];
  /** The submitted template; absent if the endpoint does not return it. */
  template?: string;
  nested: readonly { logicalId: string; tree: ChangeSetTree }[];
}

/**
 * The reason of a response with property values that does not contain all resources.
 * Source: https://github.com/aws/aws-cdk-cli/issues/1780
 */
const INCOMPLETE = '[WARN] --include-property-values option can return incomplete ChangeSet data';

interface ReadOptions {
  /** Whether the change set was executed, so that its nested change sets and its template may have been deleted. */
  executed?: boolean;
  /** The first page with values, if it was already read. */
  first?: DescribeChangeSetOutput;
}

/** Reads a created change set with all pages and nested change sets. */
export async function readChangeSetTree(
  context: CloudFormationContext,
  changeSet: ChangeSetAddress,
  { executed, first }: ReadOptions = {},
): Promise<ChangeSetTree> {
  const set = await describeChangeSet(context, changeSet, first);
  const changes = (set.Changes ?? []).flatMap(({ ResourceChange }) =>
    ResourceChange ? [ResourceChange] : [],
  );
  const template = await readTemplate(context, { StackName: set.StackId, ChangeSetName: set.ChangeSetName });
  const nested = await Promise.all(
    changes.map(async ({ LogicalResourceId, ChangeSetId, PhysicalResourceId: stackId = '' }) => {
      if (!LogicalResourceId || !ChangeSetId) return [];
      try {
        // A nested stack that does not exist yet has no ARN here.
        const address =
          stackId === ''
            ? { ChangeSetName: ChangeSetId }
            : changeSetAddress({ changeSetId: ChangeSetId, stackId });
        const tree = await readChangeSetTree(context, address, executed === undefined ? {} : { executed });
        return [{ logicalId: LogicalResourceId, tree }];
      } catch (error) {
        if (executed && isNotFound(error)) return [];
        throw error;
      }
    }),
  );
  return { set, changes, ...(template !== undefined && { template }), nested: nested.flat() };
}

/**
 * All pages with property values; resources that CloudFormation omits are added from a response without values.
 *
 * @param first the first page with values, if it was already read.
 */
export async function describeChangeSet(
  context: CloudFormationContext,
  changeSet: ChangeSetAddress,
  first?: DescribeChangeSetOutput,
): Promise<DescribeChangeSetOutput> {
  const detailed = await describePages(context, changeSet, true, first);
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
  first?: DescribeChangeSetOutput,
): Promise<DescribeChangeSetOutput> {
  const changes: Change[] = [];
  const seen = new Set<string>();
  const read = (token: string | undefined): Promise<DescribeChangeSetOutput> =>
    send(
      context.client,
      new DescribeChangeSetCommand({
        ...changeSet,
        ...(values && { IncludePropertyValues: true }),
        ...(token !== undefined && { NextToken: token }),
      }),
      context,
    );
  for (let token: string | undefined; ;) {
    const page = token === undefined && first ? first : await read(token);
    changes.push(...(page.Changes ?? []));
    token = page.NextToken;
    if (!token) return { ...page, Changes: changes };
    if (seen.has(token))
      throw malformedResponse(`DescribeChangeSet returned a page of ${changeSet.ChangeSetName} twice`);
    seen.add(token);
  }
}

/** The plain response has all changes, the detailed one has their values: details are used where they exist. */
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

/** The key without the path, which only the detailed response has. */
function detailKey({
  Target: target,
  Evaluation,
  ChangeSource,
  CausingEntity,
}: ResourceChangeDetail): string {
  return [target?.Attribute, target?.Name, Evaluation, ChangeSource, CausingEntity].join('|');
}

/**
 * The template of a change set, or the deployed template of a stack. Undefined if the endpoint does not return it; a missing
 * permission is an error.
 */
export async function readTemplate(
  context: CloudFormationContext,
  of: { StackName: string | undefined; ChangeSetName?: string | undefined },
  stage: 'Original' | 'Processed' = 'Original',
): Promise<string | undefined> {
  try {
    const command = new GetTemplateCommand({ ...of, TemplateStage: stage });
    return (await send(context.client, command, context)).TemplateBody;
  } catch (error) {
    const kind = classify(error);
    if (kind !== 'server' && kind !== 'validation' && kind !== 'not-found') throw error;
    context.log.debug(
      `The template of ${of.ChangeSetName ?? of.StackName ?? ''} could not be read: ${reasonOf(error)}`,
    );
    return undefined;
  }
}

const ACTIONS: Readonly<Record<string, ChangeAction>> = {
  Add: 'add',
  Modify: 'modify',
  Remove: 'remove',
  Import: 'import',
  Dynamic: 'dynamic',
  SyncWithActual: 'sync',
};
const RECREATION = { Always: 'always', Conditionally: 'conditionally', Never: 'never' } as const;
const RANK = { never: 0, conditionally: 1, always: 2 } as const;

/** CloudFormation's change as a change of a plan. An unknown action counts as `dynamic`. */
export function resourceChange(change: AwsResourceChange, nesting: readonly string[]): ResourceChange {
  const action = ACTIONS[change.Action ?? ''] ?? 'dynamic';
  return {
    logicalId: change.LogicalResourceId ?? '',
    nesting,
    type: change.ResourceType ?? '',
    action,
    replacement: replacementOf(change.Replacement),
    properties: action === 'add' ? newProperties(change.AfterContext) : propertyChanges(change),
    ...(change.PhysicalResourceId && { physicalId: change.PhysicalResourceId }),
    ...(change.PolicyAction && { policyAction: change.PolicyAction }),
    ...(holdsNothing(change) && { holdsNothing: true }),
  };
}

/** Decided by the resource before the change: a property that the update adds does not move existing data. */
function holdsNothing({ ResourceType = '', BeforeContext }: AwsResourceChange): boolean {
  const property = elsewhereProperty(ResourceType);
  if (property === undefined) return false;
  const properties = parseObject(parseObject(BeforeContext)?.['Properties']);
  return properties !== undefined && Object.hasOwn(properties, property);
}

function replacementOf(value: string | undefined): Replacement {
  if (value === 'True') return 'yes';
  return value === 'Conditional' ? 'maybe' : 'no';
}

/** One entry per path: CloudFormation lists a property once for each cause of its change. */
function propertyChanges({ Details, AfterContext, BeforeContext }: AwsResourceChange): PropertyChange[] {
  const contexts = [parseObject(AfterContext), parseObject(BeforeContext)];
  const byPath = new Map<string, PropertyChange>();
  for (const detail of Details ?? []) {
    if (!detail.Target) continue;
    const path = targetPath(detail.Target);
    const label = labelOf(contexts, path);
    const change = { ...propertyChange(path, detail, detail.Target), ...(label !== undefined && { label }) };
    const known = byPath.get(path);
    byPath.set(path, known ? merged(known, change) : change);
  }
  return [...byPath.values()];
}

function propertyChange(
  path: string,
  detail: ResourceChangeDetail,
  target: ResourceTargetDefinition,
): PropertyChange {
  const cause = detail.CausingEntity;
  const drift = target.Drift;
  return {
    path,
    requiresRecreation: RECREATION[target.RequiresRecreation ?? 'Never'],
    ...(target.BeforeValue !== undefined && { before: target.BeforeValue }),
    ...(target.AfterValue !== undefined && { after: target.AfterValue }),
    ...(cause && { cause }),
    ...(drift && {
      drift: {
        ...(drift.PreviousValue !== undefined && { expected: drift.PreviousValue }),
        ...(drift.ActualValue !== undefined && { actual: drift.ActualValue }),
      },
    }),
  };
}

function merged(a: PropertyChange, b: PropertyChange): PropertyChange {
  const causes = [...new Set([...(a.cause?.split(', ') ?? []), ...(b.cause?.split(', ') ?? [])])].sort();
  const requiresRecreation =
    RANK[a.requiresRecreation] >= RANK[b.requiresRecreation] ? a.requiresRecreation : b.requiresRecreation;
  return { ...b, ...a, requiresRecreation, ...(causes.length > 0 && { cause: causes.join(', ') }) };
}

/** `/Properties/Tags/0/Key` becomes `Properties.Tags.0.Key`; without property values there is only a name. */
function targetPath({ Path, Attribute, Name }: ResourceTargetDefinition): string {
  if (Path) return pointerSegments(Path).join('.');
  return [Attribute ?? 'Properties', ...(Name ? [Name] : [])].join('.');
}

/** The Name or Key of the list item whose `Value` changes, which is easier to recognize than its index. */
function labelOf(contexts: readonly unknown[], path: string): string | undefined {
  const segments = path.split('.');
  if (segments.at(-1) !== 'Value') return undefined;
  for (const context of contexts) {
    const item = segments.slice(0, -1).reduce<unknown>(step, context);
    const name = step(item, 'Name') ?? step(item, 'Key');
    if (typeof name === 'string') return name;
  }
  return undefined;
}

function step(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** The parts of a JSON pointer (RFC 6901). */
export function pointerSegments(pointer: string): string[] {
  return pointer
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The properties of a new resource, which CloudFormation returns as one JSON string. */
function newProperties(context: string | undefined): PropertyChange[] {
  const properties = parseObject(parseObject(context)?.['Properties']);
  return Object.entries(properties ?? {}).map(([name, value]) => ({
    path: `Properties.${name}`,
    after: typeof value === 'string' ? value : JSON.stringify(value),
    requiresRecreation: 'never',
  }));
}

function parseObject(value: unknown): Record<string, unknown> | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  if (typeof value !== 'string') return undefined;
  try {
    return parseObject(JSON.parse(value));
  } catch {
    return undefined;
  }
}
