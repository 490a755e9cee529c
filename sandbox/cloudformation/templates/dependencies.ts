import { invalid } from '../errors.ts';
import { isObject, type Json, members, textOf } from '../json.ts';
import { functionCall, type Scope, SUBSTITUTION } from './intrinsics.ts';
import type { ResourceDefinition, Template } from './template.ts';
import { splitAttribute } from './text.ts';

/** For each resource, the resources that must be ready before it. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** The graph of `resources`, by reference and by DependsOn. Edges to other resources are omitted. */
export function dependencyGraph(resources: Record<string, ResourceDefinition>): Graph {
  return new Map(
    Object.entries(resources).map(([id, resource]) => {
      const { properties, metadata } = resource;
      const referred = [...referencesIn(properties), ...referencesIn(metadata)]
        .filter(({ kind }) => kind === 'ref' || kind === 'attribute')
        .map(({ name }) => name);
      const needed = new Set([...resource.dependsOn, ...referred]);
      return [id, [...needed].filter((name) => name in resources)];
    }),
  );
}

/** The reversed graph, which is the order of deletions. */
export function reverseGraph(graph: Graph): Graph {
  const result = new Map<string, string[]>([...graph.keys()].map((id) => [id, []]));
  for (const [id, needed] of graph) for (const name of needed) result.get(name)?.push(id);
  return result;
}

/** Throws AWS's ValidationError for circular dependencies. */
export function refuseCycles(template: Template): void {
  const graph = dependencyGraph(template.resources);
  const waiting = new Map([...graph].map(([id, needed]) => [id, needed.length]));
  const dependents = reverseGraph(graph);
  const ready = [...waiting].filter(([, count]) => count === 0).map(([id]) => id);
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    waiting.delete(id);
    for (const name of dependents.get(id) ?? []) {
      const left = (waiting.get(name) ?? 0) - 1;
      waiting.set(name, left);
      if (left === 0) ready.push(name);
    }
  }
  if (waiting.size > 0) {
    const ids = [...withoutDependents(waiting, dependents)];
    throw invalid(`Circular dependency between resources: [${ids.join(', ')}]`);
  }
}

/** Only the cycles themselves: resources that depend on a cycle are omitted. */
function withoutDependents(waiting: ReadonlyMap<string, number>, dependents: Graph): Set<string> {
  const left = new Set(waiting.keys());
  for (let shrunk = true; shrunk;) {
    shrunk = false;
    for (const id of left) {
      if ((dependents.get(id) ?? []).some((name) => left.has(name))) continue;
      left.delete(id);
      shrunk = true;
    }
  }
  return left;
}

/** The ids sorted so that dependencies come first. */
export function topologicalOrder(graph: Graph): string[] {
  const done = new Set<string>();
  const visit = (id: string): void => {
    if (done.has(id)) return;
    done.add(id);
    for (const needed of graph.get(id) ?? []) visit(needed);
    ordered.push(id);
  };
  const ordered: string[] = [];
  for (const id of graph.keys()) visit(id);
  return ordered;
}

/** The target of a reference. `name` is a parameter, a resource, the name of an export, a condition or a mapping. */
export interface Reference {
  kind: 'ref' | 'attribute' | 'condition' | 'mapping' | 'import';
  name: string;
  attribute?: string;
  /** The function that contains it, for messages. */
  by: 'Ref' | 'Fn::GetAtt' | 'Fn::Sub' | 'Fn::If' | 'Condition' | 'Fn::FindInMap' | 'Fn::ImportValue';
}

/**
 * Every reference in a value. With a scope, only the branches of `Fn::If` that apply, so that only actual dependencies
 * are returned.
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
  for (const [, literal, spaced = ''] of textOf(text).matchAll(SUBSTITUTION)) {
    const name = spaced.trim();
    if (literal !== undefined || name === '' || own.has(name)) continue;
    const [logicalId = '', attribute] = splitAttribute(name);
    if (attribute === undefined || name.startsWith('AWS::')) found.push({ kind: 'ref', name, by: 'Fn::Sub' });
    else found.push({ kind: 'attribute', name: logicalId, attribute, by: 'Fn::Sub' });
  }
  if (variables !== undefined) collect(variables, found, scope);
}
