import type { ResourceDeletion } from './deletion.ts';
import { deleteResources } from './deletion.ts';
import { dependencyGraph } from '../templates/dependencies.ts';
import { endOperation, setStackStatus } from './events.ts';
import type { OperationRun, ResourcePass } from '../resources/provisioning.ts';
import { revertResource } from '../resources/provisioning.ts';
import { isCreated } from './stack-scope.ts';
import type { Stack, StackResource, Undo } from './stack.ts';
import type { ResourceDefinition } from '../templates/template.ts';
import { failureText, walkGraph, newResourcePass } from './resource-pass.ts';
import type { StackDatabase } from './stack-database.ts';

/** Rolls back a failed creation: deletes its resources. The empty stack remains. */
export async function rollBackCreation(run: OperationRun): Promise<void> {
  const { world, stack, operation } = run;
  const work = newResourcePass(run, stack.definition, 'rollback');
  const made = [...stack.resources.values()].filter(({ status }) => !status.startsWith('DELETE_'));
  const deleted = await deleteResources(
    work,
    made.map((resource) => ({ resource, deletion: { created: true } })),
  );
  stack.imports = new Set();
  delete stack.undo;
  stack.deletedAt = world.clock.now();
  if (deleted) setStackStatus(work, 'ROLLBACK_COMPLETE');
  else setStackStatus(work, 'ROLLBACK_FAILED', failureText(work));
  endOperation(world, operation, deleted);
}

/**
 * Reverts the resources that an update changed. Returns whether all succeeded; otherwise the stack is in
 * UPDATE_ROLLBACK_FAILED, and the rollback can be continued. `skip` lists resources to leave as they are.
 */
export async function rollBackUpdate(
  run: OperationRun,
  skip: ReadonlySet<string> = new Set(),
): Promise<boolean> {
  const { world, stack, operation } = run;
  const { undo } = stack;
  if (!undo) throw new Error(`stack ${stack.name} has nothing to roll back to`);
  const work = { ...newResourcePass(run, undo.definition, 'rollback'), skip };
  const touched = [...undo.touched].filter((id) => undo.resources.has(id));
  const definitions: Record<string, ResourceDefinition> = {};
  for (const id of touched) {
    const before = undo.resources.get(id);
    if (before) definitions[id] = before.definition;
  }
  await walkGraph(dependencyGraph(definitions), (id) => revert(work, undo, id, skip), work.signal);
  undo.stuck = work.failed.update;
  if (undo.stuck.size > 0) {
    setStackStatus(work, 'UPDATE_ROLLBACK_FAILED', failureText(work));
    endOperation(world, operation, false);
    return false;
  }
  await finish(work, undo);
  return true;
}

async function revert(
  work: ResourcePass,
  undo: Undo,
  id: string,
  skip: ReadonlySet<string>,
): Promise<boolean> {
  const { stack } = work;
  const before = undo.resources.get(id);
  const now = stack.resources.get(id);
  if (!before || !now) return true;
  const back: StackResource = { ...before, updatedAt: now.updatedAt };
  const replacement = isCreated(now) && now.physicalId !== before.physicalId ? now : undefined;
  stack.resources.set(id, back);
  if (replacement) undo.leftBehind.push(replacement);
  if (!(await revertResource(work, now, back, skip.has(id)))) return false;
  undo.touched.delete(id);
  return true;
}

/** Deletes the resources that the update created and restores the previous state of the stack. */
async function finish(work: ResourcePass, undo: Undo): Promise<void> {
  const { world, stack, operation } = work;
  setStackStatus(work, 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
  const created = [...stack.resources.values()].filter(({ logicalId }) => !undo.resources.has(logicalId));
  const unwanted: ResourceDeletion[] = [...created, ...undo.leftBehind].map((resource) => ({
    resource,
    deletion: { created: true, bare: true },
  }));
  const cleanup = newResourcePass(work, undo.definition, 'rollback');
  const clean = await deleteResources(cleanup, unwanted);
  for (const { logicalId } of created) stack.resources.delete(logicalId);
  if (undo.definition) stack.definition = undo.definition;
  stack.outputs = undo.outputs;
  stack.imports = undo.imports;
  delete stack.undo;
  setStackStatus(
    work,
    'UPDATE_ROLLBACK_COMPLETE',
    clean ? undefined : 'Rollback successful. One or more resources could not be deleted.',
  );
  endOperation(world, operation, true);
}

/** The current state of a stack, to restore if the update fails. */
export function captureUndo(stack: Stack): Undo {
  return {
    definition: stack.definition,
    outputs: stack.outputs,
    imports: stack.imports,
    resources: new Map([...stack.resources].map(([id, resource]) => [id, { ...resource }])),
    touched: new Set(),
    replaced: [],
    leftBehind: [],
    stuck: new Set(),
  };
}

/**
 * The resources that the continuation of a failed rollback can skip. Those of nested stacks are
 * `NestedStackName.LogicalId`.
 */
export function stuckResources(database: StackDatabase, stack: Stack, prefix = ''): string[] {
  return [...(stack.undo?.stuck ?? [])].flatMap((id) => {
    const child = database.stacks.get(stack.resources.get(id)?.physicalId ?? '');
    return child ? stuckResources(database, child, `${child.name}.`) : [`${prefix}${id}`];
  });
}
