import type { Json, JsonObject } from './json.ts';
import { isObject, textOf } from './json.ts';
import type { Properties, ResourceSchema, ValueType } from './schema.ts';

/**
 * The properties of a resource as the API of its service takes them: members in camel case, and every scalar of
 * the type that the schema says, since a template's parameters are all text. Names in maps stay as they are.
 */
export function apiInput(schema: ResourceSchema, properties: JsonObject): JsonObject {
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
