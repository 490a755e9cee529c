import type { Cause } from './change-set.ts';
import type { Scope } from './intrinsics.ts';
import { functionCall } from './intrinsics.ts';
import type { Json } from './json.ts';
import { isObject, sameValue } from './json.ts';
import type { ParameterValues } from './parameters.ts';
import { referencesIn } from './references.ts';

/** What a plan does to a resource, as far as others that refer to it are concerned. */
export type Fate = 'same' | 'modified' | 'replaced' | 'perhaps replaced' | 'new';

export interface CauseContext {
  scope: Scope;
  before: ParameterValues;
  after: ParameterValues;
  fateOf(logicalId: string): Fate;
}

const DIRECT: Cause = { evaluation: 'Static', source: 'DirectModification', shown: 'always' };

/**
 * Why a value changes. A change of the template itself is static. Behind one of a parameter or of a resource AWS
 * reports a dynamic direct modification too: with property values always, without them for parameters only.
 */
export function causesOf(
  rawBefore: Json | undefined,
  rawAfter: Json | undefined,
  context: CauseContext,
): Cause[] {
  if (!sameValue(rawBefore, rawAfter)) return [DIRECT];
  const causes = referredCauses(rawAfter, context);
  if (causes.length === 0) return [DIRECT];
  const ofParameter = causes.some(({ source }) => source === 'ParameterReference');
  return [...causes, { ...DIRECT, evaluation: 'Dynamic', shown: ofParameter ? 'always' : 'values' }];
}

function referredCauses(raw: Json | undefined, context: CauseContext): Cause[] {
  const causes = new Map<string, Cause>();
  for (const { kind, name, attribute } of referencesIn(raw, context.scope)) {
    if (kind !== 'ref' && kind !== 'attribute') continue;
    const cause = context.after.has(name)
      ? parameterCause(name, context)
      : resourceCause(name, kind === 'attribute' ? attribute : undefined, context);
    if (cause) causes.set(`${cause.source}/${String(cause.entity)}`, cause);
  }
  return [...causes.values()];
}

function parameterCause(name: string, { before, after }: CauseContext): Cause | undefined {
  const [old, now] = [before.get(name), after.get(name)];
  if (old && now && old.value === now.value && old.resolved === now.resolved) return undefined;
  return { evaluation: 'Static', source: 'ParameterReference', entity: name, shown: 'always' };
}

function resourceCause(
  name: string,
  attribute: string | undefined,
  context: CauseContext,
): Cause | undefined {
  const fate = context.fateOf(name);
  if (fate === 'same' || (fate === 'modified' && attribute === undefined)) return undefined;
  return {
    evaluation: fate === 'replaced' || fate === 'new' ? 'Static' : 'Dynamic',
    source: attribute === undefined ? 'ResourceReference' : 'ResourceAttribute',
    entity: attribute === undefined ? name : `${name}.${attribute}`,
    shown: 'always',
  };
}

/**
 * Attributes of resources that change and are not replaced may change too. AWS names them where it is not asked for
 * property values, and leaves them out where it is.
 */
export function possibleCauses(raw: Json | undefined, context: CauseContext): Cause[] {
  return referencesIn(raw, context.scope)
    .filter(({ kind, name }) => kind === 'attribute' && context.fateOf(name) === 'modified')
    .map(({ name, attribute }) => ({
      evaluation: 'Dynamic',
      source: 'ResourceAttribute',
      entity: `${name}.${String(attribute)}`,
      shown: 'plain',
    }));
}

/** The part of a template that gives the value at a path: a function gives all that lies below it. */
export function rawAt(raw: Json | undefined, path: readonly string[]): Json | undefined {
  let value = raw;
  for (const key of path) {
    if (isObject(value) && !functionCall(value)) value = value[key];
    else if (Array.isArray(value)) value = value[Number(key)];
    else return value;
  }
  return value;
}
