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
import { type Look, markRead, type WatchedStack, watcherOf } from './watcher.ts';

/** A requested operation, and how its events are recognized. */
export interface Operation {
  stackName: string;
  stackId: string;
  kind: OperationKind;
  /** Our ClientRequestToken; undefined when the requester does not matter. */
  token?: string;
  /** The newest event before the request; undefined when there was none. */
  afterEventId?: string;
  /** A time before the request and after all earlier operations, by AWS's clock, in ms since the epoch. */
  sinceMs?: number;
  /** The time of the stack's last update before the request. */
  updatedBefore?: Date;
}

/** The kinds of an operation, and what a sentence calls them. */
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
  /** Why services failed, in a failed operation. */
  serviceFailures?: ServiceFailures;
  /** By AWS's clock, in ms. */
  durationMs: number;
}

const COMPLETE: ReadonlySet<string> = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'IMPORT_COMPLETE']);

/** Whether an execution completed. */
export function isComplete(execution: Execution): boolean {
  return COMPLETE.has(execution.status);
}

/** Old resources that the clean-up of a completed update could not delete, a sentence each. */
export function leftBehind(execution: Execution): string[] {
  if (!isComplete(execution)) return [];
  return execution.timeline.failures
    .filter(({ status }) => status === 'DELETE_FAILED')
    .map(
      (failure) =>
        `The old ${pathOf(failure)} (${failure.type}) could not be deleted and is still there: ${failure.reason}`,
    );
}

/**
 * The resources that a deletion or a rollback retained (DeletionPolicy), including those of nested stacks. A resource
 * that was never created has no physical id, and nothing of it is left.
 */
export function retainedResources(execution: Execution): ResourceStep[] {
  return [...execution.timeline.steps].filter(
    ({ status, physicalId }) => status === 'DELETE_SKIPPED' && physicalId !== '',
  );
}

/** The watch ended without proof of how the operation ended; AWS may still be at work. */
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
/** How long a nested stack may not be found after its row appeared in the events of its parent. */
const NESTED_HIDDEN_MS = 60_000;
/** How long DescribeStacks may contradict the stack's own last event. */
const CONTRADICTION_MS = 120_000;

/** The statuses of the stack that start an operation. */
export const BEGINS: Readonly<Record<OperationKind, readonly string[]>> = {
  create: ['CREATE_IN_PROGRESS', 'IMPORT_IN_PROGRESS'],
  update: ['UPDATE_IN_PROGRESS', 'IMPORT_IN_PROGRESS'],
  delete: ['DELETE_IN_PROGRESS'],
  rollback: ['UPDATE_ROLLBACK_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'],
};

/**
 * Watches an operation to its end: until the stack's own event says so and DescribeStacks confirms it.
 * DescribeStacks alone is no proof, because its answer may be older than the request.
 * @throws TimeoutError at the deadline; WatchError when the end cannot be proven; the signal's reason.
 */
export async function watchOperation(
  context: CloudFormationContext,
  operation: Operation,
  options: WatchOptions & { deadlineMs: number },
): Promise<Execution> {
  const watch = new Watch(context, operation, options);
  const watcher = watcherOf(context);
  const seat = { stacks: () => watch.stacks(), urgency: context.urgency ?? 0 };
  watcher.join(seat);
  try {
    return await poll(
      context,
      {
        what: `the ${OPERATIONS[operation.kind]} of stack ${operation.stackName}`,
        timeoutMs: Math.max(0, options.deadlineMs - context.clock.now()),
        intervalMs: (elapsedMs) => (watcher.hasRounds ? 0 : pollIntervalMs(elapsedMs)),
        isThrottle,
      },
      async () => await watch.check(await watcher.look(seat, context.signal)),
    );
  } finally {
    watcher.leave(seat);
  }
}

/** The receivers of what the watch sees. */
interface WatchOptions {
  progress: Progress;
  timeline: Timeline;
  services: FollowedServices;
  /** Ends an operation that waits for a service that cannot become healthy: called once, with the reason. */
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
  /** The stack's own event that started the operation, and its newest own event. */
  #firstEvent: ResourceEvent | undefined;
  #lastEvent: ResourceEvent | undefined;
  /** Another operation started after ours had ended. */
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

