import type { StackResource, Tag } from '../engine/stack.ts';
import { isObject, type Json, type JsonObject, sameValue } from '../json.ts';
import {
  diffProperties,
  type PropertyDifference,
  recreationOf,
  sameTags,
} from '../resources/property-diff.ts';
import { type ResourceSchema, schemaOf } from '../resources/schema.ts';
import { referencesIn } from '../templates/dependencies.ts';
import { functionCall, type Scope } from '../templates/intrinsics.ts';
import { hideSecrets, MASK, type ParameterValues } from '../templates/parameters.ts';
import type { ResourceDefinition } from '../templates/template.ts';
import type { Cause, ChangeDetail, PlannedState } from './change-set.ts';

const STATIC: Cause = { evaluation: 'Static', source: 'DirectModification', shown: 'always' };

/** All reasons why an existing resource changes. Empty if it does not change. */
export function modificationDetails(
  existing: StackResource,
  after: PlannedState,
  context: CauseContext,
  around: { tagsBefore: readonly Tag[]; tagsAfter: readonly Tag[]; nested: 'unknown' | 'changes' | 'same' },
): ChangeDetail[] {
  const schema = schemaOf(existing.type);
  if (!schema) return [];
  const { definition } = existing;
  const details = [
    ...propertyDetails(schema, existing, after, context),
    ...possibleDetails(schema, definition, after.definition, context),
    ...attributeDetails(definition, after.definition),
    ...tagDetails(schema, existing, after, around),
  ];
  if (existing.type !== 'AWS::CloudFormation::Stack') return details;
  if (around.nested === 'unknown' && details.length === 0) return [automatic];
  return around.nested === 'changes' ? [...details, automatic] : details;
}

/** A nested stack may change whenever its parent does. Only its own change set shows whether it does. */
const automatic: ChangeDetail = {
  attribute: 'Properties',
  recreation: 'Never',
  cause: { evaluation: 'Dynamic', source: 'Automatic', shown: 'always' },
};

function propertyDetails(
  schema: ResourceSchema,
  existing: StackResource,
  after: PlannedState,
  context: CauseContext,
): ChangeDetail[] {
  const differences = diffProperties(schema, existing.properties, after.properties);
  return differences.flatMap((difference) => {
    const { path } = difference;
    const causes = causesOf(
      rawAt(existing.definition.properties, path),
      rawAt(after.definition.properties, path),
      context,
    );
    const target = targetOf(schema, difference, existing.shown, after.shown);
    return causes.map((cause) => ({ ...target, cause }));
  });
}

/** Actual values are compared, and values with masked secrets are shown. */
function targetOf(
  schema: ResourceSchema,
  difference: PropertyDifference,
  shownBefore: JsonObject,
  shownAfter: JsonObject,
): Omit<ChangeDetail, 'cause'> {
  const { name, path, before, after, recreation } = difference;
  const isTags = schema.tags?.property === name;
  return {
    attribute: isTags ? 'Tags' : 'Properties',
    ...(isTags ? {} : { name }),
    path: `/Properties/${path.join('/')}`,
    ...(before === undefined ? {} : { before: valueAt(shownBefore, path) ?? MASK }),
    ...(after === undefined ? {} : { after: valueAt(shownAfter, path) ?? MASK }),
    changeType: before === undefined ? 'Add' : after === undefined ? 'Remove' : 'Modify',
    recreation,
  };
}

function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (part, key) => (isObject(part) ? part[key] : Array.isArray(part) ? part[Number(key)] : undefined),
    value,
  );
}

function possibleDetails(
  schema: ResourceSchema,
  before: ResourceDefinition,
  after: ResourceDefinition,
  context: CauseContext,
): ChangeDetail[] {
  return Object.entries(after.properties).flatMap(([name, raw]) => {
    if (!sameValue(before.properties[name], raw)) return [];
    const recreation = recreationOf(schema.properties[name]);
    return possibleCauses(raw, context).map((cause): ChangeDetail => ({
      attribute: 'Properties',
      name,
      recreation,
      cause,
    }));
  });
}

const ATTRIBUTES = [
  ['Metadata', 'metadata'],
  ['CreationPolicy', 'creationPolicy'],
  ['UpdatePolicy', 'updatePolicy'],
  ['DeletionPolicy', 'deletionPolicy'],
  ['UpdateReplacePolicy', 'updateReplacePolicy'],
] as const;

