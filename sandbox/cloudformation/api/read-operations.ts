import { AwsError, type Call, type Input, type Operation, textOf } from '../../protocols/service.ts';
import { quotaValue } from '../../quotas/service.ts';
import type { World } from '../../world.ts';
import { pageOfEvents } from '../engine/events.ts';
import { hookResults, type HookResult, REASON_LIMIT } from '../engine/hooks.ts';
import { allExports, importersOf } from '../engine/exports.ts';
import type { StackDatabase } from '../engine/stack-database.ts';
import type { Stack, StackEvent, StackOperation, StackResource, ValidationEvent } from '../engine/stack.ts';
import { invalid } from '../errors.ts';
import { describeParameters } from '../templates/parameters.ts';
import { type Features, featuresOf } from './features.ts';
import * as read from './input.ts';
import { changeSetOf, databaseOf, stackToRead } from './lookup.ts';

const ITEMS_PER_PAGE = 100;
/**
 * "If the output exceeds 1 MB in size, a string that identifies the next page of stacks."
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 */
const PAGE_BYTES = 1_000_000;
/** Not documented by AWS. */
const HOOKS_PER_PAGE = 2;

/** The operations that only read. */
export function readOperations(world: World): Record<string, Operation> {
  return {
    DescribeStacks: (input, call) => describeStacks(world, input, call),
    ListStacks: (input, call) => listStacks(world, input, call),
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    DescribeAccountLimits: () => ({
      AccountLimits: [
        { Name: 'StackLimit', Value: quotaValue(world, 'cloudformation', 'L-0485CB21') },
        { Name: 'StackOutputsLimit', Value: 200 },
        { Name: 'ConcurrentResourcesLimit', Value: 2500 },
      ],
    }),
    DescribeStackEvents: (input, call) => {
      const name = read.required(input, 'StackName');
      const stack = databaseOf(world, call).find(name);
      if (!stack || isHidden(world, stack)) throw invalid(`Stack [${name}] does not exist`);
      const { page, next } = pageOfEvents(stack.events, read.optional(input, 'NextToken'));
      return { StackEvents: page.map((event) => visibleEvent(event, featuresOf(world))), NextToken: next };
    },
    DescribeStackResource: (input, call) => {
      const stack = stackToRead(databaseOf(world, call), read.required(input, 'StackName'));
      const id = read.required(input, 'LogicalResourceId');
      const resource = stack.resources.get(id);
      if (!resource) throw invalid(`Resource ${id} does not exist for stack ${stack.name}`);
      const { metadata } = resource.definition;
      return {
        StackResourceDetail: {
          ...describeResource(stack, resource, 'LastUpdatedTimestamp'),
          Metadata: metadata === undefined ? '{}' : JSON.stringify(metadata),
        },
      };
    },
    DescribeStackResources: (input, call) => describeStackResources(world, input, call),
    ListStackResources: (input, call) => {
      const stack = stackToRead(databaseOf(world, call), read.required(input, 'StackName'));
      const { page, next } = read.pageOf(
        resourcesOf(stack),
        read.optional(input, 'NextToken'),
        ITEMS_PER_PAGE,
      );
      const summaries = page.map((resource) => describeResource(stack, resource, 'LastUpdatedTimestamp'));
      return { StackResourceSummaries: summaries, NextToken: next };
    },
    ListExports: (input, call) => {
      const exports = [...allExports(databaseOf(world, call)).values()].sort((a, b) =>
        a.name < b.name ? -1 : 1,
      );
      const { page, next } = read.pageOf(exports, read.optional(input, 'NextToken'), ITEMS_PER_PAGE);
      const items = page.map(({ stack, name, value }) => ({
        ExportingStackId: stack.id,
        Name: name,
        Value: value,
      }));
      return { Exports: items, NextToken: next };
    },
    ListImports: (input, call) => {
      const name = read.required(input, 'ExportName');
      const users = importersOf(databaseOf(world, call), name);
      if (users.length === 0) throw invalid(`Export '${name}' is not imported by any stack.`);
      const { page, next } = read.pageOf(users, read.optional(input, 'NextToken'), ITEMS_PER_PAGE);
      return { Imports: page, NextToken: next };
    },
    ListHookResults: (input, call) => {
      const targetId = read.optional(input, 'TargetId');
      const found = hookResults(world, call).filter((result) => result.targetId === targetId);
      const { page, next } = read.pageOf(found, read.optional(input, 'NextToken'), HOOKS_PER_PAGE);
      return {
        TargetType: read.optional(input, 'TargetType'),
        TargetId: targetId,
        HookResults: page.map(describeHookResult),
        NextToken: next,
      };
    },
    GetHookResult: (input, call) => {
      const id = read.required(input, 'HookResultId');
      const result = hookResults(world, call).find((candidate) => candidate.id === id);
      if (!result) throw new AwsError('HookResultNotFound', `Hook result ${id} does not exist`, 404);
      const { annotations = [] } = result.rule;
      return {
        ...describeHookResult(result),
        Target: { TargetType: 'RESOURCE', TargetTypeName: result.targetType, TargetId: result.targetId },
        Annotations: annotations.map(({ name, status, message, remedy, link, severity }) => ({
          AnnotationName: name,
          Status: status,
          StatusMessage: message,
          RemediationMessage: remedy,
          RemediationLink: link,
          SeverityLevel: severity,
        })),
      };
    },
  };
}

