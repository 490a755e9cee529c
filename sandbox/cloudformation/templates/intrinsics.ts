import { badTemplate, invalid } from '../errors.ts';
import { isObject, isScalar, type Json, type JsonObject, members, textOf } from '../json.ts';
import { splitAttribute } from './text.ts';

/** The placeholder in change sets for values that are known only after resources are created. */
export const KNOWN_AFTER_APPLY = '{{changeSet:KNOWN_AFTER_APPLY}}';

/** Resolves the references of a template. Each function may return KNOWN_AFTER_APPLY. */
export interface Scope {
  /** A parameter, a pseudo parameter or a resource, or undefined if it does not exist. */
  ref(name: string): Json | undefined;
  attribute(logicalId: string, name: string): Json;
  condition(name: string): boolean;
  mapping(name: string): JsonObject | undefined;
  importValue(name: string): Json;
  /** An output of another stack. Throws if it does not exist. */
  stackOutput(reference: StackOutputReference): Json;
  zones(region: string): string[];
  /** The value of a dynamic reference: `ssm`, `/a/b`, `3`. */
  dynamic(service: string, name: string, version?: string): string;
  /** Whether the template declares the AWS::LanguageExtensions transform. */
  extensions: boolean;
  /**
   * Whether a change set with nested stacks is planned. An output of a nested stack is then a text that cannot be
   * split.
   */
  nestedPlanning?: boolean;
}

/** The output that `Fn::GetStackOutput` reads. */
export interface StackOutputReference {
  StackName: string;
  OutputName: string;
  Region?: string;
  RoleArn?: string;
}

/** The value of `AWS::NoValue`: removes the property or the list item. */
const NO_VALUE = Symbol('AWS::NoValue');
type Value = Json | typeof NO_VALUE;

/** Resolves every function in a value. Returns undefined if nothing is left. */
export function resolve(value: Json, scope: Scope): Json | undefined {
  const resolved = evaluate(value, scope);
  return resolved === NO_VALUE ? undefined : resolved;
}

/** Resolves a resource's properties. */
export function resolveProperties(properties: JsonObject, scope: Scope): JsonObject {
  const resolved = resolve(properties, scope);
  return isObject(resolved) ? resolved : {};
}

function evaluate(value: Json, scope: Scope): Value {
  if (typeof value === 'string')
    return value.includes('{{resolve:') ? dynamicReferences(value, scope) : value;
  if (Array.isArray(value))
    return value.map((item) => evaluate(item, scope)).filter((item) => item !== NO_VALUE);
  if (!isObject(value)) return value;
  const call = functionCall(value);
  if (call) return FUNCTIONS[call.name]?.(call.argument, scope) ?? null;
  const entries = members(value).map(([key, item]) => [key, evaluate(item, scope)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== NO_VALUE)) as JsonObject;
}

/** The function that an object with one member calls, or undefined for other objects. */
export function functionCall(value: JsonObject): { name: string; argument: Json } | undefined {
  const [entry, second] = Object.entries(value);
  if (!entry || second) return undefined;
  const [name, argument] = entry;
  return name in FUNCTIONS ? { name, argument } : undefined;
}

/**
 * Whether an unknown value is an output of a nested stack, or a parameter that may have been given one. A change set
 * that includes nested stacks then fails in Fn::Select; one that does not include them is created.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759
 */
