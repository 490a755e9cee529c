import type { World } from '../world.ts';
import type { Json, JsonObject } from './json.ts';
import { isObject } from './json.ts';
import type { Stack } from './stack.ts';

/** Applies the scenario's changes by hand to the resources of a stack, once each, as soon as they are there. */
export function applyScenarioDrift(world: World, stack: Stack): void {
  const applied = world.store('', '', 'drift-rules', () => new Set<object>());
  for (const rule of world.scenario.drift ?? []) {
    if (rule.stack !== stack.name || applied.has(rule) || !stack.resources.has(rule.logicalId)) continue;
    applied.add(rule);
    changeByHand(stack, rule.logicalId, rule.delete ? 'delete' : ((rule.set ?? {}) as Record<string, Json>));
  }
}

/** Changes, or deletes, a live resource behind its stack's back. Paths are `A.0.B` or `/A/0/B`. */
export function changeByHand(stack: Stack, logicalId: string, change: 'delete' | Record<string, Json>): void {
  const resource = stack.resources.get(logicalId);
  if (!resource) throw new Error(`stack ${stack.name} has no resource ${logicalId}`);
  if (change === 'delete') {
    resource.live = { deleted: true };
    return;
  }
  const present =
    resource.live && 'properties' in resource.live ? resource.live.properties : resource.properties;
  const properties = structuredClone(present);
  for (const [path, value] of Object.entries(change))
    setAt(properties, path.split(/[./]/).filter(Boolean), value);
  resource.live = { properties };
}

function setAt(target: JsonObject, [key = '', ...rest]: string[], value: Json): void {
  if (rest.length === 0) {
    if (value === null) Reflect.deleteProperty(target, key);
    else target[key] = value;
    return;
  }
  const next = target[key];
  const container = isObject(next) || Array.isArray(next) ? next : {};
  target[key] = container;
  setAt(container as JsonObject, rest, value);
}
