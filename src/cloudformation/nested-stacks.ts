import { reasonOf } from '../core/errors.ts';
import { GetTemplateCommand, type StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import { classify } from '../aws/errors.ts';
import { STACK_TYPE, isAlive, listResources } from './stack.ts';
import { readTemplateDocument, TemplateSyntaxError, type TemplateResource } from './template/document.ts';
import type { CloudFormationContext } from './context.ts';
import type { ResourceChange } from './change-set/changes.ts';

/** The stacks nested directly in a stack. */
export async function listNestedStacks(
  context: CloudFormationContext,
  stackId: string,
): Promise<{ logicalId: string; stackId: string }[]> {
  return (await listResources(context, stackId))
    .filter(isAlive)
    .flatMap(({ ResourceType, LogicalResourceId, PhysicalResourceId }) =>
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
