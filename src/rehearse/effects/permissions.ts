import { members } from '../../../sandbox/cloudformation/json.ts';
import { canonicalJson } from '../../core/canonical.ts';
import type { Json, JsonObject, Resource } from './resources.ts';

/** A permission that a resource's policy grants after a change and did not grant before. */
export interface NewPermission {
  /** Stack and logical ID: `order-service/TaskRole`. */
  resource: string;
  type: string;
  /** Actions such as `s3:PutObject`, or a restriction that was removed. */
  actions: readonly string[];
  /** ARNs or patterns; empty for the trust policy of a role. */
  on: readonly string[];
  /** Absent if it is the role itself. */
  principal?: string;
  /** Canonical JSON. */
  condition?: string;
}

/** One combination of a policy statement's elements. */
interface Grant {
  effect: 'Allow' | 'Deny';
  action: string;
  resource: string;
  principal: string;
  condition: string;
}

/** A statement with more combinations than this is compared as a whole. */
const MAX_GRANTS = 2000;

/**
 * The permissions of a template's IAM roles, policies and resource policies that are new or wider.
 *
 * A grant is not new if a previous one covers its action, resource and principal without an additional condition. Removing
 * a deny statement or a role's permissions boundary is also a new permission.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
 */
export function newPermissions(before: readonly Resource[], after: readonly Resource[]): NewPermission[] {
  const known = new Map(before.map((resource) => [keyOf(resource), resource]));
  return after.flatMap((resource) => {
    const old = known.get(keyOf(resource))?.properties ?? {};
    return [
      ...newGrants(old, resource.properties),
      ...newPolicies(old, resource.properties),
      ...lostBoundary(old, resource.properties),
    ].map((found) => ({ resource: keyOf(resource), type: resource.type, ...found }));
  });
}

type Found = Omit<NewPermission, 'resource' | 'type'>;

function keyOf({ stack, logicalId }: Resource): string {
  return `${stack}/${logicalId}`;
}

function newGrants(before: JsonObject, after: JsonObject): Found[] {
  const [old, now] = [grantsOf(before), grantsOf(after)];
  const allowed = ofEffect(now, 'Allow').filter(
    (grant) => !ofEffect(old, 'Allow').some((other) => covers(other, grant)),
  );
  const noLongerDenied = ofEffect(old, 'Deny').filter(
    (grant) => !ofEffect(now, 'Deny').some((other) => covers(other, grant)),
  );

  return [...grouped(allowed), ...grouped(noLongerDenied, 'no longer denied: ')];
}

function ofEffect(grants: readonly Grant[], effect: Grant['effect']): Grant[] {
  return grants.filter((grant) => grant.effect === effect);
}

/** Combines grants that differ only in their actions, or only in their resources. */
function grouped(grants: readonly Grant[], prefix = ''): Found[] {
  const byActions = new Map<string, { grant: Grant; actions: string[]; on: string[] }>();
  const byPlace = new Map<string, { grant: Grant; actions: string[] }>();
  for (const grant of grants) {
    const place = [grant.resource, grant.principal, grant.condition].join('\n');
    const group = byPlace.get(place) ?? { grant, actions: [] };
    group.actions.push(`${prefix}${grant.action}`);
    byPlace.set(place, group);
  }
  for (const { grant, actions } of byPlace.values()) {
    const key = [...actions, grant.principal, grant.condition].join('\n');
    const group = byActions.get(key) ?? { grant, actions, on: [] };
    if (grant.resource !== '') group.on.push(grant.resource);
    byActions.set(key, group);
  }
  return [...byActions.values()].map(({ grant: { principal, condition }, actions, on }) => ({
    actions,
    on,
    ...(principal !== '' && { principal }),
    ...(condition !== '' && { condition }),
  }));
}

function newPolicies(before: JsonObject, after: JsonObject): Found[] {
  const old = texts(before['ManagedPolicyArns']);
  const added = texts(after['ManagedPolicyArns']).filter((arn) => !old.includes(arn));
  return added.length === 0 ? [] : [{ actions: ['every action of the managed policy'], on: added }];
}

function lostBoundary(before: JsonObject, after: JsonObject): Found[] {
  const old = before['PermissionsBoundary'];
  if (typeof old !== 'string' || old === after['PermissionsBoundary']) return [];
  return [{ actions: ['no longer limited by the permissions boundary'], on: [old] }];
}

/** All grants of the policy documents anywhere in a resource's properties. */
function grantsOf(value: Json): Grant[] {
  if (Array.isArray(value)) return value.flatMap(grantsOf);
  const entries = members(value);
  const statements = entries.find(([name]) => name === 'Statement')?.[1];
  if (statements === undefined) return entries.flatMap(([, child]) => grantsOf(child));
  return (Array.isArray(statements) ? statements : [statements]).flatMap(statementGrants);
}

function statementGrants(statement: Json): Grant[] {
  const { Effect: effect, Condition: condition, ...elements } = Object.fromEntries(members(statement));
  if (effect !== 'Allow' && effect !== 'Deny') return [];
  const actions = elementOf(elements, 'Action');
  const resources = elementOf(elements, 'Resource');
  const principals = elementOf(elements, 'Principal');
  const common = { effect, condition: condition === undefined ? '' : canonicalJson(condition) } as const;
  if (actions.length * resources.length * principals.length > MAX_GRANTS) {
    return [{ ...common, action: canonicalJson(elements), resource: '', principal: '' }];
  }
  return actions.flatMap((action) =>
    resources.flatMap((resource) =>
      principals.map((principal) => ({ ...common, action, resource, principal })),
    ),
  );
}

/** The values of an element. A negated element, such as NotAction, is one value that no other value covers. */
function elementOf(elements: JsonObject, name: string): string[] {
  const negated = elements[`Not${name}`];
  if (negated !== undefined) return [`all but ${texts(negated).join(', ')}`];
  const value = elements[name];
  return value === undefined ? [''] : texts(value);
}

/** A principal is a string, or a map of lists by type: `{ AWS: […], Service: … }`. */
function texts(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(texts);
  if (typeof value === 'string') return [value];
  return members(value).flatMap(([, child]) => texts(child));
}

function covers(wide: Grant, narrow: Grant): boolean {
  return (
    includes(wide.action.toLowerCase(), narrow.action.toLowerCase()) &&
    includes(wide.resource, narrow.resource) &&
    (wide.principal === '*' || wide.principal === narrow.principal) &&
    (wide.condition === '' || wide.condition === narrow.condition)
  );
}

/**
 * Whether a pattern with `*` and `?` matches everything that another one matches. A wildcard in the other pattern is only
 * matched by a wildcard, so the result may be false for equivalent patterns, but is never wrongly true.
 */
function includes(pattern: string, other: string): boolean {
  if (pattern === other) return true;
  // The reachable positions in the pattern after each character of the other.
  let at = closure(pattern, new Set([0]));
  for (const character of other) {
    const next = new Set<number>();
    for (const position of at) {
      const expected = pattern[position];
      if (expected === '*') next.add(position);
      if (expected === character || (expected === '?' && character !== '*')) next.add(position + 1);
    }
    at = closure(pattern, next);
  }
  return at.has(pattern.length);
}

/** `*` also matches nothing. */
function closure(pattern: string, positions: Set<number>): Set<number> {
  for (const position of positions) if (pattern[position] === '*') positions.add(position + 1);
  return positions;
}
