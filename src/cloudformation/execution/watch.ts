import { classify, isNotFound, isThrottle } from '../../aws/errors.ts';
import { PlatformError } from '../../core/errors.ts';
import { poll, pollIntervalMs } from '../../core/poll.ts';
import { pathOf } from '../change-set/changes.ts';
import { describeStack, isInProgress, type StackSnapshot } from '../stack.ts';
import type { CloudFormationContext } from '../context.ts';
import {
  EventReader,
  isNestedRow,
  isOwnRow,
  type ResourceEvent,
  type ResourceStep,
  type Timeline,
  type TimelineFacts,
} from './events.ts';
import type { Progress } from './progress.ts';
import type { FollowedServices, ServiceFailures } from './services.ts';
import { type WatchRound, markRead, type WatchedStack, watcherOf } from './watcher.ts';

/** A requested operation, with what identifies its events. */
export interface Operation {
  stackName: string;
  stackId: string;
  kind: OperationKind;
  /** This run's ClientRequestToken; undefined if the requester does not matter. */
  token?: string;
  /** The newest event before the request; undefined if there was none. */
  afterEventId?: string;
  /** A time before the request and after all earlier operations, by AWS's clock, in ms since the epoch. */
  sinceMs?: number;
  /** The time of the stack's last update before the request. */
  updatedBefore?: Date;
}

/** The kinds of operations, with their nouns. */
export const OPERATIONS = {
  create: 'creation',
  update: 'update',
  delete: 'deletion',
  rollback: 'rollback',
} as const;

export type OperationKind = keyof typeof OPERATIONS;

/** An operation that was watched to its end. */
export interface Execution {
  /** The stack's final status, from its own event and confirmed by DescribeStacks. */
  status: string;
  reason?: string;
  operationId?: string;
  /** The stack after the operation; undefined when it was deleted. */
  stack?: StackSnapshot;
  timeline: TimelineFacts;
  /** Paths of the nested stacks whose events could not be read. */
  unreadNested?: readonly string[];
  /** By AWS's clock, in ms since the epoch. */
  startedAt?: number;
  /** Why ECS services failed, if the operation failed. */
  serviceFailures?: ServiceFailures;
  /** By AWS's clock, in ms. */
  durationMs: number;
}

const COMPLETE: ReadonlySet<string> = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'IMPORT_COMPLETE']);

/** Whether the status is that of a completed creation, update or import. */
export function isComplete({ status }: Pick<Execution, 'status'>): boolean {
  return COMPLETE.has(status);
}

/** Old resources that the cleanup of a completed update could not delete, one sentence each. */
export function leftBehind(execution: Execution): string[] {
  if (!isComplete(execution)) return [];
  return execution.timeline.failures
    .filter(({ status }) => status === 'DELETE_FAILED')
    .map(
      (failure) =>
        `The old ${pathOf(failure)} (${failure.type}) could not be deleted and still exists: ${failure.reason}`,
    );
}

/**
 * The resources that a deletion or a rollback retained (DeletionPolicy), including those of nested stacks. A resource
 * without a physical id was never created.
 */
export function retainedResources(execution: Execution): ResourceStep[] {
  return [...execution.timeline.steps].filter(
    ({ status, physicalId }) => status === 'DELETE_SKIPPED' && physicalId !== '',
  );
}

/** The outcome of the operation could not be determined; it may still be running. */
class WatchError extends PlatformError {
  override readonly name = 'WatchError';

  constructor(message: string) {
    super('outcome-unknown', message);
  }
}

/** The number of consecutive failed polls, each after the SDK's retries, that ends the watch. */
const FAILED_POLLS = 5;
/** How long DescribeStacks may return the state, and the outputs, before the operation. */
const STALE_MS = 15_000;
/** How long a nested stack may be missing after it appeared in the events of its parent. */
const NESTED_HIDDEN_MS = 60_000;
/** How long DescribeStacks may contradict the stack's own last event. */
const CONTRADICTION_MS = 120_000;

/** The stack statuses that mark the start of an operation. */
export const BEGINS: Readonly<Record<OperationKind, readonly string[]>> = {
  create: ['CREATE_IN_PROGRESS', 'IMPORT_IN_PROGRESS'],
  update: ['UPDATE_IN_PROGRESS', 'IMPORT_IN_PROGRESS'],
  delete: ['DELETE_IN_PROGRESS'],
  rollback: ['UPDATE_ROLLBACK_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'],
};

