import { badFormat, badTemplate } from '../errors.ts';
import { isObject, isScalar, type Json, type JsonObject, textOf } from '../json.ts';

/**
 * The AWS::LanguageExtensions transform, which is applied before the template is checked: expands `Fn::ForEach` loops,
 * and resolves functions in places where templates otherwise require a text: names in Ref and Fn::GetAtt, and policies.
 * `values` are the given parameters and the pseudo parameters.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
 */
export function expandLanguageExtensions(template: JsonObject, values: Record<string, string>): JsonObject {
  return expandMap(template, new Map(), { template, values, turns: { left: MAX_TURNS } });
}

interface Source {
  template: JsonObject;
  values: Record<string, string>;
  /** Of all loops together. */
  turns: { left: number };
}

/** More than the resources, outputs and properties of a template within its quotas can need. */
const MAX_TURNS = 10_000;
type Bindings = ReadonlyMap<string, string>;

function expand(value: Json, bindings: Bindings, source: Source): Json {
  if (typeof value === 'string') return substitute(value, bindings, /(\$)\{([A-Za-z0-9]+)\}/g);
  if (Array.isArray(value)) return value.map((item) => expand(item, bindings, source));
  if (!isObject(value)) return value;
  const [[name, argument] = [undefined, null], more] = Object.entries(value);
  if (more === undefined && name === 'Ref') {
    const bound = typeof argument === 'string' ? bindings.get(argument) : undefined;
    return bound ?? { Ref: textIn(expand(argument, bindings, source), source) };
  }
  if (more === undefined && name === 'Fn::GetAtt' && Array.isArray(argument)) {
    return { [name]: argument.map((part) => textIn(expand(part, bindings, source), source)) };
  }
  return expandMap(value, bindings, source);
}

function expandMap(value: JsonObject, bindings: Bindings, source: Source): JsonObject {
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith('Fn::ForEach::')) Object.assign(result, loop(key, item, bindings, source));
    else {
      const expanded = expand(item, bindings, source);
      const policy = key === 'DeletionPolicy' || key === 'UpdateReplacePolicy';
      result[substitute(key, bindings, /([$&])\{([A-Za-z0-9]+)\}/g)] = policy
        ? textIn(expanded, source)
        : expanded;
    }
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
    source.turns.left -= 1;
    if (source.turns.left < 0) throw badFormat(`${key} makes more than ${MAX_TURNS} turns`);
    Object.assign(result, expandMap(body, new Map([...bindings, [identifier, value]]), source));
  }
  return result;
}

function listOfLoop(key: string, collection: Json, source: Source): string[] {
  const list = known(collection, source);
  if (typeof list === 'string') return list.split(',').map((part) => part.trim());
  if (!Array.isArray(list)) throw badTemplate(`${key} needs a list, or a reference to a list parameter`);
  return list.flatMap((item) => {
    const text = known(item, source);
    return Array.isArray(text) ? text.map(textOf) : [textOf(text)];
  });
}

/** A value as a text if everything in it is known, otherwise the value itself. */
function textIn(value: Json, source: Source): Json {
  const found = known(value, source);
  return isScalar(found) ? String(found) : value;
}

/** A value resolved only with parameters and mappings, or undefined if it requires more. */
function known(value: Json | undefined, source: Source): Json | undefined {
  if (!isObject(value)) return value;
  const [name = '', argument] = Object.entries(value)[0] ?? [];
  const list = (Array.isArray(argument) ? argument : [argument]).map((item) => known(item, source));
  switch (name) {
    case 'Ref':
      return parameterValue(textOf(argument), source);
    case 'Fn::Sub':
      return typeof argument === 'string' ? filled(argument, source) : undefined;
    case 'Fn::FindInMap':
      return mapped(list, Array.isArray(argument) ? argument[3] : undefined, source);
    case 'Fn::Join': {
      const [delimiter, parts] = list;
      if (!Array.isArray(parts)) return undefined;
      const texts = parts.map((part) => known(part, source));
      return texts.every(isScalar) ? texts.join(textOf(delimiter)) : undefined;
    }
    default:
      return undefined;
  }
}

function parameterValue(name: string, { template, values }: Source): Json | undefined {
  const declared = isObject(template.Parameters) ? template.Parameters[name] : undefined;
  return values[name] ?? (isObject(declared) ? declared.Default : undefined);
}

function filled(text: string, source: Source): string | undefined {
  const names = [...text.matchAll(/\$\{([^!{}]+)\}/g)].map(([, name = '']) => name.trim());
  if (!names.every((name) => isScalar(parameterValue(name, source)))) return undefined;
  return text.replace(/\$\{([^!{}]+)\}/g, (_, name: string) => textOf(parameterValue(name.trim(), source)));
}

function mapped(
  [map, top, second]: readonly (Json | undefined)[],
  options: Json | undefined,
  { template }: Source,
): Json | undefined {
  const mappings = isObject(template.Mappings) ? template.Mappings : {};
  const rows = mappings[textOf(map)];
  const row = isObject(rows) ? rows[textOf(top)] : undefined;
  const value = isObject(row) ? row[textOf(second)] : undefined;
  return value ?? (isObject(options) ? options.DefaultValue : undefined);
}

/**
 * `${Name}` inserts the value, `&{Name}` only its letters and digits, which works only in keys.
 *
 * @see https://github.com/aws-cloudformation/cfn-language-discussion/issues/162 "If you reference a resource that was created
 *  with the &{} syntax, the stack will fail with unresolved resource dependencies"
 */
function substitute(text: string, bindings: Bindings, placeholder: RegExp): string {
  return text.replace(placeholder, (whole, kind: string, name: string) => {
    const value = bindings.get(name);
    if (value === undefined) return whole;
    return kind === '&' ? value.replace(/[^A-Za-z0-9]/g, '') : value;
  });
}
