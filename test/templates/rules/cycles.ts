import type { Resource } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { Rule } from './platform.ts';
import { references } from './references.ts';
import { exportsOf, imports, reads, writes } from './shared-names.ts';

/** There are no cycles of resources or stacks, in contrast to the guidelines' database and security groups. */
export const noCycles: Rule = (stacks) => [
  ...stacks.flatMap((stack) => {
    const { resources } = stack.resolved;
    const graph = new Map(Object.entries(resources).map(([id, resource]) => [id, neighbours(resource)]));
    return cycle(graph).map((path) => finding('cycles', stack, path.join(' → '), path[0]));
  }),
  ...stackCycles(stacks),
];

const stackCycles: Rule = (stacks) => {
  const writers = new Map<string, string>();
  for (const stack of stacks) {
    for (const [name] of writes(stack)) writers.set(name, stack.template.name);
    for (const name of exportsOf(stack)) writers.set(name, stack.template.name);
  }
  const graph = new Map(
    stacks.map((stack) => {
      const names = [...reads(stack).map(({ name }) => name), ...imports(stack)];
      return [stack.template.name, names.flatMap((name) => writers.get(name) ?? [])];
    }),
  );
  return cycle(graph).flatMap((path) => {
    const stack = stacks.find(({ template }) => template.name === path[0]);
    return stack ? [finding('cycles', stack, path.join(' → '))] : [];
  });
};

const neighbours = (resource: Resource): string[] => [
  ...references(resource.Properties),
  ...[resource.DependsOn ?? []].flat(),
];

/** The first cycle as a path that ends where it started, or none. */
function cycle(graph: Map<string, string[]>): string[][] {
  const done = new Set<string>();
  const visit = (node: string, path: string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const found = visit(next, [...path, node]);
      if (found) return found;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = visit(node, []);
    if (found) return [found];
  }
  return [];
}
