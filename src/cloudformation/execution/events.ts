import { DescribeStackEventsCommand, type StackEvent } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { isFailed, isRollback } from '../stack.ts';
import { type CloudFormationContext, malformedResponse } from '../context.ts';
import { STACK_TYPE } from '../stack.ts';

/** One event of a stack. Times are AWS's, in ms since the epoch. */
export interface ResourceEvent {
  id: string;
  stackId: string;
  logicalId: string;
  physicalId: string;
  type: string;
  status: string;
  reason?: string;
  token?: string;
  operationId?: string;
  /** The hook that rejected the resource; the failure event has only the hook's name. */
  hook?: HookRejection;
  at: number;
}

/** Why a hook rejected a resource. */
interface HookRejection {
  type: string;
  /** Truncated after 1024 characters; GetHookResult has the whole reason. */
  reason: string;
  resultId?: string;
}

/** Where a reader stops: at a known event, or at the first one before a time on AWS's clock. */
interface ReadFrom {
  eventId?: string;
  sinceMs?: number;
}

/**
 * Reads each event of a stack once. Every read goes back from the newest event to the last one seen, so a page is not read
 * again without new events.
 */
export class EventReader {
  readonly #context: CloudFormationContext;
  readonly #stackId: string;
  readonly #sinceMs: number;
  #lastSeen: string | undefined;

  constructor(context: CloudFormationContext, stackId: string, from: ReadFrom = {}) {
    this.#context = context;
    this.#stackId = stackId;
    this.#lastSeen = from.eventId;
    this.#sinceMs = from.sinceMs ?? -Infinity;
  }

