import type { ResourceRule } from '../scenario.ts';
import type { World } from '../world.ts';
import type { Stack, StackResource } from './stack.ts';

export type Phase = ResourceRule['on'];

/** The scenario's rule for a resource in a phase. A rule that fails a number of times counts as it is found. */
export function ruleFor(
  world: World,
  stack: Stack,
  resource: StackResource,
  phases: readonly Phase[],
): ResourceRule | undefined {
  for (const phase of phases) {
    const rule = world.scenario.resources?.find(
      (candidate) => candidate.on === phase && matches(candidate, stack, resource),
    );
    if (rule && !isUsedUp(world, rule)) return rule;
  }
  return undefined;
}

function matches(rule: ResourceRule, stack: Stack, resource: StackResource): boolean {
  const { type, logicalId, stack: name } = rule.match;
  return (
    (type === undefined || type === resource.type) &&
    (logicalId === undefined || logicalId === resource.logicalId) &&
    (name === undefined || name === stack.name || stack.name.startsWith(`${name}-`))
  );
}

function isUsedUp(world: World, rule: ResourceRule): boolean {
  const times = rule.fail?.times;
  if (times === undefined) return false;
  const counts = world.store('', '', 'resource-rules', () => new Map<ResourceRule, number>());
  const count = counts.get(rule) ?? 0;
  counts.set(rule, count + 1);
  return count >= times;
}
