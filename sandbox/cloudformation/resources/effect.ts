import type { World } from '../../world.ts';
import { identityOf, type Stack, type StackResource } from '../engine/stack.ts';
import { isObject, type Json, type JsonObject, textOf } from '../json.ts';
import type { Properties, ResourceSchema, ValueType } from './schema.ts';

/**
 * The effect of resources of a type on the sandbox's other services. Each function throws the AwsError of the service.
 */
export interface Effect {
  exists?(world: World, stack: Stack, name: string): boolean;
  make(world: World, stack: Stack, resource: StackResource): void;
  change?(world: World, stack: Stack, resource: StackResource): void;
  /** Resolves when the created or changed resource is stable. */
  settle?(world: World, stack: Stack, resource: StackResource, signal: AbortSignal): Promise<void>;
  remove(world: World, stack: Stack, resource: StackResource): Promise<void> | void;
  /** Properties that the service, or a call of its API, has changed since, as drift detection reads them. */
  changedByService?(world: World, stack: Stack, resource: StackResource): JsonObject | 'deleted';
}

/** The properties that differ, as text, from those that the stack set. */
export function changedProperties({ properties }: StackResource, found: JsonObject): JsonObject {
  const changed = Object.entries(found).filter(([name, value]) => textOf(value) !== textOf(properties[name]));
  return Object.fromEntries(changed);
}

/** A resource's properties in the form of its service's API, with the stack's tags. */
export function inputOf(stack: Stack, resource: StackResource): JsonObject {
  const input = apiInput(identityOf(stack, resource).schema, resource.properties);
  const tags = resource.stackTags.map(({ Key, Value }) => ({ key: Key, value: Value }));
  return { ...input, tags: [...tags, ...(Array.isArray(input.tags) ? input.tags : [])] };
}

/**
 * A resource's properties in the form of its service's API: members in camel case, and scalars with the type in the
 * schema, since a template's parameters are all text. Keys of maps are kept.
 */
function apiInput(schema: ResourceSchema, properties: JsonObject): JsonObject {
  return convertMembers(schema, schema.properties, properties);
}

function convertMembers(schema: ResourceSchema, known: Properties, given: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const type = known[name]?.types[0];
      return [camelCase(name), type ? convert(schema, type, value) : value];
    }),
  );
}

function camelCase(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function convert(schema: ResourceSchema, type: ValueType, value: Json): Json {
  switch (type.type) {
    case 'ref': {
      const definition = schema.definitions[type.to];
      return isObject(value) && definition ? convertMembers(schema, definition, value) : value;
    }
    case 'array':
      return Array.isArray(value) ? value.map((item) => convert(schema, type.element, item)) : value;
    case 'map':
      return isObject(value)
        ? Object.fromEntries(
            Object.entries(value).map(([key, item]) => [key, convert(schema, type.element, item)]),
          )
        : value;
    case 'union':
      return convert(schema, type.types.find((one) => fits(one, value)) ?? { type: 'json' }, value);
    case 'tag':
      return isObject(value) ? { key: textOf(value.Key), value: textOf(value.Value) } : value;
    case 'integer':
    case 'number':
      return Number(value);
    case 'boolean':
      return textOf(value) === 'true';
    case 'string':
      return textOf(value);
    default:
      return value;
  }
}

function fits(type: ValueType, value: Json): boolean {
  if (type.type === 'array') return Array.isArray(value);
  return ['ref', 'map', 'json', 'tag'].includes(type.type) === isObject(value);
}
