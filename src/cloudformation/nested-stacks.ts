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
 * The resources that deleting a stack removes, including those of its nested stacks, as changes of a plan. The deletion
 * policies are those of the deployed template, because the template in the workspace may never have been deployed.
 */
export async function deletionChanges(
  context: CloudFormationContext,
  stackId: string,
): Promise<ResourceChange[]> {
  const alive = (await listResources(context, stackId)).filter(isAlive);
  const declared = await declaredResources(context, stackId);
  const own = alive.map((resource) => removal(resource, [], declared));
  const nested = await Promise.all(own.map((change) => removedNestedResources(context, change)));
  return [...own, ...nested.flat()];
}

/**
 * The nested stacks with stateful resources whose changes a plan cannot show. A replacement or deletion in them would go
 * unnoticed, so the nested stack or all of its stateful resources must be allowed. Listener rules whose traffic ECS shifts
 * are returned too, as rules whose new weights are unknown.
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

/** The maximum number of resources that a finding names. */
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
    message: `${path} (${type}) contains ${names.join(', ')}${more}, and the plan cannot show how it changes. To allow it: allow-replace: ${path}`,
    allow: { input: 'allow-replace', value: path },
    ...(line !== undefined && { line }),
  };
}

/** The resources of a nested stack as possible replacements, and its listener rules whose traffic ECS shifts. */
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
 * The resources that are deleted with a removed nested stack, at all levels: a change set lists only the nested stack
 * itself. Empty if they cannot be listed; the guard then checks the removal of the nested stack.
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
      `The resources of the nested stack ${nesting.join('/')} could not be listed: ${reasonOf(error)}`,
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

/** The resources in the deployed template of a stack; empty if it cannot be parsed. */
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
