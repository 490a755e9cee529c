import { invalid } from '../errors.ts';
import type { Scope } from '../templates/intrinsics.ts';
import { functionCall, resolve } from '../templates/intrinsics.ts';
import type { Json } from '../json.ts';
import { isObject, members, textOf } from '../json.ts';
import type { Stack, StackOutput } from './stack.ts';
import type { StackDatabase } from './stack-database.ts';

export interface Exported {
  stack: Stack;
  name: string;
  value: string;
}

/** All exports of an account and region, by name. */
export function allExports(database: StackDatabase): Map<string, Exported> {
  const exports = new Map<string, Exported>();
  for (const stack of database.active()) {
    for (const { ExportName: name, OutputValue: value } of stack.outputs) {
      if (name !== undefined) exports.set(name, { stack, name, value });
    }
  }
  return exports;
}

/** The names of the stacks that import an export. */
export function importersOf(database: StackDatabase, name: string): string[] {
  return database
    .active()
    .filter((stack) => stack.imports.has(name))
    .map((stack) => stack.name)
    .sort();
}

/** The names in the `Fn::ImportValue` calls of a value. */
export function importNames(value: Json | undefined, scope: Scope, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) importNames(item, scope, found);
  if (!isObject(value)) return found;
  const call = functionCall(value);
  if (call?.name === 'Fn::ImportValue') found.add(textOf(resolve(call.argument, scope)));
  else if (call?.name === 'Fn::If' && Array.isArray(call.argument)) {
    const [name, whenTrue, whenFalse] = call.argument;
    importNames(scope.condition(textOf(name)) ? whenTrue : whenFalse, scope, found);
  } else for (const [, item] of members(value)) importNames(item, scope, found);
  return found;
}

/** Throws if another stack has the same export name, or if an export in use would be deleted or changed. */
export function checkExports(database: StackDatabase, stack: Stack, outputs: readonly StackOutput[]): void {
  const next = new Map<string, string>();
  const taken = allExports(database);
  for (const { ExportName: name, OutputValue: value } of outputs) {
    if (name === undefined) continue;
    const owner = taken.get(name)?.stack;
    if (next.has(name) || (owner && owner.id !== stack.id)) {
      throw invalid(`Export with name ${name} is already exported by stack ${owner?.name ?? stack.name}`);
    }
    next.set(name, value);
  }
  for (const { ExportName: name, OutputValue: value } of stack.outputs) {
    if (name === undefined || next.get(name) === value) continue;
    const users = importersOf(database, name);
    const verb = next.has(name) ? 'updated' : 'deleted';
    if (users.length > 0)
      throw invalid(`Export ${name} cannot be ${verb} as it is in use by ${users.join(', ')}`);
  }
}

/** Why a stack cannot be deleted because of its exports, or undefined if none is in use. */
export function exportsInUse(database: StackDatabase, stack: Stack): string | undefined {
  for (const { ExportName: name } of stack.outputs) {
    const users = name === undefined ? [] : importersOf(database, name).filter((user) => user !== stack.name);
    if (users.length > 0)
      return `Cannot delete export ${String(name)} as it is in use by ${users.join(', ')}.`;
  }
  return undefined;
}
