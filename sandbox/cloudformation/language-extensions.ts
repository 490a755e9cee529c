import { badFormat, badTemplate } from './failures.ts';
import type { Json, JsonObject } from './json.ts';
import { isObject, textOf } from './json.ts';

/**
 * Writes the `Fn::ForEach` loops of a template out, which the AWS::LanguageExtensions transform does before the
 * template is read. `values` are the parameters given, for loops over a parameter's list.
 */
export function expandLanguageExtensions(template: JsonObject, values: Record<string, string>): JsonObject {
  return expandMap(template, new Map(), { template, values });
}

interface Source {
  template: JsonObject;
  values: Record<string, string>;
}
type Bindings = ReadonlyMap<string, string>;

function expand(value: Json, bindings: Bindings, source: Source): Json {
  if (typeof value === 'string') return substitute(value, bindings);
  if (Array.isArray(value)) return value.map((item) => expand(item, bindings, source));
  if (!isObject(value)) return value;
  if (typeof value.Ref === 'string' && Object.keys(value).length === 1) {
    return bindings.get(value.Ref) ?? { Ref: substitute(value.Ref, bindings) };
  }
  return expandMap(value, bindings, source);
}

function expandMap(value: JsonObject, bindings: Bindings, source: Source): JsonObject {
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith('Fn::ForEach::')) Object.assign(result, loop(key, item, bindings, source));
    else result[substitute(key, bindings)] = expand(item, bindings, source);
  }
  return result;
}

function loop(key: string, item: Json, bindings: Bindings, source: Source): JsonObject {
  const [identifier, collection, body] = Array.isArray(item) ? item : [];
  if (typeof identifier !== 'string' || collection === undefined || !isObject(body)) {
    throw badFormat(`${key} must be a list of an identifier, a collection and a map`);
  }
  const result: JsonObject = {};
  for (const value of listOfLoop(key, expand(collection, bindings, source), source)) {
    Object.assign(result, expandMap(body, new Map([...bindings, [identifier, value]]), source));
  }
  return result;
}

function listOfLoop(key: string, collection: Json, source: Source): string[] {
  if (Array.isArray(collection)) return collection.map(String);
  const name = isObject(collection) ? collection.Ref : undefined;
  const declared = isObject(source.template.Parameters)
    ? source.template.Parameters[textOf(name)]
    : undefined;
  const fallback = isObject(declared) ? declared.Default : undefined;
  const value = source.values[textOf(name)] ?? fallback;
  if (typeof value === 'string') return value.split(',').map((part) => part.trim());
  throw badTemplate(`${key} needs a list, or a reference to a list parameter`);
}

/** `${Name}` as it is, `&{Name}` with letters and digits only. */
function substitute(text: string, bindings: Bindings): string {
  return text.replace(/([$&])\{([A-Za-z0-9]+)\}/g, (whole, kind: string, name: string) => {
    const value = bindings.get(name);
    if (value === undefined) return whole;
    return kind === '&' ? value.replace(/[^A-Za-z0-9]/g, '') : value;
  });
}
