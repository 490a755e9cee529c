import { createHash } from 'node:crypto';
import type { StackResource, Tag } from '../engine/stack.ts';
import { asText, isObject, type Json, type JsonObject, sameValue } from '../json.ts';
import type { ResourceDefinition } from '../templates/template.ts';
import { type PropertySchema, type ResourceSchema, schemaOf, type ValueType } from './schema.ts';

export type Recreation = 'Never' | 'Conditionally' | 'Always';

/** A difference between two sets of properties. */
export interface PropertyDifference {
  /** The top-level property. */
  name: string;
  /** Keys and indices below the property. */
  path: string[];
  before?: Json;
  after?: Json;
  recreation: Recreation;
}

const RECREATION = { yes: 'Always', maybe: 'Conditionally' } as const;
const ORDER: Recreation[] = ['Never', 'Conditionally', 'Always'];

/** The more severe of two. */
function worse(one: Recreation, other: Recreation): Recreation {
  return ORDER.indexOf(one) > ORDER.indexOf(other) ? one : other;
}

/**
 * When a property with a conditional replacement replaces its resource. Change sets only report that it may. Conditions
 * that are not listed are assumed to be false.
 */
const CONDITIONS: Record<
  string,
  Record<string, (before: Json | undefined, after: Json | undefined) => boolean>
> = {
  'AWS::EC2::VPC': {
    // "Updating InstanceTenancy requires no replacement only if you are updating its value from dedicated to default."
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpc.html
    InstanceTenancy: (_before, after) => after === 'dedicated',
  },
  'AWS::DynamoDB::Table': {
    // "Replacement if you edit an existing AttributeDefinition."
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    AttributeDefinitions: (before, after) => {
      const types = new Map(definitions(before).map((one) => [one.AttributeName, one.AttributeType]));
      return definitions(after).some(
        (one) => (types.get(one.AttributeName) ?? one.AttributeType) !== one.AttributeType,
      );
    },
  },
};

function definitions(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function hasCondition({ type }: ResourceSchema, property: string): boolean {
  return CONDITIONS[type]?.[property] !== undefined;
}

/**
 * The differences between properties, down to single values. Lists are compared by position, policy documents as a
 * whole.
 */
export function diffProperties(
  schema: ResourceSchema,
  before: JsonObject,
  after: JsonObject,
): PropertyDifference[] {
  const differences: PropertyDifference[] = [];
  for (const name of union(before, after)) {
    const property = schema.properties[name];
    compare(
      before[name],
      after[name],
      {
        name,
        path: [name],
        property,
        recreation: worse(recreationOf(property), hasCondition(schema, name) ? 'Conditionally' : 'Never'),
        schema,
      },
      differences,
    );
  }
  return differences;
}

function union(one: JsonObject, other: JsonObject): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])];
}

/** The effect of a changed property on its resource, according to the schema. */
export function recreationOf(property: PropertySchema | undefined): Recreation {
  return property?.replacement ? RECREATION[property.replacement] : 'Never';
}

interface Place {
  name: string;
  path: string[];
  property: PropertySchema | undefined;
  /** At this path, or above it. */
  recreation: Recreation;
  schema: ResourceSchema;
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  place: Place,
  found: PropertyDifference[],
): void {
  if (sameValue(before, after)) return;
  const opaque = place.property?.types.some(({ type }) => type === 'json') ?? false;
  if (!opaque && isObject(before) && isObject(after)) {
    for (const key of union(before, after)) compare(before[key], after[key], below(place, key), found);
    return;
  }
  if (!opaque && Array.isArray(before) && Array.isArray(after) && before.length > 0 && after.length > 0) {
    const length = Math.max(before.length, after.length);
    for (let index = 0; index < length; index += 1) {
      compare(before[index], after[index], below(place, String(index)), found);
    }
    return;
  }
  const { name, path } = place;
  found.push({
    name,
    path,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    recreation: worse(place.recreation, deepest(place, before, after)),
  });
}

function below(place: Place, key: string): Place {
  const path = [...place.path, key];
  const property = childProperty(place, key);
  const extra = place.schema.replacementPaths?.some((extraPath) => matches(extraPath, path))
    ? 'Always'
    : 'Never';
  return {
    ...place,
    path,
    property,
    recreation: worse(worse(place.recreation, recreationOf(property)), extra),
  };
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length && pattern.every((part, index) => part === '*' || part === path[index])
  );
}

/** The schema of a member: a defined type by its name, or the items of a list or map. */
function childProperty(place: Place, key: string): PropertySchema | undefined {
  for (const type of place.property?.types.flatMap(alternatives) ?? []) {
    if (type.type === 'array' || type.type === 'map') return { types: [type.element] };
    const member = type.type === 'ref' ? place.schema.definitions[type.to]?.[key] : undefined;
    if (member) return member;
  }
  return undefined;
}

function alternatives(type: ValueType): ValueType[] {
  return type.type === 'union' ? type.types.flatMap(alternatives) : [type];
}

/** An object that is added or removed has the effect of any of its members. */
function deepest(place: Place, before: Json | undefined, after: Json | undefined): Recreation {
  const whole = isObject(after) ? after : isObject(before) ? before : {};
  return Object.keys(whole).reduce<Recreation>(
    (worst, key) => worse(worst, recreationOf(childProperty(place, key))),
    'Never',
  );
}

/** The longest value that a change set shows; longer ones are replaced by their hash. */
const MAX_VALUE_LENGTH = 2048;

/** A value as shown in change sets. */
export function printValue(value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'object' ? JSON.stringify(asText(value)) : String(value);
  return text.length > MAX_VALUE_LENGTH
    ? `(Truncated-Signature):${createHash('sha256').update(text).digest('hex')}`
    : text;
}

/** Properties as shown in the contexts of a change set: large ones as their hash. */
export function printProperties(properties: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => {
      const text = printValue(value) ?? '';
      return [name, text.startsWith('(Truncated-Signature):') ? text : asText(value)];
    }),
  );
}

/** The effect of an update on an existing resource. */
export type ResourceAction = 'none' | 'update' | 'replace' | 'create';

/** The action that leads from the current to the next state of a resource. */
export function actionFor(
  existing: StackResource,
  next: { definition: ResourceDefinition; properties: JsonObject; stackTags: readonly Tag[] },
  revertDrift: boolean,
): ResourceAction {
  const schema = schemaOf(existing.type);
  if (!schema) return 'none';
  if (revertDrift && existing.live) {
    if ('deleted' in existing.live) return 'create';
    if (!sameValue(existing.live.properties, next.properties)) return 'update';
  }
  const differences = diffProperties(schema, existing.properties, next.properties);
  const replaces = ({ name, recreation }: PropertyDifference): boolean =>
    recreation === 'Always' ||
    (CONDITIONS[schema.type]?.[name]?.(existing.properties[name], next.properties[name]) ?? false);
  if (differences.some(replaces)) return 'replace';
  if (differences.length > 0 || existing.status === 'UPDATE_FAILED') return 'update';
  if (!sameValue(existing.definition.metadata, next.definition.metadata)) return 'update';
  return schema.tags && !sameTags(existing.stackTags, next.stackTags) ? 'update' : 'none';
}

export function sameTags(one: readonly Tag[], other: readonly Tag[]): boolean {
  const text = (tags: readonly Tag[]): string =>
    JSON.stringify(tags.map(({ Key, Value }) => [Key, Value]).sort());
  return text(one) === text(other);
}
