import { unrolled } from './template.ts';
import type { Json, JsonMap, Output, Parameter, Resource, Template } from './template.ts';

/** A template resolved with an environment's parameters. Values known only to AWS stay intrinsic functions. */
export interface ResolvedTemplate {
  name: string;
  conditions: Record<string, boolean>;
  resources: Record<string, Resource>;
  outputs: Record<string, Output>;
}

interface Scope {
  template: Template;
  values: Record<string, Json>;
  conditions: Record<string, boolean>;
}

/** The placeholder for the value of an SSM parameter. */
const ssmValue = (name: string): string => `ssm:${name}`;

/**
 * Resolves a template with parameters, as far as possible without AWS: conditions are evaluated, resources with a
 * false condition and `AWS::NoValue` are removed, and Ref, Sub, If, FindInMap, Join, Select and Split are resolved if
 * all their arguments are known. Parameters that the template does not declare are ignored, as in a shared file.
 *
 * @throws Error if a parameter has neither a value nor a default, or if its value is not allowed.
 */
export function resolveTemplate(template: Template, given: Record<string, string>): ResolvedTemplate {
  const values = Object.fromEntries(
    Object.entries(template.Parameters).map(([name, parameter]) => [
      name,
      parameterValue(template.name, name, parameter, given[name]),
    ]),
  );
  const scope: Scope = { template, values, conditions: {} };
  for (const name of Object.keys(template.Conditions)) evaluateCondition(scope, name);
  const isOn = ({ Condition }: { Condition?: string }) =>
    Condition === undefined || evaluateCondition(scope, Condition);
  const resolveAll = <T extends { Condition?: string }>(section: Record<string, T>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(section)
        .filter(([, value]) => isOn(value))
        .map(([id, value]) => [id, resolve(scope, value as unknown as Json) as unknown as T]),
    );
  return {
    name: template.name,
    conditions: scope.conditions,
    resources: resolveAll(sectionOf<Resource>(scope, 'Resources')),
    outputs: resolveAll(sectionOf<Output>(scope, 'Outputs')),
  };
}

/** A section of the template with its loops expanded. */
function sectionOf<T>(scope: Scope, name: 'Resources' | 'Outputs'): Record<string, T> {
  const items = (collection: Json): string[] => resolve(scope, collection) as string[];
  return unrolled(scope.template.document[name], items) as unknown as Record<string, T>;
}

function parameterValue(
  template: string,
  name: string,
  parameter: Parameter,
  given: string | undefined,
): Json {
  const text = given ?? (parameter.Default === undefined ? undefined : String(parameter.Default));
  if (text === undefined) throw new Error(`${template}: ${name} has no value`);
  const problem = violatedRule(parameter, text);
  if (problem !== undefined) throw new Error(`${template}: ${name}: expected ${problem}, got "${text}"`);
  const { Type } = parameter;
  if (Type.startsWith('AWS::SSM::Parameter::Value<List<'))
    return [1, 2, 3].map((n) => `${ssmValue(text)}#${n}`);
  if (Type.startsWith('AWS::SSM::Parameter::Value<')) return ssmValue(text);
  if (Type === 'CommaDelimitedList' || Type.startsWith('List<')) return text.split(',');
  return Type === 'Number' ? Number(text) : text;
}

/** The rule that a value violates; undefined if it is allowed. */
function violatedRule(parameter: Parameter, text: string): string | undefined {
  const { Type, AllowedValues, AllowedPattern, MinValue = -Infinity, MaxValue = Infinity } = parameter;
  if (AllowedValues && !AllowedValues.map(String).includes(text)) return `one of ${AllowedValues.join(', ')}`;
  if (AllowedPattern !== undefined && !new RegExp(AllowedPattern).test(text))
    return `a match of ${AllowedPattern}`;
  if (Type !== 'Number') return undefined;
  const number = text === '' ? NaN : Number(text);
  return number >= MinValue && number <= MaxValue ? undefined : `a number from ${MinValue} to ${MaxValue}`;
}

