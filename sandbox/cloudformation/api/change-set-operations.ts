import type { Call, Input, Operation } from '../../protocols/service.ts';
import { AwsError } from '../../protocols/service.ts';
import { requireRoomForStack } from '../../quotas/room.ts';
import type { World } from '../../world.ts';
import type { ChangeSet } from '../change-sets/change-set.ts';
import { createChangeSet, deleteChangeSet, startReview } from '../change-sets/creation.ts';
import {
  CHANGES_PER_PAGE,
  describeChanges,
  describeHead,
  missingExportWarning,
  summarize,
  incompleteDataWarning,
} from '../change-sets/view.ts';
import { prepareDefinition } from '../engine/definition.ts';
import type { DeploymentRequest } from '../engine/deployment.ts';
import { startDeployment } from '../engine/engine.ts';
import { invalid } from '../errors.ts';
import { featuresOf } from './features.ts';
import * as read from './input.ts';
import {
  recordCaller,
  changeSetOf,
  databaseOf,
  isRepeated,
  requireDeploymentMode,
  requireKeptFailures,
  requireUpdatable,
  stackToChange,
} from './lookup.ts';
import type { Stack } from '../engine/stack.ts';
import { newStack } from '../engine/stack.ts';
import { givenDefinition, newStackName } from './stack-operations.ts';
import type { StackDatabase } from '../engine/stack-database.ts';

const NAME = '[a-zA-Z][-a-zA-Z0-9]*';
const SETS_PER_PAGE = 100;

/** The operations on change sets. */
export function changeSetOperations(world: World): Record<string, Operation> {
  return {
    CreateChangeSet: (input, call) => create(world, input, call),
    DescribeChangeSet: (input, call) => describe(world, input, call),
    ExecuteChangeSet: (input, call) => execute(world, input, call),
    DeleteChangeSet: (input, call) => remove(world, input, call),
    ListChangeSets: (input, call) => {
      const database = databaseOf(world, call);
      const stack = stackToChange(database, read.required(input, 'StackName'));
      const waiting = database
        .changeSetsOf(stack)
        .filter(({ executionStatus }) => !executionStatus.startsWith('EXECUTE_'));
      const { page, next } = read.pageOf(waiting, read.optional(input, 'NextToken'), SETS_PER_PAGE);
      return { Summaries: page.map(summarize), NextToken: next };
    },
    DescribeChangeSetHooks: (input, call) => {
      const changeSet = found(world, input, call);
      return {
        ChangeSetId: changeSet.id,
        ChangeSetName: changeSet.name,
        StackId: changeSet.stackId,
        StackName: changeSet.stackName,
        Status: 'PLANNED',
        Hooks: [],
      };
    },
  };
}

function found(world: World, input: Input, call: Call): ChangeSet {
  return changeSetOf(
    databaseOf(world, call),
    read.required(input, 'ChangeSetName'),
    read.optional(input, 'StackName'),
  );
}