  /** The events since the last read, oldest first. */
  async read(): Promise<ResourceEvent[]> {
    // New events shift the pages, so one event may be read twice.
    const found = new Map<string, ResourceEvent>();
    for await (const page of pages(this.#context, this.#stackId)) {
      const fresh = page.slice(0, firstKnown(page, this.#lastSeen, this.#sinceMs));
      for (const event of fresh) found.set(event.id, event);
      if (fresh.length < page.length) break;
    }
    const events = [...found.values()];
    this.#lastSeen = events[0]?.id ?? this.#lastSeen;
    return events.reverse();
  }
}

function firstKnown(page: readonly ResourceEvent[], lastSeen: string | undefined, sinceMs: number): number {
  const index = page.findIndex((event) => event.id === lastSeen || event.at < sinceMs);
  return index < 0 ? page.length : index;
}

/** The newest event of a stack: later events belong to operations that start from now on. */
export async function newestEvent(
  context: CloudFormationContext,
  stackId: string,
): Promise<ResourceEvent | undefined> {
  for await (const page of pages(context, stackId)) return page[0];
  return undefined;
}

/** The clients that have permission to read events. */
const readers = new WeakSet<CloudFormationContext['client']>();

/**
 * Reads events once per client, so that a missing permission is detected before an operation is started.
 *
 * @returns the newest event of the stack, if it was read.
 * @throws AwsError if the role may not read events.
 */
export async function requireEventAccess(
  context: CloudFormationContext,
  stackId: string,
): Promise<ResourceEvent | undefined> {
  if (readers.has(context.client)) return undefined;
  const newest = await newestEvent(context, stackId);
  readers.add(context.client);
  return newest;
}

/**
 * The stack's last own event before its deletion. Another caller may already have started or finished the deletion, to which
 * the newest event then belongs.
 */
export async function lastBeforeDeletion(
  context: CloudFormationContext,
  stackId: string,
): Promise<ResourceEvent | undefined> {
  for await (const page of pages(context, stackId)) {
    const found = page.find(
      (event) => isOwnRow(event) && !['DELETE_IN_PROGRESS', 'DELETE_COMPLETE'].includes(event.status),
    );
    if (found) return found;
  }
  return undefined;
}

/** The start of an operation in the events of a stack. */
interface OperationStart {
  /** The stack's own event that started it. */
  event: ResourceEvent;
  /** The event before it; undefined when there is none. */
  before?: ResourceEvent;
}

/**
 * The first operation that started at or after a time on AWS's clock, found by the statuses that start one; without a time,
 * the newest operation.
 */
export async function findOperation(
  context: CloudFormationContext,
  stackId: string,
  begins: readonly string[],
  sinceMs: number | undefined,
): Promise<OperationStart | undefined> {
  let found: OperationStart | undefined;
  for await (const page of pages(context, stackId)) {
    for (const event of page) {
      if (found && !found.before) found.before = event;
      if (found && sinceMs === undefined) return found;
      if (sinceMs !== undefined && event.at < sinceMs) return found;
      if (isOwnRow(event) && begins.includes(event.status)) found = { event };
    }
  }
  return found;
}

/**
 * The newest events of a stack that match `wanted`, oldest first; reading stops at the first other event or after `limit`
 * events.
 */
export async function recentEvents(
  context: CloudFormationContext,
  stackId: string,
  wanted: (event: ResourceEvent) => boolean,
  limit = 2000,
): Promise<ResourceEvent[]> {
  const found: ResourceEvent[] = [];
  for await (const page of pages(context, stackId)) {
    for (const event of page) {
      if (!wanted(event) || found.length >= limit) return found.reverse();
      found.push(event);
    }
  }
  return found.reverse();
}

async function* pages(context: CloudFormationContext, stackId: string): AsyncGenerator<ResourceEvent[]> {
  let next: string | undefined;
  do {
    const command = new DescribeStackEventsCommand({
      StackName: stackId,
      ...(next ? { NextToken: next } : {}),
    });
    const answer = await send(context.client, command, context);
    yield (answer.StackEvents ?? []).map(resourceEvent);
    next = answer.NextToken;
  } while (next);
}

function resourceEvent(event: StackEvent): ResourceEvent {
  const { EventId: id, StackId: stackId, ResourceStatus: status, Timestamp: at } = event;
  if (!id || !stackId || !at)
    throw malformedResponse('DescribeStackEvents returned an event without an id, a stack or a time');
  return {
    id,
    stackId,
    logicalId: event.LogicalResourceId ?? '',
    physicalId: event.PhysicalResourceId ?? '',
    type: event.ResourceType ?? '',
    status: status ?? '',
    ...(event.ResourceStatusReason ? { reason: event.ResourceStatusReason } : {}),
    ...(event.ClientRequestToken ? { token: event.ClientRequestToken } : {}),
    ...(event.OperationId ? { operationId: event.OperationId } : {}),
    ...hookRejection(event),
    at: at.getTime(),
  };
}

function hookRejection(event: StackEvent): Pick<ResourceEvent, 'hook'> {
  const { HookType: type, HookStatus: status, HookStatusReason: reason, HookFailureMode: mode } = event;
  if (!type || !status?.endsWith('FAILED') || mode === 'WARN') return {};
  const resultId = event.HookInvocationId;
  return { hook: { type, reason: reason ?? status, ...(resultId && { resultId }) } };
}

/** Whether the event is about the stack itself. */
export function isOwnRow(event: ResourceEvent): boolean {
  return event.type === STACK_TYPE && event.physicalId === event.stackId;
}

/** Whether the event is about a nested stack, in the events of its parent. Its physical id is the nested stack's ARN. */
export function isNestedRow(event: ResourceEvent): boolean {
  return event.type === STACK_TYPE && event.physicalId !== event.stackId && event.physicalId !== '';
}

/** The action in a status. */
type ResourceAction = 'create' | 'update' | 'delete' | 'import';

/** One change of one resource, from its first event to its last. */
export interface ResourceStep {
  logicalId: string;
  /** Logical ids of the nested stacks above, from the root. */
  nesting: readonly string[];
  type: string;
  physicalId: string;
  action: ResourceAction;
  status: string;
  reason?: string;
  /** On AWS's clock, ms since the epoch. */
  startedAt: number;
  endedAt?: number;
  /** Whether it is part of a rollback. */
  rollback: boolean;
}

/** A resource that failed, in the order in which AWS reported it. */
export interface ResourceFailure {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  physicalId: string;
  status: string;
  reason: string;
  at: number;
  rollback: boolean;
  /** The hook that rejected the resource. */
  hook?: HookRejection;
}

/** A read-only timeline. */
export type TimelineFacts = Readonly<Pick<Timeline, 'steps' | 'failures' | 'rolledBack' | 'rollbackReason'>>;

/** Further failures are neither shown nor needed to find the first one. */
const MAX_FAILURES = 500;

/**
 * The steps and failures of each resource, built from events. It has one step per resource, action and direction, so its
 * size depends on the stack and not on its history.
 */
export class Timeline {
  readonly #rootId: string;
  readonly #steps = new Map<string, ResourceStep>();
  readonly #hooks = new Map<string, HookRejection>();
  /** When the rollback of each stack started. */
  readonly #rollbackAt = new Map<string, number>();
  readonly failures: ResourceFailure[] = [];
  /** CloudFormation's reason for the rollback of the stack. */
  rollbackReason: string | undefined;

  /** @param rootId ARN of the stack that the operation is for. */
  constructor(rootId: string) {
    this.#rootId = rootId;
  }

  /** Adds one event; returns the step that it started or ended, if any. */
  add(event: ResourceEvent, nesting: readonly string[]): ResourceStep | undefined {
    if (isOwnRow(event) && isRollback(event.status) && !this.#rollbackAt.has(event.stackId)) {
      this.#rollbackAt.set(event.stackId, event.at);
      if (event.stackId === this.#rootId) this.rollbackReason = event.reason;
    }
    if (event.hook !== undefined) this.#hooks.set(keyOf(event), event.hook);
    if (isFailed(event.status)) this.#fail(event, nesting);
    return isOwnRow(event) ? undefined : this.#step(event, nesting);
  }

  get steps(): Iterable<ResourceStep> {
    return this.#steps.values();
  }

  /** Whether the operation was rolled back. */
  get rolledBack(): boolean {
    return this.#rollbackAt.has(this.#rootId);
  }

  #step(event: ResourceEvent, nesting: readonly string[]): ResourceStep | undefined {
    const action = actionOf(event.status);
    if (!action) return undefined;
    const rollback = this.#isRollback(event);
    const key = `${keyOf(event)}|${action}|${rollback}`;
    const known = this.#steps.get(key);
    const running = event.status.endsWith('_IN_PROGRESS');
    const continues = known !== undefined && known.endedAt === undefined;
    if (continues && running) {
      known.physicalId = event.physicalId || known.physicalId;
      return undefined;
    }
    const step: ResourceStep = {
      logicalId: event.logicalId,
      nesting,
      type: event.type,
      physicalId: event.physicalId,
      action,
      status: event.status,
      ...(event.reason === undefined ? {} : { reason: event.reason }),
      startedAt: continues ? known.startedAt : event.at,
      ...(running ? {} : { endedAt: event.at }),
      rollback,
    };
    this.#steps.set(key, step);
    return step;
  }

  #fail(event: ResourceEvent, nesting: readonly string[]): void {
    if (this.failures.length >= MAX_FAILURES) return;
    const hook = this.#hooks.get(keyOf(event));
    this.failures.push({
      logicalId: event.logicalId,
      nesting,
      type: event.type,
      physicalId: event.physicalId,
      status: event.status,
      reason: [event.reason, hook && `Hook ${hook.type}: ${hook.reason}`]
        .filter((text) => text !== undefined)
        .join(' '),
      at: event.at,
      rollback: this.#isRollback(event),
      ...(hook && { hook }),
    });
  }

  /** Nested stacks are read after their root, so the time decides whether an event precedes the root's rollback. */
  #isRollback(event: ResourceEvent): boolean {
    if (this.#rollbackAt.has(event.stackId)) return true;
    const rootAt = this.#rollbackAt.get(this.#rootId);
    return event.stackId !== this.#rootId && rootAt !== undefined && event.at > rootAt;
  }
}

function keyOf(event: ResourceEvent): string {
  return `${event.stackId}|${event.logicalId}`;
}

function actionOf(status: string): ResourceAction | undefined {
  if (status.startsWith('CREATE_')) return 'create';
  if (status.startsWith('UPDATE_')) return 'update';
  if (status.startsWith('DELETE_')) return 'delete';
  return status.startsWith('IMPORT_') ? 'import' : undefined;
}
