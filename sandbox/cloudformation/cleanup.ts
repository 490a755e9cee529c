import type { Graph } from './dependencies.ts';
import { dependencyGraph, reversed } from './dependencies.ts';
import type { Deletion, Work } from './resource-work.ts';
import { deleteResource } from './resource-work.ts';
import type { StackResource } from './stack.ts';
import type { ResourceDefinition } from './template.ts';
import { walk } from './walk.ts';

export interface Unwanted {
  resource: StackResource;
  deletion: Deletion;
}

/** Deletes resources in the reverse order of what they were made of. True when all of it went well. */
export async function deleteAll(work: Work, unwanted: readonly Unwanted[]): Promise<boolean> {
  const byId = new Map<string, Unwanted[]>();
  for (const item of unwanted) {
    const { logicalId } = item.resource;
    byId.set(logicalId, [...(byId.get(logicalId) ?? []), item]);
  }
  let succeeded = true;
  const remove = async (id: string): Promise<boolean> => {
    const results = await Promise.all(
      (byId.get(id) ?? []).map(({ resource, deletion }) => deleteResource(work, resource, deletion)),
    );
    const done = results.every(Boolean);
    succeeded &&= done;
    return done;
  };
  await walk(deletionOrder(byId), remove, work.signal);
  return succeeded;
}

function deletionOrder(byId: ReadonlyMap<string, readonly Unwanted[]>): Graph {
  const definitions: Record<string, ResourceDefinition> = {};
  for (const [id, [first]] of byId) if (first) definitions[id] = first.resource.definition;
  return reversed(dependencyGraph(definitions));
}