function describeHookResult({ id, rule }: HookResult): object {
  return {
    HookResultId: id,
    InvocationPoint: 'PRE_PROVISION',
    FailureMode: rule.mode ?? 'FAIL',
    TypeName: rule.name,
    Status: 'HOOK_COMPLETE_FAILED',
    HookStatusReason: rule.reason.slice(0, REASON_LIMIT),
  };
}

/** In AWS, a nested stack may not be found just after its row appears in the events of its parent. */
function isHidden(world: World, stack: Stack): boolean {
  if (stack.parentId === undefined) return false;
  const reads = world.store('', '', 'hidden-nested-reads', () => new Map<string, number>());
  const count = (reads.get(stack.id) ?? 0) + 1;
  reads.set(stack.id, count);
  return count <= featuresOf(world).hiddenNestedReads;
}

function visibleEvent(event: StackEvent, features: Features): Partial<StackEvent> {
  if (features.eventTokens) return event;
  const rest: Partial<StackEvent> = { ...event };
  delete rest.ClientRequestToken;
  return rest;
}

function describeStacks(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const name = read.optional(input, 'StackName');
  const features = featuresOf(world);
  if (name !== undefined) return { Stacks: [describeStack(stackToRead(database, name), features)] };
  const token = read.optional(input, 'NextToken');
  const { page } = read.pageOf(database.active(), token, ITEMS_PER_PAGE);
  const described: object[] = [];
  let size = 0;
  for (const stack of page) {
    const description = describeStack(stack, features);
    size += JSON.stringify(description).length;
    if (described.length > 0 && size > PAGE_BYTES) break;
    described.push(description);
  }
  return { Stacks: described, NextToken: read.pageOf(database.active(), token, described.length).next };
}

/** Just after an execution, AWS may still return the previous status. */
function visibleStatus(stack: Stack): string {
  const { stale } = stack;
  if (!stale || stale.reads <= 0) return stack.status;
  stale.reads -= 1;
  return stale.status;
}

function describeStack(stack: Stack, features: Features): object {
  const { definition } = stack;
  const status = visibleStatus(stack);
  return {
    StackId: stack.id,
    StackName: stack.name,
    ChangeSetId: stack.changeSetId,
    Description: definition?.template.description,
    Parameters: definition && describeParameters(definition.parameters),
    CreationTime: stack.createdAt,
    DeletionTime: stack.deletedAt,
    LastUpdatedTime: stack.updatedAt,
    RollbackConfiguration: definition?.rollbackConfiguration ?? {},
    StackStatus: status,
    StackStatusReason: status === stack.status ? stack.statusReason : undefined,
    DisableRollback: stack.disableRollback,
    DeploymentConfig: stack.deploymentConfig?.Mode === undefined ? undefined : stack.deploymentConfig,
    NotificationARNs: definition?.notificationArns ?? [],
    TimeoutInMinutes: stack.timeoutMinutes,
    Capabilities: definition?.capabilities.length ? definition.capabilities : undefined,
    Outputs: stack.outputs.length > 0 ? stack.outputs : undefined,
    RoleARN: definition?.roleArn,
    Tags: definition?.tags ?? [],
    EnableTerminationProtection: stack.terminationProtection,
    ParentId: stack.parentId,
    RootId: stack.rootId,
    DriftInformation: { StackDriftStatus: stack.driftStatus, LastCheckTimestamp: stack.driftCheckedAt },
    RetainExceptOnCreate: stack.retainExceptOnCreate || undefined,
    DeletionMode: stack.deletionMode,
    LastOperations: features.lastOperations ? lastOperations(stack) : undefined,
  };
}