/**
 * Watches an operation until the stack's own event reports its end and DescribeStacks confirms it. DescribeStacks alone is
 * not sufficient, because its response may be older than the request.
 * @throws TimeoutError at the deadline; WatchError if the outcome cannot be determined; the signal's reason.
 */
export async function watchOperation(
  context: CloudFormationContext,
  operation: Operation,
  options: WatchOptions & { deadlineMs: number },
): Promise<Execution> {
  const watch = new Watch(context, operation, options);
  const watcher = watcherOf(context);
  const subscription = { stacks: () => watch.stacks(), urgency: context.urgency ?? 0 };
  watcher.join(subscription);
  try {
    return await poll(
      context,
      {
        what: `the ${OPERATIONS[operation.kind]} of stack ${operation.stackName}`,
        timeoutMs: Math.max(0, options.deadlineMs - context.clock.now()),
        intervalMs: (elapsedMs) => (watcher.hasRounds ? 0 : pollIntervalMs(elapsedMs)),
        isThrottle,
      },
      async () => await watch.check(await watcher.nextRound(subscription, context.signal)),
    );
  } finally {
    watcher.leave(subscription);
  }
}

/** The objects that receive the events of a watched operation. */
interface WatchOptions {
  progress: Progress;
  timeline: Timeline;
  services: FollowedServices;
  /** Called once, with the reason, to stop an operation that waits for an ECS service whose tasks keep failing. */
  failFast?: (why: string) => Promise<void>;
}

class Watch {
  readonly #context: CloudFormationContext;
  readonly #operation: Operation;
  readonly #progress: Progress;
  readonly #timeline: Timeline;
  readonly #services: FollowedServices;
  #failFast: WatchOptions['failFast'];
  readonly #root: StackEvents;
  readonly #nested = new Map<string, NestedStack>();
  /** Paths of the nested stacks that cannot be read, by their ARNs. */
  readonly #unreadable = new Map<string, string>();
  /** The stack's first and newest own events of the operation. */
  #firstEvent: ResourceEvent | undefined;
  #lastEvent: ResourceEvent | undefined;
  /** Whether another operation started after this one ended. */
  #overtaken = false;
  #endSeenAt: number | undefined;
  #failedPolls = 0;

