import { reasonOf } from '../core/errors.ts';
import { GetTemplateCommand, type StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import { classify } from '../aws/errors.ts';
import { STACK_TYPE, isAlive, listResources } from './stack.ts';
import { readTemplateDocument, TemplateSyntaxError, type TemplateResource } from './template/document.ts';
import type { CloudFormationContext } from './context.ts';
import { pathOf, type Plan, type ResourceChange, type TrafficChange } from './change-set/changes.ts';
import { type GuardFinding, guardPlan } from './change-set/guard.ts';
import { readTemplate } from './change-set/read.ts';
import type { Template } from './template/template.ts';
import { trafficRules } from './template/traffic-rules.ts';

/** The stacks nested directly in a stack. */
export async function listNestedStacks(
  context: CloudFormationContext,
  stackId: string,
): Promise<{ logicalId: string; stackId: string }[]> {
  return nestedAmong((await listResources(context, stackId)).filter(isAlive));
}

/** The nested stacks among the resources of a stack. */
export function nestedAmong(
  resources: readonly StackResourceSummary[],
): { logicalId: string; stackId: string }[] {
  return resources.flatMap(({ ResourceType, LogicalResourceId, PhysicalResourceId }) =>
    ResourceType === STACK_TYPE && PhysicalResourceId
      ? [{ logicalId: LogicalResourceId ?? '', stackId: PhysicalResourceId }]
      : [],
  );
}

/**
 * What deleting a stack removes, as the changes of a plan: its resources and those of its nested stacks, by the policies
 * of the deployed template, because the workspace's may never have been deployed.
 */
export async function deletionOf(context: CloudFormationContext, stackId: string): Promise<ResourceChange[]> {
  const alive = (await listResources(context, stackId)).filter(isAlive);
  const declared = await declaredResources(context, stackId);
  const own = alive.map((resource) => removal(resource, [], declared));
  const nested = await Promise.all(own.map((change) => removedNestedResources(context, change)));
  return [...own, ...nested.flat()];
}

/**
 * The nested stacks that a plan may change without showing how, and that hold data: a replacement or deletion in them
 * would pass unseen, so the stack itself must be allowed, or everything that it holds. Listener rules whose traffic ECS
 * moves are returned beside them, to be judged as rules whose new weights are not known.
 */
export async function hiddenFindings(
  context: CloudFormationContext,
  { changes, settings }: Pick<Plan, 'changes' | 'settings'>,
  template: Template | undefined,
  allowReplace: readonly string[],
): Promise<{ guard: GuardFinding[]; traffic: TrafficChange[] }> {
  const hidden = settings?.hidesNested
    ? changes.filter(({ type, action }) => type === STACK_TYPE && ['modify', 'dynamic'].includes(action))
    : [];
  const found = await Promise.all(
    hidden.map(async (change) => {
      const path = pathOf(change);
      const inside = await contentsOf(context, change.physicalId ?? '', [
        ...change.nesting,
        change.logicalId,
      ]);
      const named = [path, change.logicalId, change.type].some((name) => allowReplace.includes(name));
      const held = named ? [] : guardPlan(inside, undefined, { allowReplace, allowDelete: [] });
      const line = template?.lineOf(`Resources.${change.logicalId}`);
      const guard = held.length > 0 ? [hiddenFinding(change, held, line)] : [];
      return { guard, traffic: inside.traffic };
    }),
  );
  return { guard: found.flatMap(({ guard }) => guard), traffic: found.flatMap(({ traffic }) => traffic) };
}

/** Above this many, what a nested stack holds is counted. */
const NAMED = 3;

function hiddenFinding(
  { logicalId, nesting, type }: ResourceChange,
  held: readonly GuardFinding[],
  line: number | undefined,
): GuardFinding {
  const path = pathOf({ logicalId, nesting });
  const names = held.slice(0, NAMED).map((finding) => `${pathOf(finding)} (${finding.type})`);
  const more = held.length > NAMED ? ` and ${held.length - NAMED} more` : '';
  return {
    logicalId,
    nesting,
    type,
    harm: 'maybe-replace',
    message: `${path} (${type}) may change, the plan cannot show how, and it holds ${names.join(', ')}${more}. To allow it: allow-replace: ${path}`,
    allow: { input: 'allow-replace', value: path },
    ...(line !== undefined && { line }),
  };
}

/** Everything in a nested stack as changes that may replace it, and its listener rules of ECS. */
async function contentsOf(
  context: CloudFormationContext,
  stackId: string,
  nesting: readonly string[],
): Promise<{ changes: ResourceChange[]; traffic: TrafficChange[] }> {
  const alive = (await listResources(context, stackId)).filter(isAlive);
  const declared = await declaredResources(context, stackId);
  const rules = trafficRules(await readTemplate(context, { StackName: stackId }));
  const own = alive.map((resource): ResourceChange => ({
    ...removal(resource, nesting, declared),
    action: 'modify',
    replacement: 'maybe',
  }));
  const traffic = own.flatMap(({ logicalId, type, physicalId: arn }) =>
    rules.has(logicalId) && arn !== undefined ? [{ logicalId, nesting, type, arn, ofEcs: true }] : [],
  );
  const below = await Promise.all(
    own
      .filter(({ type, physicalId }) => type === STACK_TYPE && physicalId !== undefined)
      .map(({ logicalId, physicalId = '' }) => contentsOf(context, physicalId, [...nesting, logicalId])),
  );
  return {
    changes: [...own.filter(({ type }) => type !== STACK_TYPE), ...below.flatMap(({ changes }) => changes)],
    traffic: [...traffic, ...below.flatMap(({ traffic: rest }) => rest)],
  };
}

/**
 * The resources that are deleted with a removed nested stack, at all levels: a change set lists only the stack
 * itself. Empty without the permission to list them; the guard then judges the removal of the stack.
 */
export async function removedNestedResources(
  context: CloudFormationContext,
  removed: ResourceChange,
): Promise<ResourceChange[]> {
  if (removed.type !== STACK_TYPE || removed.action !== 'remove') return [];
  if (!removed.physicalId || removed.policyAction === 'Retain') return [];
  const nesting = [...removed.nesting, removed.logicalId];
  try {
    const resources = (await listResources(context, removed.physicalId)).filter(isAlive);
    const declared = await declaredResources(context, removed.physicalId);
    const changes = resources.map((resource) => removal(resource, nesting, declared));
    const below = await Promise.all(changes.map((change) => removedNestedResources(context, change)));
    return [...changes, ...below.flat()];
  } catch (error) {
    if (['throttle', 'network', 'expired'].includes(classify(error))) throw error;
    context.signal.throwIfAborted();
    context.log.warning(
      `What is in the nested stack ${nesting.join('/')} cannot be listed: ${reasonOf(error)}`,
    );
    return [];
  }
}

function removal(
  { LogicalResourceId, PhysicalResourceId, ResourceType }: StackResourceSummary,
  nesting: readonly string[],
  declared: Record<string, TemplateResource>,
): ResourceChange {
  return {
    logicalId: LogicalResourceId ?? '',
    nesting,
    type: ResourceType ?? '',
    action: 'remove',
    replacement: 'no',
    properties: [],
    policyAction: POLICY_ACTION[declared[LogicalResourceId ?? '']?.deletionPolicy ?? ''] ?? 'Delete',
    ...(PhysicalResourceId && { physicalId: PhysicalResourceId }),
    ...(declared[LogicalResourceId ?? '']?.holdsNothing && { holdsNothing: true }),
  };
}

/** RetainExceptOnCreate keeps what was created successfully. */
const POLICY_ACTION: Readonly<Record<string, string>> = {
  Retain: 'Retain',
  RetainExceptOnCreate: 'Retain',
  Snapshot: 'Snapshot',
};

/** The resources of the template that a stack was deployed with; empty when it does not parse. */
async function declaredResources(
  context: CloudFormationContext,
  stackId: string,
): Promise<Record<string, TemplateResource>> {
  const command = new GetTemplateCommand({ StackName: stackId, TemplateStage: 'Processed' });
  const { TemplateBody } = await send(context.client, command, context);
  try {
    return readTemplateDocument(TemplateBody ?? '').resources;
  } catch (error) {
    if (error instanceof TemplateSyntaxError) return {};
    throw error;
  }
}