function create(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const name = read.matching(input, 'ChangeSetName', NAME);
  const stackName = newStackName(input);
  const type = read.choice(input, 'ChangeSetType', ['CREATE', 'UPDATE', 'IMPORT']) ?? 'UPDATE';
  if (type === 'IMPORT')
    throw invalid('The sandbox does not import resources: ChangeSetType IMPORT is not supported.');
  const existing = database.find(stackName);
  const clientToken = read.optional(input, 'ClientToken');
  const same = existing && repeated(database, existing, name, clientToken);
  if (same) return { Id: same.id, StackId: same.stackId };
  const stack =
    type === 'CREATE'
      ? stackToCreate(world, call, existing, stackName, name)
      : stackToChange(database, stackName);
  if (type === 'UPDATE') requireUpdatable(stack);
  const features = featuresOf(world);
  const given = givenDefinition(world, input, call, false);
  if (given.body === undefined && !read.flag(input, 'UsePreviousTemplate')) {
    throw invalid('Either Template URL or Template Body must be specified.');
  }
  const includeNestedStacks = read.flag(input, 'IncludeNestedStacks');
  const deploymentMode = read.choice(input, 'DeploymentMode', ['REVERT_DRIFT']);
  if (deploymentMode !== undefined && includeNestedStacks) {
    throw invalid('IncludeNestedStacks cannot be used with DeploymentMode REVERT_DRIFT.');
  }
  const definition = prepareDefinition(world, stack, given);
  const onStackFailure = read.choice(input, 'OnStackFailure', ['ROLLBACK', 'DO_NOTHING', 'DELETE']);
  if (onStackFailure === 'DELETE' && type !== 'CREATE') {
    throw invalid('OnStackFailure DELETE is only valid when ChangeSetType is CREATE.');
  }
  const deploymentConfig = read.deploymentConfigOf(input, features.express);
  requireDeploymentMode(stack, deploymentConfig);
  const isNew = !database.stacks.has(stack.id);
  if (isNew) database.add(stack);
  const changeSet = createChangeSet(world, stack, {
    name,
    type,
    definition,
    description: read.optional(input, 'Description'),
    clientToken,
    includeNestedStacks,
    importExisting: read.flag(input, 'ImportExistingResources'),
    onStackFailure,
    deploymentMode: features.revertDrift ? deploymentMode : undefined,
    deploymentConfig,
    disableValidation: read.flag(input, 'DisableValidation'),
  });
  if (isNew) startReview(world, stack, changeSet.operationId);
  return { Id: changeSet.id, StackId: stack.id };
}

/** The change set that an earlier attempt of this request created. Throws if another change set has its name. */
function repeated(
  database: StackDatabase,
  stack: Stack,
  name: string,
  token: string | undefined,
): ChangeSet | undefined {
  const same = database
    .changeSetsOf(stack)
    .find((changeSet) => changeSet.name === name && !changeSet.executionStatus.startsWith('EXECUTE_'));
  if (!same || (token !== undefined && same.clientToken === token)) return same;
  throw new AwsError('AlreadyExistsException', `ChangeSet [${name}] already exists`);
}

function stackToCreate(
  world: World,
  call: Call,
  existing: Stack | undefined,
  stackName: string,
  name: string,
): Stack {
  if (existing?.status === 'REVIEW_IN_PROGRESS') return existing;
  if (existing) {
    throw invalid(
      `Stack [${stackName}] already exists and cannot be created again with the changeSet [${name}].`,
    );
  }
  requireRoomForStack(world, call.account, call.region);
  return newStack(world, call.account, call.region, stackName);
}

function describe(world: World, input: Input, call: Call): object {
  const changeSet = found(world, input, call);
  const features = featuresOf(world);
  const values = read.flag(input, 'IncludePropertyValues') && features.propertyValues;
  const all = describeChanges(changeSet, { values, comparedAt: changeSet.createdAt });
  const dropped = values && features.incompleteValues ? all.splice(0, 1) : [];
  const { page, next } = read.pageOf(all, read.optional(input, 'NextToken'), CHANGES_PER_PAGE);
  const [first] = changeSet.plan.changes;
  const lacking =
    dropped.length > 0 && first
      ? incompleteDataWarning(`Logical Id: ${first.logicalId}, failed property validation`)
      : undefined;
  const head = describeHead(changeSet);
  return {
    ...head,
    StatusReason: head.StatusReason ?? (values ? (lacking ?? missingExportWarning(changeSet)) : undefined),
    Changes: page,
    NextToken: next,
  };
}

