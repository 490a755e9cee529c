import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { classify } from '../../aws/errors.ts';
import type { Clock } from '../../core/clock.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { CloudFormationContext } from '../context.ts';
import { isInProgress, stackPages, type StackSnapshot } from '../stack.ts';

/** A stack whose events are read. */
export interface WatchedStack {
  stackId: string;
  /** Whether the operation was requested for this stack, rather than for a parent stack. */
  isRoot: boolean;
  /** Whether its events are read in every round, because its end is near or it was not found yet. */
  isUrgent: boolean;
  /** The stack's listed state when its events were last read; undefined before the first read. */
  seenState: string | undefined;
  /** When its events were last read, in ms since the epoch. */
  readAt: number;
}

/** The stacks of one watched operation. */
interface Subscription {
  /** The root and the nested stacks that are running. */
  stacks: () => readonly WatchedStack[];
  urgency: number;
}

/** What to read for an operation in one round. */
export interface WatchRound {
  /** The stacks whose events to read. */
  due: ReadonlySet<WatchedStack>;
  /** The listed stacks of the account and region, by ARN; undefined if they were not listed. */
  listed?: ReadonlyMap<string, StackSnapshot>;
}

interface Waiter {
  subscription: Subscription;
  settle(round: WatchRound): void;
}

/** Event reads per second that show progress. Up to this many stacks are read without a listing. */
const READS_PER_SECOND = 5;
/** Event reads per second without a listing: they must also detect the end of operations. */
const READS_WITHOUT_LISTING = 8;
/** The share of reads that goes to the most urgent stacks. The rest goes to those that were read longest ago. */
const URGENT_SHARE = 0.6;
const ROUND_MS = 1000;
/** The minimum interval between two reads of a stack's events for progress. */
const PROGRESS_MS = 4000;
/** The same without a listing. */
const UNLISTED_PROGRESS_MS = 2000;
/** Pages per second of the listing: one with more pages is made less often. */
const PAGES_PER_SECOND = 3;
/** The timeout of a listing. */
const LISTING_MS = 10_000;
const MAX_PAUSE_MS = 64_000;

const watchers = new WeakMap<CloudFormationClient, StackWatcher>();

/** The watcher of an account and region, shared by all operations with the same client. */
export function watcherOf({ client, clock, log }: CloudFormationContext): StackWatcher {
  const watcher = watchers.get(client) ?? new StackWatcher(client, clock, log);
  watchers.set(client, watcher);
  return watcher;
}

/**
 * Schedules the reading of events for all watched stacks of an account and region. Up to five stacks are read in their own
 * polls. More are watched in rounds: a listing of all stacks shows which ones have changed or ended, and only their events
 * are read immediately. The events of the others are read at a constant rate, to show progress.
 *
 * If the listing is denied or fails, only events are read. A failed listing never ends a watch.
 */
class StackWatcher {
  readonly #client: CloudFormationClient;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #subscriptions = new Set<Subscription>();
  readonly #waiting = new Set<Waiter>();
  #isRunning = false;
  #roundAt = -Infinity;
  /** Aborts the current round when the last waiter leaves. */
  #round = new AbortController();
  /** The number of pages of the last listing. */
  #pages = 1;
  #isDenied = false;
  /** After a failed listing: the earliest time of the next one, in ms since the epoch. */
  #pausedUntil = -Infinity;
  #pauseMs = 0;

  constructor(client: CloudFormationClient, clock: Clock, log: Log) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** Adds the stacks of an operation until `leave` is called with the same subscription. */
  join(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
  }

  leave(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
  }

  /** Whether `nextRound` waits, so that a poll does not have to. */
  get hasRounds(): boolean {
    return this.#inFlight() > READS_PER_SECOND;
  }

