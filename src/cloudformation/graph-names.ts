import { isMap, isNode, isScalar, isSeq, visit, type Node } from 'yaml';

/** What Ref and Sub can name: parameters and pseudo parameters. */
export type Scope = Readonly<Record<string, string>>;

interface Call {
  name: string;
  argument: unknown;
}

/**
 * The texts that a value of a template can be, without asking AWS: text, Ref, Sub, Join, and both sides of an If.
 * Empty where it depends on anything else, such as a resource.
 */
export function possibleTexts(node: unknown, scope: Scope): string[] {
  const call = callOf(node);
  if (!call) return isScalar(node) && node.value !== null ? [textOf(node)] : [];
  switch (call.name) {
    case 'Ref':
      return isScalar(call.argument) ? valuesOf(String(call.argument.value), scope) : [];
    case 'Sub':
      return substituted(call.argument, scope);
    case 'Join':
      return joined(call.argument, scope);
    case 'If':
      return isSeq(call.argument)
        ? call.argument.items.slice(1).flatMap((item) => possibleTexts(item, scope))
        : [];
    default:
      return [];
  }
}

/** Every call of an intrinsic below a node, short form or long: `ImportValue` with what it is given. */
export function callsOf(intrinsic: string, below: unknown): unknown[] {
  const found: unknown[] = [];
  if (typeof below !== 'object' || below === null) return found;
  visit(below as Parameters<typeof visit>[0], {
    Node: (_key, node) => {
      const call = callOf(node);
      if (call?.name === intrinsic) found.push(call.argument);
    },
  });
  return found;
}

/** Every text below a node, with the names in it filled in where they are known. */
export function textsBelow(below: unknown, scope: Scope): string[] {
  const found: string[] = [];
  if (typeof below !== 'object' || below === null) return found;
  visit(below as Parameters<typeof visit>[0], {
    Scalar: (_key, node) => {
      if (typeof node.value === 'string') found.push(...fill(node.value, scope));
    },
  });
  return found;
}

/** A node as a call of an intrinsic: `!Sub x` or `Fn::Sub: x`. */
function callOf(node: unknown): Call | undefined {
  if (isNode(node) && node.tag?.startsWith('!')) return { name: node.tag.slice(1), argument: untagged(node) };
  const only = isMap(node) && node.items.length === 1 ? node.items[0] : undefined;
  if (!only || !isScalar(only.key)) return undefined;
  const key = String(only.key.value);
  if (key === 'Ref') return { name: 'Ref', argument: only.value };
  return key.startsWith('Fn::') ? { name: key.slice('Fn::'.length), argument: only.value } : undefined;
}

/** `!ImportValue { 'Fn::Sub': … }` is a map with a tag: what it is given is the map without it. */
function untagged(node: Node): unknown {
  const copy = node.clone() as Node & { tag?: string };
  delete copy.tag;
  return copy;
}

function substituted(argument: unknown, scope: Scope): string[] {
  if (isScalar(argument)) return fill(String(argument.value), scope);
  const [text, own] = isSeq(argument) ? argument.items : [];
  if (!isScalar(text)) return [];
  const variables = isMap(own) ? own.items : [];
  const known = variables.flatMap(({ key, value }) => {
    const [first] = possibleTexts(value, scope);
    return isScalar(key) && first !== undefined ? [[String(key.value), first] as const] : [];
  });
  return fill(String(text.value), { ...scope, ...Object.fromEntries(known) });
}

/** `${Project}` by its value; `${!Literal}` stays. Empty when a name has no value. */
function fill(text: string, scope: Scope): string[] {
  const unknown: string[] = [];
  const filled = text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    if (name.startsWith('!')) return `\${${name.slice(1)}}`;
    const [value] = valuesOf(name.trim(), scope);
    if (value === undefined) unknown.push(name);
    return value ?? whole;
  });
  return unknown.length === 0 ? [filled] : [];
}

function joined(argument: unknown, scope: Scope): string[] {
  const [delimiter, list] = isSeq(argument) ? argument.items : [];
  if (!isScalar(delimiter) || !isSeq(list)) return [];
  const parts = list.items.map((item) => possibleTexts(item, scope)[0]);
  return parts.every((part) => part !== undefined) ? [parts.join(String(delimiter.value))] : [];
}

function valuesOf(name: string, scope: Scope): string[] {
  const value = Object.hasOwn(scope, name) ? scope[name] : undefined;
  return value === undefined ? [] : [value];
}

function textOf(scalar: { value: unknown; source?: string }): string {
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value));
}
