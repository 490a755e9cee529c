import { hookFailure, invokeOnChangeSet } from '../engine/hooks.ts';
import { AwsError } from '../../protocols/service.ts';
import { partitionOf, type World } from '../../world.ts';
import { planChanges } from './plan.ts';
import type { ChangeSet, ChangePlan } from './change-set.ts';
import type { GivenDefinition } from '../engine/definition.ts';
import { prepareDefinition } from '../engine/definition.ts';
import { validateEarly, validationFailure } from './early-validation.ts';
import { beginOperation, endOperation, setStackStatus } from '../engine/events.ts';
import type { JsonObject } from '../json.ts';
import { givenToNested, nestedStackOf } from '../engine/nested.ts';
import type { Definition, Stack } from '../engine/stack.ts';
import { NO_DEFINITION } from '../engine/stack.ts';
import { stackDatabase } from '../engine/stack-database.ts';
import { EMPTY_PLAN } from './change-set.ts';

export interface ChangeSetRequest {
  name: string;
  type: 'CREATE' | 'UPDATE';
  definition: Definition;
  description?: string | undefined;
  clientToken?: string | undefined;
  includeNestedStacks: boolean;
  importExisting: boolean;
  onStackFailure?: ChangeSet['onStackFailure'];
  deploymentMode?: string | undefined;
  deploymentConfig?: ChangeSet['deploymentConfig'];
  disableValidation: boolean;
  parent?: ChangeSet;
}

/** Durations of creating a change set, in simulated seconds. */
const PENDING_SECONDS = 1;
const PLANNING_SECONDS = 2;
const NO_CHANGES =
  "The submitted information didn't contain changes. Submit different information to create a change set.";
/** AWS's message for a template with a transform. */
const NO_UPDATES = 'No updates are to be performed.';

/** Starts to create a change set, which completes or fails later. */
export function createChangeSet(world: World, stack: Stack, request: ChangeSetRequest): ChangeSet {
  const changeSet = newChangeSet(world, stack, request);
  world.run(async () => {
    await world.clock.sleep(PENDING_SECONDS);
    changeSet.status = 'CREATE_IN_PROGRESS';
    await world.clock.sleep(PLANNING_SECONDS);
    complete(world, stack, changeSet, request);
  });
  return changeSet;
}

function newChangeSet(world: World, stack: Stack, request: ChangeSetRequest): ChangeSet {
  const { account, region } = stack;
  const partition = partitionOf(region).id;
  const { parent, description, clientToken, onStackFailure, deploymentMode, deploymentConfig } = request;
  const operation = beginOperation(world, stack, 'CREATE_CHANGESET', clientToken);
  const changeSet: ChangeSet = {
    id: `arn:${partition}:cloudformation:${region}:${account}:changeSet/${request.name}/${world.newUuid()}`,
    name: request.name,
    stackId: stack.id,
    stackName: stack.name,
    type: request.type,
    status: 'CREATE_PENDING',
    executionStatus: 'UNAVAILABLE',
    createdAt: world.clock.now(),
    definition: request.definition,
    plan: EMPTY_PLAN,
    validations: [],
    operationId: operation.id,
    includeNestedStacks: request.includeNestedStacks,
    importExisting: request.importExisting,
    nested: new Map(),
    ...(parent ? { parentId: parent.id, rootId: parent.rootId ?? parent.id } : {}),
    ...(description === undefined ? {} : { description }),
    ...(clientToken === undefined ? {} : { clientToken }),
    ...(onStackFailure === undefined ? {} : { onStackFailure }),
    ...(deploymentMode === undefined ? {} : { deploymentMode }),
    ...(deploymentConfig === undefined ? {} : { deploymentConfig }),
  };
  stackDatabase(world, account, region).changeSets.set(changeSet.id, changeSet);
  return changeSet;
}

/** Plans the changes and the nested change sets, and runs the early checks. */
function complete(world: World, stack: Stack, changeSet: ChangeSet, request: ChangeSetRequest): void {
  end(world, stack, changeSet, planAndCheck(world, stack, changeSet, request));
}

function end(world: World, stack: Stack, changeSet: ChangeSet, failure: string | undefined): void {
  const operation = stack.operations.find(({ id }) => id === changeSet.operationId);
  changeSet.status = failure === undefined ? 'CREATE_COMPLETE' : 'FAILED';
  changeSet.executionStatus = failure === undefined ? 'AVAILABLE' : 'UNAVAILABLE';
  if (failure !== undefined) changeSet.statusReason = failure;
  if (operation) endOperation(world, operation, failure === undefined);
}