function execute(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const changeSet = found(world, input, call);
  const stack = stackToChange(database, changeSet.stackId);
  const token = read.optional(input, 'ClientRequestToken');
  if (isRepeated(database, stack, token, `ExecuteChangeSet ${changeSet.id}`)) return {};
  requireExecutable(changeSet);
  if (stack.status !== 'REVIEW_IN_PROGRESS') requireUpdatable(stack);
  if (changeSet.parentId !== undefined) {
    throw invalid(`ChangeSet [${changeSet.id}] is a nested change set. Execute the root change set instead.`);
  }
  const before = stack.status;
  const onFailure = failureMode(input, changeSet);
  requireDeploymentMode(stack, changeSet.deploymentConfig);
  requireKeptFailures(stack, onFailure);
  stack.deploymentConfig = changeSet.deploymentConfig ?? {};
  stack.retainExceptOnCreate = read.flag(input, 'RetainExceptOnCreate');
  stack.changeSetId = changeSet.id;
  stack.updatedAt = world.clock.now();
  for (const other of database.changeSetsOf(stack))
    if (other !== changeSet) deleteChangeSet(world, stack, other);
  const executed = withNested(database, changeSet);
  for (const each of executed) each.executionStatus = 'EXECUTE_IN_PROGRESS';
  recordCaller(stack, call);
  startDeployment(world, stack, before === 'REVIEW_IN_PROGRESS' ? 'CREATE_STACK' : 'UPDATE_STACK', {
    definition: changeSet.definition,
    token,
    onFailure,
    revertDrift: changeSet.deploymentMode === 'REVERT_DRIFT',
    importExisting: changeSet.importExisting,
    onEnd: (succeeded) => {
      for (const each of executed) each.executionStatus = succeeded ? 'EXECUTE_COMPLETE' : 'EXECUTE_FAILED';
    },
  });
  const reads = featuresOf(world).staleReads;
  if (reads > 0) stack.stale = { status: before, reads };
  return {};
}

function requireExecutable(changeSet: ChangeSet): void {
  const { id, status, executionStatus } = changeSet;
  if (status !== 'CREATE_COMPLETE') {
    throw new AwsError(
      'InvalidChangeSetStatus',
      `ChangeSet [${id}] cannot be executed in its current status of [${status}]`,
    );
  }
  if (executionStatus !== 'AVAILABLE') {
    throw new AwsError(
      'InvalidChangeSetStatus',
      `ChangeSet [${id}] cannot be executed in its current execution status of [${executionStatus}]`,
    );
  }
}

function withNested(database: StackDatabase, changeSet: ChangeSet): ChangeSet[] {
  const nested = [...changeSet.nested.values()].flatMap((id) => database.changeSets.get(id) ?? []);
  return [changeSet, ...nested.flatMap((child) => withNested(database, child))];
}

function failureMode(input: Input, changeSet: ChangeSet): DeploymentRequest['onFailure'] {
  const { onStackFailure, deploymentConfig } = changeSet;
  if (input.DisableRollback === undefined) {
    return onStackFailure ?? (read.keepsFailures(deploymentConfig) ? 'DO_NOTHING' : 'ROLLBACK');
  }
  if (onStackFailure !== undefined) {
    throw invalid(
      'DisableRollback cannot be specified for a change set that was created with OnStackFailure.',
    );
  }
  return read.flag(input, 'DisableRollback') ? 'DO_NOTHING' : 'ROLLBACK';
}

function remove(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const name = read.required(input, 'ChangeSetName');
  let changeSet: ChangeSet;
  try {
    changeSet = changeSetOf(database, name, read.optional(input, 'StackName'));
  } catch (error) {
    if (error instanceof AwsError && error.code === 'ChangeSetNotFound') return {};
    throw error;
  }
  if (changeSet.executionStatus === 'EXECUTE_IN_PROGRESS') {
    throw new AwsError(
      'InvalidChangeSetStatus',
      `ChangeSet [${changeSet.id}] cannot be deleted in its current execution status of [${changeSet.executionStatus}]`,
    );
  }
  const stack = database.stacks.get(changeSet.stackId);
  if (stack) deleteChangeSet(world, stack, changeSet);
  return {};
}