/** The last operation, and after a rollback also the operation that was rolled back; newest first. */
function lastOperations(stack: Stack): object[] | undefined {
  const operations = stack.operations.filter(({ type }) => type !== 'CREATE_CHANGESET');
  const start = operations.findLastIndex(({ type }) => type !== 'ROLLBACK' && type !== 'CONTINUE_ROLLBACK');
  const last = operations.slice(Math.max(0, start)).reverse();
  return last.length === 0
    ? undefined
    : last.map(({ type, id }) => ({ OperationType: type, OperationId: id }));
}

function listStacks(world: World, input: Input, call: Call): object {
  const wanted = read.texts(input, 'StackStatusFilter') ?? [];
  const stacks = [...databaseOf(world, call).stacks.values()]
    .filter(({ status }) => wanted.length === 0 || wanted.includes(status))
    .reverse();
  const { page, next } = read.pageOf(stacks, read.optional(input, 'NextToken'), ITEMS_PER_PAGE);
  const summaries = page.map((stack) => ({
    StackId: stack.id,
    StackName: stack.name,
    TemplateDescription: stack.definition?.template.description,
    CreationTime: stack.createdAt,
    LastUpdatedTime: stack.updatedAt,
    DeletionTime: stack.deletedAt,
    StackStatus: stack.status,
    StackStatusReason: stack.statusReason,
    ParentId: stack.parentId,
    RootId: stack.rootId,
    DriftInformation: { StackDriftStatus: stack.driftStatus, LastCheckTimestamp: stack.driftCheckedAt },
    LastOperations: featuresOf(world).lastOperations ? lastOperations(stack) : undefined,
  }));
  return { StackSummaries: summaries, NextToken: next };
}

function describeStackResources(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const physicalId = read.optional(input, 'PhysicalResourceId');
  const name = read.optional(input, 'StackName');
  const stack =
    name === undefined
      ? database
          .active()
          .find(({ resources }) =>
            [...resources.values()].some((resource) => resource.physicalId === physicalId),
          )
      : stackToRead(database, name);
  if (!stack) throw invalid(`Stack for ${String(physicalId)} does not exist`);
  const id = read.optional(input, 'LogicalResourceId');
  const resources = resourcesOf(stack).filter(({ logicalId }) => id === undefined || logicalId === id);
  if (id !== undefined && resources.length === 0)
    throw invalid(`Resource ${id} does not exist for stack ${stack.name}`);
  return {
    StackResources: resources
      .slice(0, ITEMS_PER_PAGE)
      .map((resource) => describeResource(stack, resource, 'Timestamp')),
  };
}

/** Sorted by name, as in AWS. */
function resourcesOf(stack: Stack): StackResource[] {
  return [...stack.resources.values()].sort((one, other) => (one.logicalId < other.logicalId ? -1 : 1));
}

function describeResource(
  stack: Stack,
  resource: StackResource,
  timeField: 'Timestamp' | 'LastUpdatedTimestamp',
): object {
  return {
    StackName: stack.name,
    StackId: stack.id,
    LogicalResourceId: resource.logicalId,
    PhysicalResourceId: resource.physicalId === '' ? undefined : resource.physicalId,
    ResourceType: resource.type,
    [timeField]: resource.updatedAt,
    ResourceStatus: resource.status,
    ResourceStatusReason: resource.statusReason,
    DriftInformation: {
      StackResourceDriftStatus: resource.drift?.status ?? 'NOT_CHECKED',
      LastCheckTimestamp: resource.drift?.checkedAt,
    },
  };
}

/** DescribeEvents: events by operation, with the findings of early validation. */
export function eventOperations(world: World): Record<string, Operation> {
  return { DescribeEvents: (input, call) => describeEvents(world, input, call) };
}

