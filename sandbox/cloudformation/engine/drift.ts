import type { Principal } from '../../iam/principal.ts';
import type { World } from '../../world.ts';
import { asText, isObject, type Json, type JsonObject } from '../json.ts';
import { changedByService } from '../resources/effects.ts';
import { handlerDenial } from '../permissions/handler-authorization.ts';
import { diffProperties } from '../resources/property-diff.ts';
import { schemaOf } from '../resources/schema.ts';
import { hideSecrets, MASK } from '../templates/parameters.ts';
import { isCreated } from './stack-scope.ts';
import type { Stack, StackResource } from './stack.ts';

interface PropertyDifference {
  PropertyPath: string;
  ExpectedValue: string;
  ActualValue: string;
  DifferenceType: 'ADD' | 'REMOVE' | 'NOT_EQUAL';
}

export interface ResourceDrift {
  status: 'IN_SYNC' | 'MODIFIED' | 'DELETED' | 'NOT_CHECKED';
  expected: JsonObject;
  actual: JsonObject;
  differences: PropertyDifference[];
}

/** Types for which CloudFormation does not support drift detection. */
const UNCHECKED = /^(AWS::CloudFormation::|AWS::CDK::|Custom::)/;

/**
 * A resource's live state, if it differs from what its stack created: after manual changes, or changes by its service.
 */
export function liveStateOf(world: World, stack: Stack, resource: StackResource): StackResource['live'] {
  const { live } = resource;
  if (live && 'deleted' in live) return live;
  const changed = changedByService(world, stack, resource);
  if (changed === 'deleted') return { deleted: true };
  if (Object.keys(changed).length === 0) return live;
  return { properties: { ...(live?.properties ?? resource.properties), ...changed } };
}

/** The differences between a live resource and what its stack created. */
export function driftOf(world: World, stack: Stack, resource: StackResource): ResourceDrift {
  const expected = resource.shown;
  const schema = schemaOf(resource.type);
  if (UNCHECKED.test(resource.type) || !schema)
    return { status: 'NOT_CHECKED', expected, actual: expected, differences: [] };
  const live = liveStateOf(world, stack, resource);
  if (!live) return { status: 'IN_SYNC', expected, actual: expected, differences: [] };
  if ('deleted' in live) return { status: 'DELETED', expected, actual: {}, differences: [] };
  const differences = diffProperties(schema, resource.properties, live.properties).map(
    ({ path, before, after }): PropertyDifference => ({
      PropertyPath: `/${path.join('/')}`,
      ExpectedValue: text(before, expected, path),
      ActualValue: text(after, expected, path),
      DifferenceType: before === undefined ? 'ADD' : after === undefined ? 'REMOVE' : 'NOT_EQUAL',
    }),
  );
  const actual = asText(hideSecrets(live.properties, expected)) as JsonObject;
  return { status: differences.length > 0 ? 'MODIFIED' : 'IN_SYNC', expected, actual, differences };
}

/** The value at a path, masked if it is a secret. */
function text(value: Json | undefined, shown: JsonObject, path: readonly string[]): string {
  if (value === undefined) return 'null';
  const top = shown[path[0] ?? ''];
  if (typeof top === 'string' && top.includes(MASK)) return MASK;
  return typeof value === 'object' ? JSON.stringify(asText(value)) : String(value);
}

/**
 * Checks all or some resources of a stack and stores the result. Resources are read with the caller's permissions: "a
 * user must have read permission for each resource". Resources that the caller may not read are not checked.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
 */
export function detectDrift(
  world: World,
  stack: Stack,
  { logicalIds, reader }: { logicalIds?: readonly string[] | undefined; reader?: Principal | undefined } = {},
): { status: string; drifted: number; denials: string[] } {
  const checkedAt = world.clock.now();
  const chosen = [...stack.resources.values()].filter(
    (resource) => isCreated(resource) && (!logicalIds || logicalIds.includes(resource.logicalId)),
  );
  let drifted = 0;
  const denials: string[] = [];
  for (const resource of chosen) {
    const denial = UNCHECKED.test(resource.type)
      ? undefined
      : handlerDenial(world, stack, { handler: 'read', resource }, reader);
    if (denial !== undefined) {
      denials.push(`Failed to detect drift on resource [${resource.logicalId}]. ${denial}`);
      continue;
    }
    const { status } = driftOf(world, stack, resource);
    resource.drift = { status, checkedAt };
    if (status === 'MODIFIED' || status === 'DELETED') drifted += 1;
  }
  stack.driftStatus = drifted > 0 ? 'DRIFTED' : 'IN_SYNC';
  stack.driftCheckedAt = checkedAt;
  return { status: stack.driftStatus, drifted, denials };
}

/** Applies the manual changes of a scenario to the resources of a stack, once each, as soon as they exist. */
export function applyScenarioDrift(world: World, stack: Stack): void {
  const applied = world.store('', '', 'drift-rules', () => new Set<object>());
  for (const rule of world.scenario.drift ?? []) {
    if (rule.stack !== stack.name || applied.has(rule) || !stack.resources.has(rule.logicalId)) continue;
    applied.add(rule);
    changeByHand(stack, rule.logicalId, rule.delete ? 'delete' : ((rule.set ?? {}) as Record<string, Json>));
  }
}

/** Changes or deletes a live resource outside of its stack. Paths are `A.0.B` or `/A/0/B`. */
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