function comesFromNested(value: Json, scope: Scope): boolean {
  if (!scope.nestedPlanning) return false;
  const text = JSON.stringify(value);
  const refs = [...text.matchAll(/\{"Ref":"([^"]+)"\}/g)].map(([, name = '']) => scope.ref(name));
  return text.includes('Outputs.') || text.includes('"Outputs"') || refs.includes(KNOWN_AFTER_APPLY);
}

type IntrinsicFunction = (argument: Json, scope: Scope) => Value;

const FUNCTIONS: Record<string, IntrinsicFunction> = {
  Ref: (argument, scope) => {
    const name = plainText(argument);
    if (name === 'AWS::NoValue') return NO_VALUE;
    const value = scope.ref(name);
    if (value === undefined) throw badTemplate(`instance of Ref references undefined resource ${name}`);
    return value;
  },
  'Fn::GetAtt': (argument, scope) => {
    const [logicalId, ...rest] = Array.isArray(argument) ? argument : splitAttribute(plainText(argument));
    return scope.attribute(plainText(logicalId), rest.map((part) => resolveText(part, scope)).join('.'));
  },
  'Fn::Sub': substitute,
  'Fn::Join': (argument, scope) => {
    const [delimiter, list] = twoOf(argument, 'Fn::Join', 'a delimiter and a list of values');
    if (typeof delimiter !== 'string')
      throw badTemplate('every Fn::Join object requires a string delimiter.');
    const parts = evaluate(list, scope);
    if (parts === KNOWN_AFTER_APPLY) return KNOWN_AFTER_APPLY;
    if (!Array.isArray(parts)) {
      throw badTemplate(
        'every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.',
      );
    }
    return joined(parts, delimiter);
  },
  'Fn::Select': (argument, scope) => {
    const [position, list] = twoOf(argument, 'Fn::Select', 'an index and a list of objects');
    const index = evaluate(position, scope);
    const known = evaluate(list, scope);
    const items = known === KNOWN_AFTER_APPLY && comesFromNested(list, scope) ? [known] : known;
    if (items === KNOWN_AFTER_APPLY || index === KNOWN_AFTER_APPLY) return KNOWN_AFTER_APPLY;
    if (!Array.isArray(items))
      throw badTemplate('Fn::Select requires a list argument with two elements: an integer index and a list');
    const item = items[Number(index)];
    if (item === undefined)
      throw badTemplate(`Fn::Select cannot select nonexistent value at index ${plainText(index)}`);
    return item;
  },
  'Fn::Split': (argument, scope) => {
    const [delimiter, source] = twoOf(argument, 'Fn::Split', 'a delimiter and a source string');
    const text = evaluate(source, scope);
    if (text === KNOWN_AFTER_APPLY) return KNOWN_AFTER_APPLY;
    if (!isScalar(text as Json))
      throw badTemplate(
        'every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split',
      );
    return plainText(text).split(plainText(delimiter));
  },
  'Fn::FindInMap': findInMap,
  'Fn::If': (argument, scope) => {
    const [name, whenTrue, whenFalse] = Array.isArray(argument) ? argument : [];
    if (typeof name !== 'string' || whenTrue === undefined || whenFalse === undefined) {
      throw badTemplate('Fn::If requires a list argument with three elements');
    }
    return evaluate(scope.condition(name) ? whenTrue : whenFalse, scope);
  },
  'Fn::Equals': (argument, scope) => {
    const [one, other] = twoOf(argument, 'Fn::Equals', 'two values');
    return (
      JSON.stringify(scalarText(evaluate(one, scope))) === JSON.stringify(scalarText(evaluate(other, scope)))
    );
  },
  'Fn::And': (argument, scope) => listOf(argument, 'Fn::And').every((item) => truth(item, scope)),
  'Fn::Or': (argument, scope) => listOf(argument, 'Fn::Or').some((item) => truth(item, scope)),
  'Fn::Not': (argument, scope) => {
    const [item, more] = listOf(argument, 'Fn::Not');
    if (item === undefined || more !== undefined)
      throw badTemplate('Fn::Not requires a list argument with one element');
    return !truth(item, scope);
  },
  'Fn::ImportValue': (argument, scope) => {
    const name = evaluate(argument, scope);
    if (name === KNOWN_AFTER_APPLY) return KNOWN_AFTER_APPLY;
    return scope.importValue(plainText(name));
  },
  'Fn::GetStackOutput': getStackOutput,
  'Fn::Base64': (argument, scope) => {
    const text = evaluate(argument, scope);
    return text === KNOWN_AFTER_APPLY ? text : Buffer.from(plainText(text)).toString('base64');
  },
  'Fn::Cidr': (argument, scope) => {
    const [block, count, bits] = (evaluate(argument, scope) as Json[] | null) ?? [];
    if (block === KNOWN_AFTER_APPLY) return KNOWN_AFTER_APPLY;
    return cidrBlocks(plainText(block), Number(count), bits === undefined ? undefined : Number(bits));
  },
  'Fn::GetAZs': (argument, scope) => {
    const region = plainText(evaluate(argument, scope));
    return scope.zones(region === '' ? plainText(scope.ref('AWS::Region')) : region);
  },
  'Fn::ToJsonString': (argument, scope) => {
    requireExtensions('Fn::ToJsonString', scope);
    const text = JSON.stringify(evaluate(argument, scope));
    return text.includes(KNOWN_AFTER_APPLY) ? KNOWN_AFTER_APPLY : text;
  },
  'Fn::Length': (argument, scope) => {
    requireExtensions('Fn::Length', scope);
    const list = evaluate(argument, scope);
    if (list === KNOWN_AFTER_APPLY) return list;
    if (!Array.isArray(list)) throw badTemplate('Fn::Length requires a list');
    return list.length;
  },
  'Fn::Transform': (argument) => {
    const name = isObject(argument) ? plainText(argument.Name) : plainText(argument);
    throw invalid(`The sandbox does not run macros: Fn::Transform ${name} is not supported.`);
  },
};

function requireExtensions(name: string, scope: Scope): void {
  if (!scope.extensions)
    throw invalid(
      `Template format error: unresolved function ${name}: it needs the transform AWS::LanguageExtensions.`,
    );
}

function twoOf(argument: Json, name: string, what: string): [Json, Json] {
  const [first, second, third] = Array.isArray(argument) ? argument : [];
  if (first === undefined || second === undefined || third !== undefined) {
    throw badTemplate(`every ${name} object requires two parameters, ${what}.`);
  }
  return [first, second];
}

function listOf(argument: Json, name: string): Json[] {
  if (!Array.isArray(argument)) throw badTemplate(`${name} requires a list argument`);
  return argument;
}

function plainText(value: Value | undefined): string {
  return value === NO_VALUE ? '' : textOf(value);
}

function scalarText(value: Value): Json {
  if (value === NO_VALUE) return null;
  return isScalar(value) ? String(value) : value;
}

/** Whether a condition is true, given as a function or by its name. */
export function truth(value: Json, scope: Scope): boolean {
  const named = isObject(value) ? value.Condition : undefined;
  if (typeof named === 'string') return scope.condition(named);
  const result = evaluate(value, scope);
  return result === true || result === 'true';
}

function resolveText(value: Json, scope: Scope): string {
  return plainText(evaluate(value, scope));
}

/** Joins parts to a text, which is unknown if one of them is. */
function joined(parts: Json[], delimiter: string): string {
  if (parts.includes(KNOWN_AFTER_APPLY)) return KNOWN_AFTER_APPLY;
  if (!parts.every(isScalar)) {
    throw badTemplate(
      'every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.',
    );
  }
  return parts.join(delimiter);
}

/**
 * The variables in a text of `Fn::Sub`: the mark of a literal, and the name with its spaces. The time that it takes grows with
 * the length of the text only.
 */
export const SUBSTITUTION = /\$\{(\s*!)?([^${}!]*)\}/g;

function substitute(argument: Json, scope: Scope): string {
  const [text, variables] = Array.isArray(argument) ? argument : [argument];
  if (typeof text !== 'string')
    throw badTemplate(
      "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string",
    );
  const own = new Map(members(variables));
  const unknown: string[] = [];
  const result = text.replace(SUBSTITUTION, (whole, literal: string | undefined, spaced: string) => {
    const name = spaced.trim();
    if (name === '') return whole;
    if (literal !== undefined) return `\${${name}}`;
    const value = substitution(name, own.get(name), scope);
    if (value === KNOWN_AFTER_APPLY) unknown.push(name);
    return Array.isArray(value) ? value.map(plainText).join(',') : plainText(value);
  });
  if (unknown.length > 0) return KNOWN_AFTER_APPLY;
  return result.includes('{{resolve:') ? dynamicReferences(result, scope) : result;
}

function substitution(name: string, own: Json | undefined, scope: Scope): Json {
  if (own !== undefined) return scalarText(evaluate(own, scope));
  const [logicalId = '', attribute] = splitAttribute(name);
  if (attribute !== undefined && scope.ref(name) === undefined) return scope.attribute(logicalId, attribute);
  const value = scope.ref(name);
  if (value === undefined)
    throw badTemplate(`instance of Fn::Sub references invalid resource attribute ${name}`);
  return value;
}

function findInMap(argument: Json, scope: Scope): Value {
  const [map, top, second, options] = Array.isArray(argument) ? argument : [];
  if (map === undefined || top === undefined || second === undefined) {
    throw badTemplate(
      'every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value',
    );
  }
  const [name, key, attribute] = [map, top, second].map((part) => resolveText(part, scope)) as [
    string,
    string,
    string,
  ];
  if ([name, key, attribute].includes(KNOWN_AFTER_APPLY)) return KNOWN_AFTER_APPLY;
  const row = scope.mapping(name)?.[key];
  const value = isObject(row) ? row[attribute] : undefined;
  if (value !== undefined) return value;
  const fallback = isObject(options) && scope.extensions ? options.DefaultValue : undefined;
  if (fallback === undefined) throw badTemplate(`Unable to get mapping for ${name}::${key}::${attribute}`);
  return evaluate(fallback, scope);
}

const OUTPUT_REFERENCE = ['StackName', 'OutputName', 'Region', 'RoleArn'];

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html */
function getStackOutput(argument: Json, scope: Scope): Json {
  const entries = members(argument);
  const unknown = entries.filter(([name]) => !OUTPUT_REFERENCE.includes(name));
  const given = Object.fromEntries(entries.map(([name, value]) => [name, resolveText(value, scope)]));
  const { StackName, OutputName, Region, RoleArn } = given;
  if (unknown.length > 0 || StackName === undefined || OutputName === undefined) {
    throw badTemplate(
      'every Fn::GetStackOutput object requires StackName and OutputName, and may have Region and RoleArn.',
    );
  }
  if (Object.values(given).includes(KNOWN_AFTER_APPLY)) return KNOWN_AFTER_APPLY;
  return scope.stackOutput({
    StackName,
    OutputName,
    ...(Region === undefined ? {} : { Region }),
    ...(RoleArn === undefined ? {} : { RoleArn }),
  });
}

/** Secrets are never read: their references are kept, as in AWS. */
function dynamicReferences(text: string, scope: Scope): string {
  return text.replace(/\{\{resolve:ssm:([^:}]+)(?::(\d+))?\}\}/g, (_, name: string, version?: string) =>
    scope.dynamic('ssm', name, version),
  );
}

