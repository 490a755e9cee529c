import {
  deleteResource,
  type Deletion,
  type OperationRun,
  type ResourcePass,
} from '../resources/provisioning.ts';
import { dependencyGraph, type Graph, reverseGraph } from '../templates/dependencies.ts';
import type { ResourceDefinition } from '../templates/template.ts';
import { endOperation, setStackStatus } from './events.ts';
import { exportsInUse } from './exports.ts';
import { stackDatabase } from './stack-database.ts';
import { isCreated } from './stack-scope.ts';
import type { StackResource } from './stack.ts';
import { failureText, walkGraph, newResourcePass } from './resource-pass.ts';

export interface DeletionRequest {
  /** Logical ids of resources to retain. */
  retain?: readonly string[];
  /** Whether resources that cannot be deleted are left behind, and the stack is deleted anyway. */
  force?: boolean;
  /** The status to restore if an export is in use. */
  before: string;
}

/** Deletes a stack's resources, then the stack. Returns whether it is deleted. */
export async function deleteStack(run: OperationRun, request: DeletionRequest): Promise<boolean> {
  const { world, stack, operation } = run;
  const work = newResourcePass(run, stack.definition, 'delete');
  const database = stackDatabase(world, stack.account, stack.region);
  const inUse = exportsInUse(database, stack);
  if (inUse !== undefined) {
    setStackStatus(work, request.before, `Delete canceled. ${inUse}`);
    endOperation(world, operation, false);
    return false;
  }
  const retain = new Set(request.retain);
  const resources = [...stack.resources.values()].filter(
    (resource) => isCreated(resource) || resource.status.endsWith('_FAILED'),
  );
  const unwanted = resources.map((resource) => ({
    resource,
    deletion: { retain: retain.has(resource.logicalId) },
  }));
  let deleted = await deleteResources(work, unwanted);
  if (!deleted && request.force) {
    const stuck = resources.filter(({ status }) => !['DELETE_COMPLETE', 'DELETE_SKIPPED'].includes(status));
    deleted = await deleteResources(
      work,
      stuck.map((resource) => ({ resource, deletion: { retain: true } })),
    );
  }
  stack.deletedAt = world.clock.now();
  if (deleted) {
    stack.outputs = [];
    stack.imports = new Set();
    delete stack.undo;
    setStackStatus(work, 'DELETE_COMPLETE');
    database.release(stack);
  } else {
    setStackStatus(work, 'DELETE_FAILED', failureText(work));
  }
  endOperation(world, operation, deleted);
  return deleted;
}

export interface ResourceDeletion {
  resource: StackResource;
  deletion: Deletion;
}

/** Deletes resources in reverse dependency order. Returns whether all succeeded. */
export async function deleteResources(
  work: ResourcePass,
  unwanted: readonly ResourceDeletion[],
): Promise<boolean> {
  const byId = new Map<string, ResourceDeletion[]>();
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
  await walkGraph(deletionOrder(byId), remove, work.signal);
  return succeeded;
}

function deletionOrder(byId: ReadonlyMap<string, readonly ResourceDeletion[]>): Graph {
  const definitions: Record<string, ResourceDefinition> = {};
  for (const [id, [first]] of byId) if (first) definitions[id] = first.resource.definition;
  return reverseGraph(dependencyGraph(definitions));
}
