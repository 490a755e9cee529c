import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import type { GivenDefinition } from './definition.ts';
import { prepareDefinition } from './definition.ts';
import { deleteStack } from './deletion.ts';
import { applyDefinition, cleanUpUpdate } from './deployment.ts';
import { beginOperation, endOperation, setResourceStatus, setStackStatus } from './events.ts';
import { ResourceFailure } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { members, sameValue, textOf } from '../json.ts';
import { sameTags } from '../resources/property-diff.ts';
import type { NestedStacks, OperationRun, ResourcePass } from '../resources/provisioning.ts';
import { rollBackUpdate, captureUndo } from './rollback.ts';
import type { Definition, Stack, StackOperation, StackResource, Tag } from './stack.ts';
import { newStack } from './stack.ts';
import { templateText } from '../templates/source.ts';
import { OperationStopped } from './resource-pass.ts';
import { stackDatabase } from './stack-database.ts';

/** The properties of a nested stack in its parent: template, parameters, tags. */
export function givenToNested(
  world: World,
  parent: Stack,
  definition: Pick<Definition, 'tags' | 'capabilities' | 'roleArn'>,
  properties: JsonObject,
): GivenDefinition {
  const { TemplateURL: url, Parameters: parameters, Tags: own, NotificationARNs: arns } = properties;
  const tags = [...definition.tags, ...((Array.isArray(own) ? own : []) as unknown as Tag[])];
  return {
    body: templateText(world, parent.account, { url: textOf(url) }),
    parameters: members(parameters).map(([key, value]) => ({
      ParameterKey: key,
      ParameterValue: Array.isArray(value) ? value.map(textOf).join(',') : textOf(value),
    })),
    tags: [...new Map(tags.map(({ Key, Value }) => [Key, { Key, Value: textOf(Value) }])).values()],
    notificationArns: Array.isArray(arns) ? arns.map(textOf) : [],
    capabilities: definition.capabilities,
    roleArn: definition.roleArn,
    caller: parent.caller,
    direct: true,
  };
}