const FAMILIES = { 4: 32, 6: 128 } as const;
const MAX_BLOCKS = 256;

/**
 * `Fn::Cidr`: the first `count` blocks with `bits` host bits in an IPv4 or IPv6 block. The default of `bits` is AWS's:
 * 8 for IPv4, 64 for IPv6.
 */
export function cidrBlocks(block: string, count: number, bits?: number): string[] {
  const { address, prefix, family } = parseBlock(block);
  const hostBits = bits ?? (family === 4 ? 8 : 64);
  const width = FAMILIES[family];
  if (!Number.isInteger(count) || count < 1 || count > MAX_BLOCKS) {
    throw badTemplate(`Fn::Cidr: count ${String(count)} must be a whole number from 1 to ${MAX_BLOCKS}`);
  }
  if (!Number.isInteger(hostBits) || hostBits < 1 || hostBits > width) {
    throw badTemplate(`Fn::Cidr: cidrBits ${String(hostBits)} must be a whole number from 1 to ${width}`);
  }
  const available = width - prefix - hostBits;
  if (available < 0 || BigInt(count) > 1n << BigInt(available)) {
    throw badTemplate(`Fn::Cidr: ${block} has not enough addresses for ${count} blocks of ${hostBits} bits`);
  }
  const size = 1n << BigInt(hostBits);
  const format = family === 4 ? formatV4 : formatV6;
  return Array.from(
    { length: count },
    (_, index) => `${format(address + BigInt(index) * size)}/${width - hostBits}`,
  );
}

function parseBlock(block: string): { address: bigint; prefix: number; family: 4 | 6 } {
  const [text = '', mask = ''] = block.split('/');
  const family = text.includes(':') ? 6 : 4;
  const number = family === 6 ? parseV6(text) : parseV4(text);
  const prefix = Number(mask);
  const width = FAMILIES[family];
  if (number === undefined || !/^\d+$/.test(mask) || prefix > width) {
    throw badTemplate(`Fn::Cidr: invalid CIDR block ${block}`);
  }
  const host = BigInt(width - prefix);
  return { address: (number >> host) << host, prefix, family };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => (sum << 8n) + BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const [head = '', tail, more] = text.split('::');
  if (more !== undefined) return undefined;
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

/** The short form of RFC 5952: the longest run of zero groups as `::`. */
function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.reduce((best, run) => (best && best[0].length >= run[0].length ? best : run), runs[0]);
  if (!longest) return text;
  const after = text.slice(longest.index + longest[0].length);
  return `${text.slice(0, longest.index).replace(/:$/, '')}::${after.replace(/^:/, '')}`;
}