  /**
   * What to read: all stacks of the operation, or those of the next round. Never fails because of a failed listing.
   * @throws the signal's reason when it is aborted. Other waiters continue.
   */
  async nextRound(subscription: Subscription, signal: AbortSignal): Promise<WatchRound> {
    signal.throwIfAborted();
    if (!this.hasRounds) return { due: new Set(subscription.stacks()) };
    return await new Promise<WatchRound>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter);
        if (this.#waiting.size === 0) this.#round.abort();
        reject(signal.reason as Error);
      };
      const waiter = {
        subscription,
        settle: (round: WatchRound) => {
          this.#waiting.delete(waiter);
          signal.removeEventListener('abort', leave);
          resolve(round);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(waiter);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Runs rounds while anyone waits for one. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.size > 0) {
      this.#round = new AbortController();
      const { signal } = this.#round;
      const sinceMs = this.#clock.now() - this.#roundAt;
      const listing = this.#mayList();
      const everyMs = listing ? Math.max(ROUND_MS, (this.#pages / PAGES_PER_SECOND) * 1000) : ROUND_MS;
      if (sinceMs < everyMs) await this.#clock.sleep(everyMs - sinceMs, signal).catch(() => undefined);
      if (signal.aborted) continue;
      this.#startRound(listing ? await this.#list(signal) : undefined);
    }
    this.#isRunning = false;
  }

  #inFlight(): number {
    return [...this.#subscriptions].reduce((sum, subscription) => sum + subscription.stacks().length, 0);
  }

  /** Whether to list: only if the listing has fewer pages than there are stacks in progress. */
  #mayList(): boolean {
    return !this.#isDenied && this.#clock.now() >= this.#pausedUntil && this.#pages < this.#inFlight();
  }

  /** Reads pages until all stacks in progress are found. Undefined if that fails. */
  async #list(ended: AbortSignal): Promise<ReadonlyMap<string, StackSnapshot> | undefined> {
    const subscriptions = [...this.#subscriptions];
    const missing = new Set(
      subscriptions.flatMap((subscription) => subscription.stacks().map(({ stackId }) => stackId)),
    );
    const most = missing.size;
    const found = new Map<string, StackSnapshot>();
    const context = {
      client: this.#client,
      signal: AbortSignal.any([ended, AbortSignal.timeout(LISTING_MS)]),
      urgency: Math.max(...subscriptions.map(({ urgency }) => urgency)),
    };
    let pages = 0;
    try {
      for await (const page of stackPages(context)) {
        pages += 1;
        for (const stack of page) {
          found.set(stack.stackId, stack);
          missing.delete(stack.stackId);
        }
        if (missing.size === 0 || pages >= most) break;
      }
    } catch (error) {
      if (!ended.aborted) this.#pause(error);
      return undefined;
    }
    this.#pages = pages;
    this.#pauseMs = 0;
    return found;
  }

  #pause(error: unknown): void {
    this.#isDenied = classify(error) === 'denied';
    this.#pauseMs = Math.min(2 * (this.#pauseMs || ROUND_MS), MAX_PAUSE_MS);
    this.#pausedUntil = this.#clock.now() + this.#pauseMs;
    this.#log.debug(
      `Reading the stacks in progress one by one, because listing all stacks failed: ${reasonOf(error)}`,
    );
  }

  /** Settles all waiters with the stacks that are due. */
  #startRound(listed: ReadonlyMap<string, StackSnapshot> | undefined): void {
    const now = this.#clock.now();
    const elapsedMs = Math.min(now - this.#roundAt, 2 * ROUND_MS);
    this.#roundAt = now;
    const waiters = [...this.#waiting];
    const stacks = waiters.flatMap(({ subscription }) =>
      subscription.stacks().map((stack) => ({ stack, ...subscription })),
    );
    const due = new Set(
      stacks
        .filter(({ stack }) => stack.isUrgent || (listed !== undefined && mustRead(stack, listed)))
        .map(({ stack }) => stack),
    );
    const reads = (listed ? READS_PER_SECOND : READS_WITHOUT_LISTING) * (elapsedMs / 1000);
    const rest = stacks.filter(
      ({ stack }) => !due.has(stack) && now - stack.readAt >= (listed ? PROGRESS_MS : UNLISTED_PROGRESS_MS),
    );
    for (const stack of chooseStacks(rest, Math.max(1, Math.round(reads) - due.size))) due.add(stack);
    for (const waiter of waiters) waiter.settle({ due, ...(listed && { listed }) });
  }
}

/** Chooses stacks by urgency, and the rest by the time since their last read. */
function chooseStacks(
  stacks: readonly { stack: WatchedStack; urgency: number }[],
  count: number,
): WatchedStack[] {
  const byUrgency = [...stacks].sort(
    (one, other) => other.urgency - one.urgency || one.stack.readAt - other.stack.readAt,
  );
  const first = byUrgency.splice(0, Math.ceil(count * URGENT_SHARE));
  const byAge = byUrgency.sort((one, other) => one.stack.readAt - other.stack.readAt);
  return [...first, ...byAge.slice(0, count - first.length)].map(({ stack }) => stack);
}

/** Records that the events of a stack were read in a round. */
export function markRead(stack: WatchedStack, { listed }: WatchRound, nowMs: number): void {
  const found = listed?.get(stack.stackId);
  if (found) stack.seenState = stateOf(found);
  stack.readAt = nowMs;
}

/** A value that changes with every operation on the stack and every step of one. */
function stateOf({ status, updatedAt }: StackSnapshot): string {
  return `${status} ${updatedAt?.getTime() ?? ''}`;
}

/**
 * Whether a stack's events must be read now. A root that has ended is read until its events show it, because they may lag
 * behind the status. The first read of a stack in progress can wait, because many start together.
 */
function mustRead(stack: WatchedStack, listed: ReadonlyMap<string, StackSnapshot>): boolean {
  const found = listed.get(stack.stackId);
  if (!found) return stack.isRoot;
  if (stack.isRoot && !isInProgress(found.status)) return true;
  return stack.seenState !== undefined && stateOf(found) !== stack.seenState;
}