function evaluateCondition(scope: Scope, name: string): boolean {
  const known = scope.conditions[name];
  if (known !== undefined) return known;
  const expression = scope.template.Conditions[name];
  if (expression === undefined) throw new Error(`${scope.template.name}: no condition ${name}`);
  return (scope.conditions[name] = isTrue(scope, expression));
}

function isTrue(scope: Scope, expression: Json): boolean {
  const [[name, argument]] = Object.entries(expression as JsonMap) as [[string, Json]];
  const list = argument as Json[];
  switch (name) {
    case 'Condition':
      return evaluateCondition(scope, argument as string);
    case 'Fn::Not':
      return !isTrue(scope, list[0] ?? null);
    case 'Fn::And':
      return list.every((item) => isTrue(scope, item));
    case 'Fn::Or':
      return list.some((item) => isTrue(scope, item));
    case 'Fn::Equals': {
      const [left, right] = list.map((item) => JSON.stringify(asText(resolve(scope, item))));
      return left === right;
    }
    default:
      throw new Error(`${scope.template.name}: ${name} is not a condition function`);
  }
}

const asText = (value: Json | undefined): Json =>
  typeof value === 'number' ? String(value) : (value ?? null);

/** Undefined is AWS::NoValue: the key or the item is removed. */
function resolve(scope: Scope, value: Json): Json | undefined {
  if (Array.isArray(value)) return value.flatMap((item) => keep(resolve(scope, item)));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  const [only] = entries;
  if (only && entries.length === 1 && (only[0] === 'Ref' || only[0].startsWith('Fn::'))) {
    return intrinsic(scope, only[0], only[1]);
  }
  return Object.fromEntries(
    entries.flatMap(([key, item]) => keep(resolve(scope, item)).map((kept) => [key, kept])),
  );
}

const keep = (value: Json | undefined): Json[] => (value === undefined ? [] : [value]);

function intrinsic(scope: Scope, name: string, argument: Json): Json | undefined {
  if (name === 'Ref') {
    if (argument === 'AWS::NoValue') return undefined;
    return scope.values[argument as string] ?? { Ref: argument };
  }
  if (name === 'Fn::If') {
    const [condition, yes, no] = argument as [string, Json, Json];
    return resolve(scope, evaluateCondition(scope, condition) ? yes : no);
  }
  if (name === 'Fn::Sub') return substitute(scope, argument);
  const resolved = resolve(scope, argument) ?? null;
  return compute(scope, name, resolved) ?? { [name]: resolved };
}

/** The result of a function with known arguments; undefined if one is unknown. */
function compute(scope: Scope, name: string, argument: Json): Json | undefined {
  const list = argument as Json[];
  switch (name) {
    case 'Fn::FindInMap': {
      const [map, first, second] = list.map(String) as [string, string, string];
      const found = scope.template.Mappings[map]?.[first]?.[second];
      if (found === undefined) throw new Error(`${scope.template.name}: ${map} has no ${first}, ${second}`);
      return found;
    }
    case 'Fn::Join': {
      const [separator, items] = list as [string, Json];
      return isPlainList(items) ? items.join(separator) : undefined;
    }
    case 'Fn::Split': {
      const [separator, text] = list as [string, Json];
      return typeof text === 'string' ? text.split(separator) : undefined;
    }
    case 'Fn::Select': {
      const [index, items] = list as [number | string, Json];
      return isPlainList(items) ? items[Number(index)] : undefined;
    }
    default:
      return undefined;
  }
}

const isPlainList = (value: Json): value is (string | number)[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number');

function substitute(scope: Scope, argument: Json): Json {
  const [text, own] = (Array.isArray(argument) ? argument : [argument, {}]) as [string, JsonMap];
  const names = { ...scope.values, ...(resolve(scope, own) as JsonMap) };
  const filled = text.replace(/\$\{([^!}][^}]*)\}/g, (whole, name: string) => {
    const value = names[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : whole;
  });
  return /\$\{[^!}]/.test(filled) ? { 'Fn::Sub': filled } : filled.replaceAll('${!', '${');
}
