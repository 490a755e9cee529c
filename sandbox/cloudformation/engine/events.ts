import type { World } from '../../world.ts';
import { type HookResult, REASON_LIMIT } from './hooks.ts';
import type { OperationType, Stack, StackEvent, StackOperation, StackResource } from './stack.ts';

/** Begins an operation of a stack. Its events have its id and the caller's token. */
export function beginOperation(
  world: World,
  stack: Stack,
  type: OperationType,
  token?: string,
): StackOperation {
  const operation: StackOperation = {
    id: world.newUuid(),
    type,
    startedAt: world.clock.now(),
    status: 'IN_PROGRESS',
    ...(token === undefined ? {} : { token }),
  };
  stack.operations.push(operation);
  return operation;
}

export function endOperation(world: World, operation: StackOperation, succeeded: boolean): void {
  operation.status = succeeded ? 'SUCCEEDED' : 'FAILED';
  operation.endedAt = world.clock.now();
}

/** The common fields of the events of one operation. */
export interface EventSource {
  world: World;
  stack: Stack;
  operation: StackOperation;
}

/** Sets a stack's status and records an event. */
export function setStackStatus(
  source: EventSource,
  status: string,
  reason?: string,
  detailedStatus?: string,
): void {
  const { stack } = source;
  stack.status = status;
  if (reason === undefined) delete stack.statusReason;
  else stack.statusReason = reason;
  record(source, {
    EventId: source.world.newUuid(),
    LogicalResourceId: stack.name,
    PhysicalResourceId: stack.id,
    ResourceType: 'AWS::CloudFormation::Stack',
    ResourceStatus: status,
    ...(reason === undefined ? {} : { ResourceStatusReason: reason }),
    ...(detailedStatus === undefined ? {} : { DetailedStatus: detailedStatus }),
  });
}

export interface ResourceEventDetails {
  reason?: string | undefined;
  /** If it differs from the resource's current one. */
  physicalId?: string;
  detailedStatus?: string;
  /** Events of the cleanup after an update have no properties. */
  bare?: boolean;
}

/** Sets a resource's status and records an event. */
export function setResourceStatus(
  source: EventSource,
  resource: StackResource,
  status: string,
  news: ResourceEventDetails = {},
): void {
  resource.status = status;
  resource.updatedAt = source.world.clock.now();
  if (news.reason === undefined) delete resource.statusReason;
  else resource.statusReason = news.reason;
  record(source, {
    EventId: news.bare
      ? `${resource.logicalId}-${source.world.newUuid()}`
      : eventId(source, resource, status),
    LogicalResourceId: resource.logicalId,
    PhysicalResourceId: news.physicalId ?? resource.physicalId,
    ResourceType: resource.type,
    ResourceStatus: status,
    ...(news.reason === undefined ? {} : { ResourceStatusReason: news.reason }),
    ...(news.bare ? {} : { ResourceProperties: JSON.stringify(resource.shown) }),
    ...(news.detailedStatus === undefined ? {} : { DetailedStatus: news.detailedStatus }),
  });
}

/** The end of a hook invocation, as an event of its resource. */
export function recordHook(source: EventSource, resource: StackResource, { id, rule }: HookResult): void {
  record(source, {
    EventId: source.world.newUuid(),
    LogicalResourceId: resource.logicalId,
    PhysicalResourceId: resource.physicalId,
    ResourceType: resource.type,
    ResourceStatus: resource.status,
    HookType: rule.name,
    HookStatus: 'HOOK_COMPLETE_FAILED',
    HookStatusReason: rule.reason.slice(0, REASON_LIMIT),
    HookFailureMode: rule.mode ?? 'FAIL',
    HookInvocationPoint: 'PRE_PROVISION',
    HookInvocationId: id,
  });
}

const lastStamps = new WeakMap<Stack, Map<string, number>>();

/** `Vpc-CREATE_COMPLETE-2026-01-01T00:00:00.000Z`, unique even if simulated time passes quickly. */
function eventId({ world, stack }: EventSource, resource: StackResource, status: string): string {
  const stamps = lastStamps.get(stack) ?? new Map<string, number>();
  lastStamps.set(stack, stamps);
  const what = `${resource.logicalId}-${status}`;
  const stamp = Math.max(world.clock.now().getTime(), (stamps.get(what) ?? 0) + 1);
  stamps.set(what, stamp);
  return `${what}-${new Date(stamp).toISOString()}`;
}

type OwnFields = Omit<
  StackEvent,
  'StackId' | 'StackName' | 'OperationId' | 'Timestamp' | 'ClientRequestToken'
>;

function record({ world, stack, operation }: EventSource, fields: OwnFields): void {
  const { token } = operation;
  stack.events.push({
    ...fields,
    StackId: stack.id,
    StackName: stack.name,
    OperationId: operation.id,
    Timestamp: world.clock.now(),
    ...(token === undefined ? {} : { ClientRequestToken: token }),
  });
}

const EVENTS_PER_PAGE = 100;

/** A page of events, newest first. The token is a position in the history, so new events do not shift pages. */
export function pageOfEvents<T>(
  events: readonly T[],
  token: string | undefined,
): { page: T[]; next: string | undefined } {
  const end = token === undefined ? events.length : Number(Buffer.from(token, 'base64url').toString());
  const start = Math.max(0, end - EVENTS_PER_PAGE);
  const next = start === 0 ? undefined : Buffer.from(String(start)).toString('base64url');
  return { page: events.slice(start, end).reverse(), next };
}