function planAndCheck(
  world: World,
  stack: Stack,
  changeSet: ChangeSet,
  request: ChangeSetRequest,
): string | undefined {
  const nested = new Map<string, ChangeSet>();
  try {
    const { definition } = changeSet;
    changeSet.plan = planChanges(world, stack, definition, {
      revertDrift: changeSet.deploymentMode === 'REVERT_DRIFT',
      importExisting: changeSet.importExisting,
      nested: changeSet.includeNestedStacks
        ? (logicalId, properties) => {
            const child = planNested(world, stack, changeSet, request, logicalId, properties);
            if (child) nested.set(logicalId, child);
            return child?.id;
          }
        : undefined,
    });
  } catch (error) {
    if (error instanceof AwsError) return error.message;
    throw error;
  }
  changeSet.nested = new Map([...nested].map(([logicalId, { id }]) => [logicalId, id]));
  changeSet.validations = request.disableValidation ? [] : validateEarly(world, stack, changeSet.plan);
  const broken = [...nested.values()].find(({ status }) => status === 'FAILED');
  if (broken) return `Nested change set ${broken.id} was not successfully created: Currently in FAILED.`;
  const hooks = hookFailure(invokeOnChangeSet(world, stack, changeSet.id));
  return validationFailure(changeSet.validations) ?? hooks ?? emptiness(changeSet.plan, changeSet);
}

function emptiness(plan: ChangePlan, { definition }: ChangeSet): string | undefined {
  if (plan.changes.length > 0 || plan.others) return undefined;
  return definition.template.transforms.length > 0 ? NO_UPDATES : NO_CHANGES;
}

/** The change set of a nested stack, or undefined if it has no changes. */
function planNested(
  world: World,
  parent: Stack,
  parentSet: ChangeSet,
  request: ChangeSetRequest,
  logicalId: string,
  properties: JsonObject,
): ChangeSet | undefined {
  const existing = parent.resources.get(logicalId);
  const physicalId = existing?.physicalId === '' ? undefined : existing?.physicalId;
  const child = nestedStackOf(world, parent, logicalId, physicalId);
  const type = child.definition ? 'UPDATE' : 'CREATE';
  const prepared = tryPrepare(world, child, () =>
    givenToNested(world, parent, parentSet.definition, properties),
  );
  const definition = prepared instanceof AwsError ? (child.definition ?? NO_DEFINITION) : prepared;
  const name = `${parentSet.name.slice(0, 80)}-${logicalId.slice(0, 24)}-${world.random.text(12)}`;
  const childRequest: ChangeSetRequest = { ...request, name, type, definition, parent: parentSet };
  delete childRequest.clientToken;
  const changeSet = newChangeSet(world, child, childRequest);
  if (type === 'CREATE' && child.events.length === 0) startReview(world, child, changeSet.operationId);
  if (prepared instanceof AwsError) end(world, child, changeSet, prepared.message);
  else complete(world, child, changeSet, childRequest);
  const unchanged = [NO_CHANGES, NO_UPDATES].includes(changeSet.statusReason ?? '');
  if (unchanged) stackDatabase(world, child.account, child.region).changeSets.delete(changeSet.id);
  return unchanged ? undefined : changeSet;
}

/** The new definition of a nested stack, or the error in its template or parameters. */
function tryPrepare(world: World, child: Stack, given: () => GivenDefinition): Definition | AwsError {
  try {
    return prepareDefinition(world, child, { ...given(), direct: false });
  } catch (error) {
    if (error instanceof AwsError) return error;
    throw error;
  }
}

/** A stack that waits for the execution of its first change set. */
export function startReview(world: World, stack: Stack, operationId: string): void {
  const operation = stack.operations.find(({ id }) => id === operationId);
  if (operation) setStackStatus({ world, stack, operation }, 'REVIEW_IN_PROGRESS', 'User Initiated');
}

/** Deletes a change set and those of nested stacks. */
export function deleteChangeSet(world: World, stack: Stack, changeSet: ChangeSet): void {
  const database = stackDatabase(world, stack.account, stack.region);
  for (const id of changeSet.nested.values()) {
    const child = database.changeSets.get(id);
    if (child) deleteChangeSet(world, stack, child);
  }
  database.changeSets.delete(changeSet.id);
}