function attributeDetails(before: ResourceDefinition, after: ResourceDefinition): ChangeDetail[] {
  return ATTRIBUTES.filter(([, key]) => !sameValue(before[key], after[key])).map(([attribute, key]) => {
    const [old, now] = [before[key], after[key]];
    return {
      attribute,
      path: `/${attribute}`,
      ...(old === undefined ? {} : { before: old }),
      ...(now === undefined ? {} : { after: now }),
      changeType: old === undefined ? 'Add' : now === undefined ? 'Remove' : 'Modify',
      recreation: 'Never',
      cause: STATIC,
    };
  });
}

/** The stack's tags apply to every resource that supports tags. */
function tagDetails(
  schema: ResourceSchema,
  existing: StackResource,
  after: PlannedState,
  around: { tagsBefore: readonly Tag[]; tagsAfter: readonly Tag[] },
): ChangeDetail[] {
  const { tags } = schema;
  if (!tags || sameTags(around.tagsBefore, around.tagsAfter)) return [];
  return [
    {
      attribute: 'Tags',
      path: `/Properties/${tags.property}`,
      before: allTags(existing.shown[tags.property], around.tagsBefore),
      after: allTags(after.shown[tags.property], around.tagsAfter),
      changeType: 'Modify',
      recreation: 'Never',
      cause: STATIC,
    },
  ];
}

function allTags(own: Json | undefined, ofStack: readonly Tag[]): Json {
  if (isObject(own)) return { ...Object.fromEntries(ofStack.map(({ Key, Value }) => [Key, Value])), ...own };
  return [...(Array.isArray(own) ? own : []), ...ofStack.map(({ Key, Value }) => ({ Key, Value }))];
}

/** The changes that restore a drifted resource to the template. */
export function driftDetails(existing: StackResource, live: JsonObject, after: PlannedState): ChangeDetail[] {
  const schema = schemaOf(existing.type);
  if (!schema) return [];
  const shownLive = hideSecrets(live, existing.shown);
  const reverting = diffProperties(schema, live, after.properties).map((difference): ChangeDetail => {
    const { path, before } = difference;
    const previous = valueAt(existing.shown, path);
    return {
      ...targetOf(schema, difference, shownLive, after.shown),
      cause: STATIC,
      drift: {
        ...(previous === undefined ? {} : { previous }),
        ...(before === undefined ? {} : { actual: valueAt(shownLive, path) ?? MASK }),
      },
    };
  });
  if (reverting.length > 0) return reverting;
  return diffProperties(schema, existing.properties, live).map((difference): ChangeDetail => ({
    ...targetOf(schema, difference, existing.shown, after.shown),
    changeType: 'SyncWithActual',
    recreation: 'Never',
    cause: { evaluation: 'Static', source: 'NoModification', shown: 'always' },
  }));
}

/** The effect of a plan on a resource, for resources that refer to it. */
export type PlannedOutcome = 'same' | 'modified' | 'replaced' | 'may be replaced' | 'new';

export interface CauseContext {
  scope: Scope;
  before: ParameterValues;
  after: ParameterValues;
  fateOf(logicalId: string): PlannedOutcome;
}

const DIRECT: Cause = { evaluation: 'Static', source: 'DirectModification', shown: 'always' };

/**
 * Why a value changes. A change of the template itself is static. For a changed parameter or resource, AWS also reports
 * a dynamic direct modification: always with property values, otherwise only for parameters.
 */
function causesOf(rawBefore: Json | undefined, rawAfter: Json | undefined, context: CauseContext): Cause[] {
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
 * Attributes of a resource that changes without replacement may change too. AWS reports them only without property
 * values.
 */
function possibleCauses(raw: Json | undefined, context: CauseContext): Cause[] {
  return referencesIn(raw, context.scope)
    .filter(({ kind, name }) => kind === 'attribute' && context.fateOf(name) === 'modified')
    .map(({ name, attribute }) => ({
      evaluation: 'Dynamic',
      source: 'ResourceAttribute',
      entity: `${name}.${String(attribute)}`,
      shown: 'plain',
    }));
}

/** The part of a template that determines the value at a path. A function determines everything below it. */
function rawAt(raw: Json | undefined, path: readonly string[]): Json | undefined {
  let value = raw;
  for (const key of path) {
    if (isObject(value) && !functionCall(value)) value = value[key];
    else if (Array.isArray(value)) value = value[Number(key)];
    else return value;
  }
  return value;
}