  /** The stacks whose events are read: the root and the nested ones that are running or to be read once more. */
  stacks(): WatchedStack[] {
    const nested = [...this.#nested.values()].filter(({ running, isUrgent }) => running || isUrgent);
    return [this.#root, ...nested];
  }

  /**
   * One poll: the execution when it has ended. Lost connections and server errors are tolerated for a while.
   * @param look whose events are to be read.
   */
  async check(look: Look): Promise<Execution | undefined> {
    try {
      const ended = await this.#poll(look);
      this.#failedPolls = 0;
      return ended;
    } catch (error) {
      const passing = ['network', 'server'].includes(classify(error));
      if (!passing || this.#context.signal.aborted || ++this.#failedPolls >= FAILED_POLLS) throw error;
      this.#context.log.info(
        `AWS did not answer (${this.#failedPolls} of ${FAILED_POLLS - 1} times); watching on.`,
      );
      return undefined;
    }
  }

  async #poll(look: Look): Promise<Execution | undefined> {
    if (look.due.has(this.#root)) {
      const events = await this.#readRoot();
      if (!events) return await this.#confirmGone();
      for (const event of events) this.#process(event);
      markRead(this.#root, look, this.#context.clock.now());
    }
    await this.#readNested(look);
    this.#services.see(this.#timeline.steps);
    await this.#endWaiting();
    this.#progress.tick(this.#context.clock.now());
    const last = this.#lastEvent;
    this.#root.isUrgent = last !== undefined && !isRunning(last);
    return last && !isRunning(last) ? await this.#confirm(last, look) : undefined;
  }

  async #endWaiting(): Promise<void> {
    const why = this.#timeline.rolledBack ? undefined : this.#services.hopeless();
    const failFast = this.#failFast;
    if (why === undefined || !failFast) return;
    this.#failFast = undefined;
    await failFast(why);
  }

  /** Undefined when the endpoint deletes the events together with the stack. */
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
   * Operations on a stack never overlap, so every event between our first one and the end is ours. The first one has
   * our token; if the endpoint does not return tokens, it is the first of its kind after the marker.
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

  /** Reads a nested stack's events from the start of our operation. */
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

  /** Reads the nested stacks that are due, together, and then the deeper ones that were found in their events. */
  async #readNested(look: Look): Promise<void> {
    const read = new Set<NestedStack>();
    for (;;) {
      const due = [...this.#nested.values()].filter(
        (nested) => !read.has(nested) && (nested.isUrgent || look.due.has(nested)),
      );
      if (due.length === 0) return;
      for (const nested of due) read.add(nested);
      const answers = await Promise.allSettled(due.map((nested) => this.#readNestedEvents(nested)));
      // What was read is not read again, so it is processed before a failure of another one ends the poll.
      for (const [index, nested] of due.entries()) {
        const answer = answers[index];
        if (answer?.status === 'fulfilled') this.#processNested(nested, answer.value, look);
      }
      for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
    }
  }

  #processNested(nested: NestedStack, events: readonly ResourceEvent[], look: Look): void {
    const now = this.#context.clock.now();
    nested.isUrgent = nested.hidden;
    markRead(nested, look, now);
    for (const event of events) {
      const step = this.#timeline.add(event, nested.nesting);
      if (step) this.#progress.step(step, now);
      if (isNestedRow(event)) this.#followNested(event, nested.nesting);
    }
  }

  /**
   * The events of a nested stack are optional: without the permission to read them the watch continues. One that is not
   * found yet is read again, as its row may appear first.
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
        `The events of the nested stack ${nested.nesting.join('/')} cannot be read; it is left out.`,
      );
      return [];
    }
  }

  #hasHidden(): boolean {
    return [...this.#nested.values()].some(({ hidden }) => hidden);
  }

  async #confirm(last: ResourceEvent, { listed }: Look): Promise<Execution | undefined> {
    const found = listed?.get(this.#operation.stackId);
    const stack =
      found && this.#isProof(found, last)
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
      `CloudFormation contradicts itself: the last event of stack ${this.#operation.stackName} is ${last.status}, ` +
        `and DescribeStacks still says ${status}`,
    );
  }

  /** Whether a listed stack proves the end: it was read after the operation began, and agrees with the last event. */
  #isProof({ status, updatedAt }: StackSnapshot, last: ResourceEvent): boolean {
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
  /** It was not found when it was last read. */
  hidden: boolean;
}