function describeEvents(world: World, input: Input, call: Call): object {
  if (!featuresOf(world).describeEvents) {
    throw new AwsError('InternalFailure', 'The DescribeEvents action has not been implemented', 500);
  }
  const database = databaseOf(world, call);
  const { stack, operations } = chosen(database, input);
  const failedOnly = textOf((input.Filters as Input | undefined)?.FailedEvents) === 'true';
  const validations = validationsByOperation(database, stack);
  const own = eventsByOperation(stack, operations);
  const events = operations
    .flatMap((operation) =>
      eventsOf(
        stack,
        operation,
        validations.get(operation.id) ?? operation.validations ?? [],
        own.get(operation.id) ?? [],
      ),
    )
    .filter((event) => !failedOnly || isFailed(event));
  const { page, next } = pageOfEvents(events, read.optional(input, 'NextToken'));
  return { OperationEvents: page, NextToken: next };
}

/** The requested operations: those of a change set, a single one, or all of a stack. */
function chosen(database: StackDatabase, input: Input): { stack: Stack; operations: StackOperation[] } {
  const [name, set, id] = ['StackName', 'ChangeSetName', 'OperationId'].map((field) =>
    read.optional(input, field),
  );
  if (set !== undefined) {
    const changeSet = changeSetOf(database, set, name);
    const stack = stackToRead(database, changeSet.stackId);
    return {
      stack,
      operations: stack.operations.filter((operation) => operation.id === changeSet.operationId),
    };
  }
  if (id !== undefined) {
    const stack = [...database.stacks.values()].find(({ operations }) =>
      operations.some((operation) => operation.id === id),
    );
    if (!stack) throw invalid(`Operation with id ${id} does not exist`);
    return { stack, operations: stack.operations.filter((operation) => operation.id === id) };
  }
  if (name === undefined) throw invalid('One of ChangeSetName, OperationId or StackName must be specified.');
  const stack = stackToRead(database, name);
  return { stack, operations: stack.operations };
}

function validationsByOperation(
  database: StackDatabase,
  stack: Stack,
): Map<string, readonly ValidationEvent[]> {
  return new Map(
    database.changeSetsOf(stack).map((changeSet) => [changeSet.operationId, changeSet.validations]),
  );
}

function eventsByOperation(stack: Stack, operations: readonly StackOperation[]): Map<string, StackEvent[]> {
  const events = new Map(operations.map(({ id }): [string, StackEvent[]] => [id, []]));
  for (const event of stack.events) events.get(event.OperationId)?.push(event);
  return events;
}

interface OperationEvent {
  EventType: string;
  [field: string]: unknown;
}

function eventsOf(
  stack: Stack,
  operation: StackOperation,
  validations: readonly ValidationEvent[],
  own: readonly StackEvent[],
): OperationEvent[] {
  const common = {
    StackId: stack.id,
    OperationId: operation.id,
    OperationType: operation.type,
    OperationStatus: operation.status,
    ClientRequestToken: operation.token,
  };
  return [
    { ...common, ...bound(operation, 'IN_PROGRESS') },
    ...validations.map((event) => ({ ...common, ...event, EventType: 'VALIDATION_ERROR' })),
    ...own.map((event) => ({ ...common, ...resourceEvent(stack, event) })),
    ...(operation.endedAt ? [{ ...common, ...bound(operation, operation.status) }] : []),
  ];
}

/** The start and end of an operation. */
function bound(operation: StackOperation, status: string): OperationEvent {
  return {
    EventId: `${operation.id}-${status}`,
    EventType: 'STACK_EVENT',
    OperationStatus: status,
    Timestamp: status === 'IN_PROGRESS' ? operation.startedAt : operation.endedAt,
    StartTime: operation.startedAt,
    EndTime: status === 'IN_PROGRESS' ? undefined : operation.endedAt,
  };
}

function resourceEvent(stack: Stack, event: StackEvent): OperationEvent {
  const { StackName, ...fields } = event;
  const failed = fields.ResourceStatus.endsWith('_FAILED');
  const ofStack = fields.PhysicalResourceId === stack.id && fields.LogicalResourceId === StackName;
  return { ...fields, EventType: ofStack ? 'STACK_EVENT' : failed ? 'PROVISIONING_ERROR' : 'PROGRESS_EVENT' };
}

function isFailed(event: OperationEvent): boolean {
  const { EventType: type, ResourceStatus: status } = event;
  return (
    type === 'VALIDATION_ERROR' ||
    type === 'PROVISIONING_ERROR' ||
    (typeof status === 'string' && status.endsWith('_FAILED'))
  );
}
