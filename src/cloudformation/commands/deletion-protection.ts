import { classify } from '../../aws/errors.ts';
import type { FileLine } from '../../core/errors.ts';
import type { GuardFinding } from '../change-set/guard.ts';
import { readTemplate } from '../change-set/read.ts';
import type { CloudFormationContext } from '../context.ts';
import type { StackSnapshot } from '../stack.ts';
import { type TemplateDocument, tryReadTemplate } from '../template/document.ts';
import { conditionHolds, possibleTexts, type Scope } from '../template/evaluate.ts';
import { templateScope } from '../template/graph.ts';
import { literal, member, type Value, valueAt } from '../template/tree.ts';

/** A resource whose service refuses to delete it. */
export interface ProtectedResource {
  logicalId: string;
  type: string;
  /** Parameter of the template that turns the protection on. */
  parameter?: string;
  /** The line that gives the parameter its value. */
  at?: FileLine;
}

/** Properties that protect a resource, and the values that turn the protection on. */
const PROPERTIES = ['DeletionProtection', 'DeletionProtectionEnabled'];
const ON = /^(?:true|ACTIVE)$/;
/**
 * Attribute of a load balancer.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
 */
const ATTRIBUTE = 'deletion_protection.enabled';

/**
 * Resources of a deployed stack that have deletion protection: the deletion of the stack would fail at them, after other
 * resources are gone. Those that the template retains are not deleted.
 */
export async function protectedResources(
  context: CloudFormationContext,
  { stackId, parameters }: Pick<StackSnapshot, 'stackId' | 'parameters'>,
): Promise<ProtectedResource[]> {
  const text = await readTemplate(context, { StackName: stackId }, 'Processed').catch((error: unknown) => {
    if (classify(error) !== 'denied') throw error;
    return undefined;
  });
  const document = text === undefined ? undefined : tryReadTemplate(text);
  if (!document) return [];
  const scope = templateScope(document, parameters);
  return Object.entries(document.resources).flatMap(([logicalId, { type, deletionPolicy = '' }]) => {
    const condition = literal(valueAt(document, ['Resources', logicalId, 'Condition']));
    const exists = condition === undefined || conditionHolds(condition, scope) !== false;
    const value = protectionOf(document, logicalId);
    if (!exists || deletionPolicy.startsWith('Retain') || !isOn(value, scope)) return [];
    const parameter = value?.kind === 'call' && value.name === 'Ref' ? literal(value.argument) : undefined;
    return { logicalId, type, ...(parameter !== undefined && { parameter }) };
  });
}

/** Findings that `allow-delete` does not allow. */
export function protectionFindings(resources: readonly ProtectedResource[]): GuardFinding[] {
  return resources.map((resource) => ({
    logicalId: resource.logicalId,
    nesting: [],
    type: resource.type,
    harm: 'delete',
    message: `${resource.logicalId} (${resource.type}) has deletion protection. Fix: ${turnOff([resource])}, then delete the stack`,
  }));
}

/** `Set the parameter DeletionProtection to false (dev.json:12) and deploy` */
export function turnOff(resources: readonly ProtectedResource[]): string {
  const parameters = new Set(resources.map(({ parameter }) => parameter));
  const [parameter] = parameters;
  if (parameters.size !== 1 || parameter === undefined)
    return 'Turn off deletion protection in the template and deploy';
  const lines = new Set(resources.flatMap(({ at }) => (at ? [`${at.file}:${at.line}`] : [])));
  const where = lines.size === 0 ? '' : ` (${[...lines].join(', ')})`;
  return `Set the parameter ${parameter} to false${where} and deploy`;
}

function isOn(value: Value | undefined, scope: Scope): boolean {
  const texts = possibleTexts(value, scope);
  return texts.length > 0 && texts.every((text) => ON.test(text));
}

function protectionOf(document: TemplateDocument, logicalId: string): Value | undefined {
  const properties = valueAt(document, ['Resources', logicalId, 'Properties']);
  const attributes = member(properties, 'LoadBalancerAttributes');
  const attribute =
    attributes?.kind === 'list'
      ? attributes.items.find((item) => literal(member(item, 'Key')) === ATTRIBUTE)
      : undefined;
  return PROPERTIES.map((name) => member(properties, name)).find(Boolean) ?? member(attribute, 'Value');
}
