import type { Scope } from './intrinsics.ts';
import { functionCall, SUBSTITUTION } from './intrinsics.ts';
import type { Json } from './json.ts';
import { isObject, members, textOf } from './json.ts';
import { splitAttribute } from './template-text.ts';

/** What a value points to. `name` is a parameter, a resource, an export's name, a condition or a mapping. */
export interface Reference {
  kind: 'ref' | 'attribute' | 'condition' | 'mapping' | 'import';
  name: string;
  attribute?: string;
  /** The function that holds it, for messages. */
  by: 'Ref' | 'Fn::GetAtt' | 'Fn::Sub' | 'Fn::If' | 'Condition' | 'Fn::FindInMap' | 'Fn::ImportValue';
}

/**
 * Every reference in a value. With a scope, only the branches of `Fn::If` that hold are entered: what a value
 * really depends on.
 */
export function referencesIn(value: Json | undefined, scope?: Scope): Reference[] {
  const found: Reference[] = [];
  if (value !== undefined) collect(value, found, scope);
  return found;
}

function collect(value: Json, found: Reference[], scope: Scope | undefined): void {
  if (Array.isArray(value)) for (const item of value) collect(item, found, scope);
  if (!isObject(value)) return;
  const call = functionCall(value);
  if (call) collectCall(call.name, call.argument, found, scope);
  else for (const [, item] of members(value)) collect(item, found, scope);
}

function collectCall(name: string, argument: Json, found: Reference[], scope: Scope | undefined): void {
  if (name === 'Ref') {
    found.push({ kind: 'ref', name: textOf(argument), by: 'Ref' });
  } else if (name === 'Fn::GetAtt') {
    const [logicalId, ...rest] = Array.isArray(argument) ? argument : splitAttribute(textOf(argument));
    const attribute = rest.every((part) => typeof part === 'string') ? { attribute: rest.join('.') } : {};
    found.push({ kind: 'attribute', name: textOf(logicalId), by: 'Fn::GetAtt', ...attribute });
    collect(rest, found, scope);
  } else if (name === 'Fn::Sub') {
    collectSub(argument, found, scope);
  } else if (name === 'Fn::If' && Array.isArray(argument)) {
    collectIf(argument, found, scope);
  } else {
    if (name === 'Fn::FindInMap' && Array.isArray(argument) && typeof argument[0] === 'string') {
      found.push({ kind: 'mapping', name: argument[0], by: 'Fn::FindInMap' });
    }
    if (name === 'Fn::ImportValue' && typeof argument === 'string') {
      found.push({ kind: 'import', name: argument, by: 'Fn::ImportValue' });
    }
    collect(argument, found, scope);
  }
}

function collectIf(argument: Json[], found: Reference[], scope: Scope | undefined): void {
  const [name, whenTrue, whenFalse] = argument;
  if (typeof name === 'string') found.push({ kind: 'condition', name, by: 'Fn::If' });
  const branches =
    scope && typeof name === 'string'
      ? [scope.condition(name) ? whenTrue : whenFalse]
      : [whenTrue, whenFalse];
  for (const branch of branches) if (branch !== undefined) collect(branch, found, scope);
}

function collectSub(argument: Json, found: Reference[], scope: Scope | undefined): void {
  const [text, variables] = Array.isArray(argument) ? argument : [argument];
  const own = new Set(members(variables).map(([name]) => name));
  for (const [, literal, name = ''] of textOf(text).matchAll(SUBSTITUTION)) {
    if (literal === '!' || own.has(name)) continue;
    const [logicalId = '', attribute] = splitAttribute(name);
    if (attribute === undefined || name.startsWith('AWS::')) found.push({ kind: 'ref', name, by: 'Fn::Sub' });
    else found.push({ kind: 'attribute', name: logicalId, attribute, by: 'Fn::Sub' });
  }
  if (variables !== undefined) collect(variables, found, scope);
}
