import type { World } from '../../world.ts';
import { identityOf, type Stack, type StackResource } from '../engine/stack.ts';
import { isObject, type Json, type JsonObject, textOf } from '../json.ts';
import type { Properties, ResourceSchema, ValueType } from './schema.ts';

/** What the resources of a type do to the sandbox's other services. Each throws AwsError as the service would. */
export interface Effect {
  exists?(world: World, stack: Stack, name: string): boolean;
  make(world: World, stack: Stack, resource: StackResource): void;
  change?(world: World, stack: Stack, resource: StackResource): void;
  /** Until what was made or changed is as it should be. */
  settle?(world: World, stack: Stack, resource: StackResource, signal: AbortSignal): Promise<void>;
  remove(world: World, stack: Stack, resource: StackResource): Promise<void> | void;
  /**
   * The properties that the service itself, or a call of its API, has changed since, as drift detection reads them.
   */
  changedByService?(world: World, stack: Stack, resource: StackResource): JsonObject | 'deleted';
}

/** Those of the properties that differ, as text, from what the stack made of the resource. */
export function changedProperties({ properties }: StackResource, found: JsonObject): JsonObject {
  const changed = Object.entries(found).filter(([name, value]) => textOf(value) !== textOf(properties[name]));
  return Object.fromEntries(changed);
}

/** A resource's properties as its service's API takes them, with the stack's tags. */
export function inputOf(stack: Stack, resource: StackResource): JsonObject {
  const input = apiInput(identityOf(stack, resource).schema, resource.properties);
  const tags = resource.stackTags.map(({ Key, Value }) => ({ key: Key, value: Value }));
  return { ...input, tags: [...tags, ...(Array.isArray(input.tags) ? input.tags : [])] };
}

/**
 * The properties of a resource as the API of its service takes them: members in camel case, and every scalar of
 * the type that the schema says, since a template's parameters are all text. Names in maps stay as they are.
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
