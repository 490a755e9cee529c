import { invalid } from './failures.ts';
import { referencesIn } from './references.ts';
import type { ResourceDefinition, Template } from './template.ts';

/** For each resource, the resources that must be ready before it. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** The graph of `resources`, by reference and by DependsOn. Links to resources that are not among them fall away. */
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

/** The same graph the other way round: who goes before whom when things are deleted. */
export function reversed(graph: Graph): Graph {
  const result = new Map<string, string[]>([...graph.keys()].map((id) => [id, []]));
  for (const [id, needed] of graph) for (const name of needed) result.get(name)?.push(id);
  return result;
}

/** Throws AWS's ValidationError when resources wait for each other. */
export function refuseCycles(template: Template): void {
  const graph = dependencyGraph(template.resources);
  const waiting = new Map([...graph].map(([id, needed]) => [id, needed.length]));
  const dependents = reversed(graph);
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

/** Of what is left waiting, the cycles themselves: resources that merely wait for a cycle are dropped. */
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

/** Ids so that each comes after all that it depends on. */
export function dependenciesFirst(graph: Graph): string[] {
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