/** The nested stack of a resource, created empty if it does not exist. */
export function nestedStackOf(
  world: World,
  parent: Stack,
  logicalId: string,
  physicalId: string | undefined,
): Stack {
  const database = stackDatabase(world, parent.account, parent.region);
  const place = `${parent.id}/${logicalId}`;
  const existing = database.stacks.get(physicalId ?? database.shells.get(place) ?? '');
  if (existing && existing.status !== 'DELETE_COMPLETE') return existing;
  const suffix = world.random.text(12, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789');
  const stack = newStack(
    world,
    parent.account,
    parent.region,
    `${parent.name}-${logicalId}-${suffix}`,
    parent,
  );
  database.add(stack);
  database.shells.set(place, stack.id);
  return stack;
}

/** An operation of a nested stack. */
function runOf({ world, nested }: ResourcePass, stack: Stack, operation: StackOperation): OperationRun {
  return { world, stack, operation, nested };
}

function childOf({ world, stack }: ResourcePass, resource: StackResource): Stack {
  const child = stackDatabase(world, stack.account, stack.region).stacks.get(resource.physicalId);
  if (!child) throw new ResourceFailure(`Stack with id ${resource.physicalId} does not exist`);
  return child;
}

function definitionOf(work: ResourcePass, child: Stack, resource: StackResource): Definition {
  const { world, stack } = work;
  const parent = stack.definition ?? { tags: [], capabilities: [] };
  try {
    const definition = prepareDefinition(
      world,
      child,
      givenToNested(world, stack, parent, resource.properties),
    );
    return withPlannedValues(definition, plannedDefinition(work, child));
  } catch (error) {
    if (error instanceof AwsError) throw new ResourceFailure(error.message);
    throw error;
  }
}

/** The definition in the nested stack's change set, while the parent's change set is executed. */
function plannedDefinition({ world, stack }: ResourcePass, child: Stack): Definition | undefined {
  const { changeSets } = stackDatabase(world, stack.account, stack.region);
  return [...changeSets.values()].find(
    ({ stackId, executionStatus }) => stackId === child.id && executionStatus === 'EXECUTE_IN_PROGRESS',
  )?.definition;
}

/**
 * "When you execute a change set, CloudFormation uses the values that are specified in the change set."
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
 */
function withPlannedValues(definition: Definition, planned: Definition | undefined): Definition {
  if (!planned) return definition;
  const parameters = [...definition.parameters].map(([key, parameter]): [string, typeof parameter] => {
    const { value, resolved } = planned.parameters.get(key) ?? {};
    const isSame = resolved !== undefined && value === parameter.value;
    return [key, isSame ? { ...parameter, resolved } : parameter];
  });
  return { ...definition, parameters: new Map(parameters), references: planned.references };
}

/** The nested stack's operation stops when its parent's does. */
function stopWith(signal: AbortSignal): AbortController {
  const stop = new AbortController();
  const pass = (): void => {
    stop.abort(new OperationStopped('failure'));
  };
  if (signal.aborted) pass();
  else signal.addEventListener('abort', pass, { once: true });
  return stop;
}

async function deployNested(
  work: ResourcePass,
  child: Stack,
  operation: StackOperation,
  definition: Definition,
): Promise<string | undefined> {
  child.undo ??= captureUndo(child);
  child.definition = definition;
  child.deploymentConfig = work.stack.deploymentConfig ?? {};
  const onFailure = work.stack.disableRollback ? 'DO_NOTHING' : 'ROLLBACK';
  return applyDefinition(runOf(work, child, operation), { definition, onFailure }, stopWith(work.signal));
}

/** Nested stacks as resources of their parents: each has its own events, and runs together with its parent. */
export const nestedStacks: NestedStacks = {
  hasChanges: (work, resource) => {
    const child = childOf(work, resource);
    const next = definitionOf(work, child, resource);
    const now = child.definition;
    if (!now) return true;
    const values = (definition: Definition): JsonObject =>
      Object.fromEntries(
        [...definition.parameters].map(([key, { value, resolved }]) => [key, resolved ?? value]),
      );
    return (
      now.template.processed !== next.template.processed ||
      !sameValue(values(now), values(next)) ||
      !sameTags(now.tags, next.tags)
    );
  },

  create: async (work, resource) => {
    const { world, stack } = work;
    const child = nestedStackOf(world, stack, resource.logicalId, undefined);
    const definition = definitionOf(work, child, resource);
    resource.physicalId = child.id;
    const status = resource.status;
    setResourceStatus(work, resource, status, { reason: 'Resource creation Initiated' });
    const operation = beginOperation(world, child, 'CREATE_STACK', work.operation.token);
    setStackStatus({ world, stack: child, operation }, 'CREATE_IN_PROGRESS', 'User Initiated');
    const reason = await deployNested(work, child, operation, definition);
    endOperation(world, operation, reason === undefined);
    if (reason !== undefined) {
      setStackStatus({ world, stack: child, operation }, 'CREATE_FAILED', reason);
      throwIfStopped(work);
      throw new ResourceFailure(`Embedded stack ${child.id} was not successfully created: ${reason}`);
    }
    delete child.undo;
    setStackStatus({ world, stack: child, operation }, 'CREATE_COMPLETE');
  },

  update: async (work, resource) => {
    const { world } = work;
    const child = childOf(work, resource);
    const definition = definitionOf(work, child, resource);
    const operation = beginOperation(world, child, 'UPDATE_STACK', work.operation.token);
    const source = { world, stack: child, operation };
    child.updatedAt = world.clock.now();
    setStackStatus(source, 'UPDATE_IN_PROGRESS', 'User Initiated');
    const reason = await deployNested(work, child, operation, definition);
    endOperation(world, operation, reason === undefined);
    if (reason === undefined) {
      setStackStatus(source, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      return;
    }
    if (work.stack.disableRollback) setStackStatus(source, 'UPDATE_FAILED', reason);
    else beginNestedRollback(work, child, reason);
    throwIfStopped(work);
    throw new ResourceFailure(
      `Embedded stack ${child.id} was not successfully updated. Currently in ${child.status} with reason: ${reason}`,
    );
  },

  revert: async (work, resource) => {
    const child = childOf(work, resource);
    await child.work;
    if (child.undo) {
      beginNestedRollback(work, child);
      await child.work;
    }
    if (child.status === 'UPDATE_ROLLBACK_FAILED') {
      throw new ResourceFailure(
        `Embedded stack ${child.id} was not successfully updated. Currently in UPDATE_ROLLBACK_FAILED with reason: ${child.statusReason ?? ''}`,
      );
    }
  },

  remove: async (work, resource) => {
    const { world, stack } = work;
    const child = stackDatabase(world, stack.account, stack.region).stacks.get(resource.physicalId);
    if (!child || child.status === 'DELETE_COMPLETE') return;
    await child.work;
    const before = child.status;
    const operation = beginOperation(world, child, 'DELETE_STACK', work.operation.token);
    setStackStatus({ world, stack: child, operation }, 'DELETE_IN_PROGRESS', 'User Initiated');
    if (!(await deleteStack(runOf(work, child, operation), { before }))) {
      throw new ResourceFailure(
        `Embedded stack ${child.id} was not successfully deleted: ${child.statusReason ?? ''}`,
      );
    }
  },

  cleanUp: async (work) => {
    const database = stackDatabase(work.world, work.stack.account, work.stack.region);
    const children = [...work.stack.resources.values()].flatMap(
      ({ physicalId }) => database.stacks.get(physicalId) ?? [],
    );
    const waiting = children.filter(({ status }) => status === 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    for (const child of waiting) {
      const operation = child.operations.at(-1);
      if (operation) await cleanUpUpdate(runOf(work, child, operation));
      delete child.undo;
    }
  },
};

function beginNestedRollback(work: ResourcePass, child: Stack, reason?: string): void {
  const { world } = work;
  const operation = beginOperation(world, child, 'ROLLBACK', work.operation.token);
  setStackStatus({ world, stack: child, operation }, 'UPDATE_ROLLBACK_IN_PROGRESS', reason);
  const running = rollBackUpdate(runOf(work, child, operation), skippedIn(work, child)).then(() => {
    delete child.work;
  });
  child.work = running;
  world.run(() => running);
}

/**
 * `Nested.Resource` in a parent's list to skip is `Resource` of the nested stack. Longer paths refer to deeper levels.
 */
function skippedIn({ skip }: ResourcePass, child: Stack): Set<string> {
  const nested = [...(skip ?? [])].filter((name) => name.includes('.'));
  return new Set(
    nested.map((name) => (name.startsWith(`${child.name}.`) ? name.slice(child.name.length + 1) : name)),
  );
}

function throwIfStopped({ signal }: ResourcePass): void {
  if (signal.aborted) throw signal.reason as Error;
}