  constructor(
    context: CloudFormationContext,
    operation: Operation,
    { progress, timeline, services, failFast }: WatchOptions,
  ) {
    this.#context = context;
    this.#operation = operation;
    this.#progress = progress;
    this.#timeline = timeline;
    this.#services = services;
    this.#failFast = failFast;
    const { afterEventId: eventId, sinceMs } = operation;
    const from = { ...(eventId !== undefined && { eventId }), ...(sinceMs !== undefined && { sinceMs }) };
    this.#root = {
      stackId: operation.stackId,
      reader: new EventReader(context, operation.stackId, from),
      isRoot: true,
      isUrgent: false,
      seenState: undefined,
      readAt: -Infinity,
    };
  }

  /** The stacks whose events are read: the root, and nested stacks that are running or must be read once more. */
  stacks(): WatchedStack[] {
    const nested = [...this.#nested.values()].filter(({ running, isUrgent }) => running || isUrgent);
    return [this.#root, ...nested];
  }

  /**
   * Polls once; returns the execution if it has ended. Up to four consecutive lost connections and server errors are
   * tolerated.
   * @param round the stacks whose events to read.
   */
  async check(round: WatchRound): Promise<Execution | undefined> {
    try {
      const ended = await this.#poll(round);
      this.#failedPolls = 0;
      return ended;
    } catch (error) {
      const isTransient = ['network', 'server'].includes(classify(error));
      if (!isTransient || this.#context.signal.aborted || ++this.#failedPolls >= FAILED_POLLS) throw error;
      this.#context.log.info(
        `AWS did not respond (failure ${this.#failedPolls} of ${FAILED_POLLS}). Retrying.`,
      );
      return undefined;
    }
  }

  async #poll(round: WatchRound): Promise<Execution | undefined> {
    if (round.due.has(this.#root)) {
      const events = await this.#readRoot();
      if (!events) return await this.#confirmGone();
      for (const event of events) this.#process(event);
      markRead(this.#root, round, this.#context.clock.now());
    }
    await this.#readNested(round);
    this.#services.update(this.#timeline.steps);
    await this.#failFastIfStuck();
    this.#progress.tick(this.#context.clock.now());
    const last = this.#lastEvent;
    this.#root.isUrgent = last !== undefined && !isRunning(last);
    return last && !isRunning(last) ? await this.#confirm(last, round) : undefined;
  }

  async #failFastIfStuck(): Promise<void> {
    const why = this.#timeline.rolledBack ? undefined : this.#services.stuckReason();
    const failFast = this.#failFast;
    if (why === undefined || !failFast) return;
    this.#failFast = undefined;
    await failFast(why);
  }

  /** Undefined if the endpoint deletes the events together with the stack. */
  async #readRoot(): Promise<ResourceEvent[] | undefined> {
    try {
      return await this.#root.reader.read();
    } catch (error) {
      if (isNotFound(error) && this.#operation.kind !== 'update') return undefined;
      throw error;
    }
  }

  async #confirmGone(): Promise<Execution | undefined> {
    if (await describeStack(this.#context, this.#operation.stackId)) return undefined;
    return this.#execution('DELETE_COMPLETE', undefined);
  }

  #process(event: ResourceEvent): void {
    if (!this.#firstEvent && !this.#startsOurs(event)) return;
    this.#firstEvent ??= event;
    if (this.#overtaken || (this.#overtaken = this.#isOtherOperation(event))) return;
    const now = this.#context.clock.now();
    const step = this.#timeline.add(event, []);
    if (step) this.#progress.step(step, now);
    if (isNestedRow(event)) this.#followNested(event, []);
    if (!isOwnRow(event)) return;
    this.#lastEvent = event;
    this.#endSeenAt = undefined;
    this.#progress.own(event, now);
  }

  /**
   * Operations on a stack never overlap, so every event from the operation's first to its end belongs to it. The first event
   * has the run's token; if the endpoint returns no tokens, it is the first of its kind after the marker.
   */
  #startsOurs(event: ResourceEvent): boolean {
    const { kind, token } = this.#operation;
    if (!isOwnRow(event)) return false;
    if (token !== undefined && event.token !== undefined) return event.token === token;
    return BEGINS[kind].includes(event.status);
  }

  #isOtherOperation(event: ResourceEvent): boolean {
    const ended = this.#lastEvent !== undefined && !isRunning(this.#lastEvent);
    if (!ended || !isOwnRow(event)) return false;
    if (event.token !== undefined || this.#firstEvent?.token !== undefined)
      return event.token !== this.#firstEvent?.token;
    return BEGINS.create.includes(event.status) || BEGINS.update.includes(event.status);
  }

  /** Reads a nested stack's events from the start of the operation. */
  #followNested(row: ResourceEvent, nesting: readonly string[]): void {
    const running = isRunning(row);
    if (this.#unreadable.has(row.physicalId)) return;
    const known = this.#nested.get(row.physicalId);
    if (known) {
      known.isUrgent ||= known.running && !running;
      known.running = running;
      return;
    }
    const reader = new EventReader(this.#context, row.physicalId, {
      sinceMs: this.#firstEvent?.at ?? row.at,
    });
    this.#nested.set(row.physicalId, {
      stackId: row.physicalId,
      reader,
      nesting: [...nesting, row.logicalId],
      running,
      isRoot: false,
      isUrgent: true,
      seenState: undefined,
      readAt: -Infinity,
      seenAt: this.#context.clock.now(),
      hidden: false,
    });
  }

  /** Reads the due nested stacks concurrently, and then the deeper ones that appear in their events. */
  async #readNested(round: WatchRound): Promise<void> {
    const read = new Set<NestedStack>();
    for (;;) {
      const due = [...this.#nested.values()].filter(
        (nested) => !read.has(nested) && (nested.isUrgent || round.due.has(nested)),
      );
      if (due.length === 0) return;
      for (const nested of due) read.add(nested);
      const results = await Promise.allSettled(due.map((nested) => this.#readNestedEvents(nested)));
      // Events are read only once, so they are processed before the failure of another stack ends the poll.
      for (const [index, nested] of due.entries()) {
        const result = results[index];
        if (result?.status === 'fulfilled') this.#processNested(nested, result.value, round);
      }
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  }

  #processNested(nested: NestedStack, events: readonly ResourceEvent[], round: WatchRound): void {
    const now = this.#context.clock.now();
    nested.isUrgent = nested.hidden;
    markRead(nested, round, now);
    for (const event of events) {
      const step = this.#timeline.add(event, nested.nesting);
      if (step) this.#progress.step(step, now);
      if (isNestedRow(event)) this.#followNested(event, nested.nesting);
    }
  }

  /**
   * The events of a nested stack are optional: without permission to read them the watch continues. A stack that is not found
   * is read again later, because its row in the parent's events may appear first.
   */
  async #readNestedEvents(nested: NestedStack): Promise<ResourceEvent[]> {
    try {
      const events = await nested.reader.read();
      nested.hidden = false;
      return events;
    } catch (error) {
      const kind = classify(error);
      if (kind !== 'not-found' && kind !== 'denied') throw error;
      nested.hidden = kind === 'not-found' && this.#context.clock.now() - nested.seenAt < NESTED_HIDDEN_MS;
      if (nested.hidden) return [];
      this.#nested.delete(nested.stackId);
      this.#unreadable.set(nested.stackId, nested.nesting.join('/'));
      this.#context.log.info(
        `The events of the nested stack ${nested.nesting.join('/')} could not be read, so its progress is not shown.`,
      );
      return [];
    }
  }

  #hasHidden(): boolean {
    return [...this.#nested.values()].some(({ hidden }) => hidden);
  }

  async #confirm(last: ResourceEvent, { listed }: WatchRound): Promise<Execution | undefined> {
    const found = listed?.get(this.#operation.stackId);
    const stack =
      found && this.#confirmsEnd(found, last)
        ? found
        : await describeStack(this.#context, this.#operation.stackId);
    const status = stack?.status ?? 'DELETE_COMPLETE';
    const now = this.#context.clock.now();
    this.#endSeenAt ??= now;
    const waited = now - this.#endSeenAt;
    const { updatedBefore } = this.#operation;
    const isStale = updatedBefore !== undefined && stack?.updatedAt?.getTime() === updatedBefore.getTime();
    if ((isStale && waited < STALE_MS) || this.#hasHidden()) return undefined;
    if (status === last.status || this.#overtaken) return this.#execution(last.status, stack);
    if (isInProgress(status) || waited < CONTRADICTION_MS) return undefined;
    throw new WatchError(
      `CloudFormation reports conflicting states: the last event of stack ${this.#operation.stackName} is ${last.status}, ` +
        `but DescribeStacks still returns ${status}`,
    );
  }

  /** Whether a listed stack confirms the end: it was read after the operation started, and matches the last event. */
  #confirmsEnd({ status, updatedAt }: StackSnapshot, last: ResourceEvent): boolean {
    const { kind, updatedBefore } = this.#operation;
    const isLater =
      kind === 'create' ||
      (updatedBefore !== undefined &&
        updatedAt !== undefined &&
        updatedAt.getTime() !== updatedBefore.getTime());
    return isLater && status === last.status;
  }

  #execution(status: string, stack: StackSnapshot | undefined): Execution {
    const operationId = this.#firstEvent?.operationId ?? stack?.operations?.[0]?.id;
    return {
      status,
      ...(this.#lastEvent?.reason === undefined ? {} : { reason: this.#lastEvent.reason }),
      ...(operationId ? { operationId } : {}),
      ...(stack ? { stack } : {}),
      timeline: this.#timeline,
      ...(this.#unreadable.size > 0 ? { unreadNested: [...this.#unreadable.values()] } : {}),
      ...(this.#firstEvent ? { startedAt: this.#firstEvent.at } : {}),
      durationMs: this.#firstEvent && this.#lastEvent ? this.#lastEvent.at - this.#firstEvent.at : 0,
    };
  }
}

function isRunning({ status }: ResourceEvent): boolean {
  return status.endsWith('_IN_PROGRESS');
}

interface StackEvents extends WatchedStack {
  reader: EventReader;
}

interface NestedStack extends StackEvents {
  nesting: readonly string[];
  running: boolean;
  /** When its row was first seen, in ms since the epoch. */
  seenAt: number;
  /** Whether it was not found when it was last read. */
  hidden: boolean;
}
