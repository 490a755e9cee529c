import { DescribeStackEventsCommand, type StackEvent } from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import type { CloudFormationContext } from './types.ts';

/** One event of a stack, as far as anything here needs it. Times are AWS's own, ms since the epoch. */
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
  /** What a hook that refused the resource says; CloudFormation repeats only its name in the failure. */
  hookFailure?: string;
  at: number;
}

/** Where a reader stops going back: at an event it knows, or at the first one older than a moment on AWS's clock. */
export interface ReadFrom {
  eventId?: string;
  sinceMs?: number;
}

/**
 * Reads the events of one stack, each once. A read goes from the newest event back to the last one seen, so all
 * reads together cost as many pages as there are events.
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

  /** The events that came since the last read, oldest first. */
  async read(): Promise<ResourceEvent[]> {
    // A page that shifts while it is turned gives an event twice.
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

/** The newest event of a stack: what comes after it belongs to operations that start from now on. */
export async function newestEvent(
  context: CloudFormationContext,
  stackId: string,
): Promise<ResourceEvent | undefined> {
  for await (const page of pages(context, stackId)) return page[0];
  return undefined;
}

/**
 * The stack's own last row before its deletion, which somebody else may have begun or even ended a moment ago: the
 * newest event is part of that deletion then.
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

/**
 * The events of a stack's newest operations that `wanted` still takes, oldest first; reading ends at the first
 * event it refuses. At most `limit` events are read.
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
    throw new Error('DescribeStackEvents answered an event without id, stack or time');
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
    ...hookFailure(event),
    at: at.getTime(),
  };
}

function hookFailure(event: StackEvent): Pick<ResourceEvent, 'hookFailure'> {
  const { HookType: type, HookStatus: status, HookStatusReason: reason, HookFailureMode: mode } = event;
  if (!type || !status?.endsWith('FAILED') || mode === 'WARN') return {};
  return { hookFailure: `Hook ${type}: ${reason ?? status}` };
}

/** The row that stands for the stack itself, in its own events. */
export function isOwnRow(event: ResourceEvent): boolean {
  return event.type === STACK_TYPE && event.physicalId === event.stackId;
}

/** The row of a nested stack in its parent's events; its physical id is the nested stack's ARN. */
export function isNestedRow(event: ResourceEvent): boolean {
  return event.type === STACK_TYPE && event.physicalId !== event.stackId && event.physicalId !== '';
}

export const STACK_TYPE = 'AWS::CloudFormation::Stack';
