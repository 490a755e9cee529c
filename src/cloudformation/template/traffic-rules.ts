import { isMap, isScalar, isSeq } from 'yaml';
import { tryReadTemplate } from './document.ts';

export const RULE_TYPE = 'AWS::ElasticLoadBalancingV2::ListenerRule';
export const LISTENER_TYPE = 'AWS::ElasticLoadBalancingV2::Listener';
const SERVICE_TYPE = 'AWS::ECS::Service';
const NESTED_TYPE = 'AWS::CloudFormation::Stack';

/** The keys of a service's AdvancedConfiguration with the listener rules that ECS uses to shift traffic. */
const SHIFTED = new Set(['ProductionListenerRule', 'TestListenerRule']);

/**
 * The logical ids of the listener rules, and of the listeners of network load balancers, whose traffic weights ECS
 * changes: a service of the template refers to them. A rule whose ARN is passed to another stack, as an output or as a
 * parameter of a nested stack, is included, because it is probably for a service there. Empty for a template that cannot
 * be parsed.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-service-advancedconfiguration.html
 */
export function trafficRules(template: string | undefined): ReadonlySet<string> {
  const document = template === undefined ? undefined : tryReadTemplate(template);
  if (!document) return new Set();
  const { resources } = document;
  const named: string[] = [];
  const passedOn: string[] = [];
  for (const [id, { type }] of Object.entries(resources)) {
    const node = document.node(['Resources', id]);
    if (type === SERVICE_TYPE) for (const value of valuesOf(node, SHIFTED)) collectTexts(value, named);
    if (type === NESTED_TYPE)
      collectTexts(document.node(['Resources', id, 'Properties', 'Parameters']), passedOn);
  }
  collectTexts(document.node(['Outputs']), passedOn);
  const typesOf = (ids: readonly string[], types: readonly string[]): string[] =>
    ids.filter((id) => Object.hasOwn(resources, id) && types.includes(resources[id]?.type ?? ''));
  return new Set([...typesOf(named, [RULE_TYPE, LISTENER_TYPE]), ...typesOf(passedOn, [RULE_TYPE])]);
}

/** The values of these keys, at any depth. */
function valuesOf(node: unknown, keys: ReadonlySet<string>): unknown[] {
  if (isSeq(node)) return node.items.flatMap((item) => valuesOf(item, keys));
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) =>
    isScalar(key) && keys.has(String(key.value)) ? [value] : valuesOf(value, keys),
  );
}

/** The names that a value may refer to: `Rule` of `!Ref Rule`, `!GetAtt Rule.RuleArn` and `!Sub '${Rule}'`. */
function collectTexts(node: unknown, found: string[]): void {
  if (isMap(node)) for (const { value } of node.items) collectTexts(value, found);
  else if (isSeq(node)) for (const item of node.items) collectTexts(item, found);
  else if (isScalar(node) && typeof node.value === 'string') {
    const { value } = node;
    const embedded = [...value.matchAll(/\$\{([^!{}]+)\}/g)].map(([, name = '']) => name.trim());
    found.push(...[value, ...embedded].map((name) => name.split('.')[0] ?? name));
  }
}
