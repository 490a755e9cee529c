import type { Call, Input, Operation } from '../service.ts';
import { AwsError, textOf } from '../service.ts';
import type { World } from '../world.ts';
import { pageOfEvents } from './events.ts';
import { invalid } from './failures.ts';
import { featuresOf } from './features.ts';
import * as read from './input.ts';
import { changeSetOf, databaseOf, stackToRead } from './lookup.ts';
import type { Stack, StackEvent, StackOperation, ValidationEvent } from './stack.ts';
import type { StackDatabase } from './stack-database.ts';

/** DescribeEvents: what happened, by operation, with what early validation found. */
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

/** The operations that a request asks about: of one change set, one alone, or all of a stack. */
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

/** The begin and the end of an operation. */
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
