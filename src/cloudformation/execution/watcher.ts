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
  /** The watched operation is the stack's own, and not that of a stack above it. */
  isRoot: boolean;
  /** Its events are to be read in each round: its end is near, or it was not found yet. */
  isUrgent: boolean;
  /** The state of the stack in the listing before its events were read last; undefined before the first one. */
  seenState: string | undefined;
  /** When its events were read last, in ms since the epoch. */
  readAt: number;
}

/** One who watches, with the stacks of the operation. */
interface Seat {
  /** The root and the nested stacks that are running. */
  stacks: () => readonly WatchedStack[];
  urgency: number;
}

/** What one watch does in a round. */
export interface Look {
  /** The stacks whose events are to be read. */
  due: ReadonlySet<WatchedStack>;
  /** All stacks of the account and region, by ARN; undefined where they were not listed. */
  listed?: ReadonlyMap<string, StackSnapshot>;
}

interface Waiter {
  seat: Seat;
  settle(look: Look): void;
}

/** So many reads of events per second are made for progress. Up to so many stacks are read without a listing. */
const READS_PER_SECOND = 5;
/** Without a listing: the ends have to be found by these reads, too. */
const READS_WITHOUT_LISTING = 8;
/** The share of the reads that goes by urgency. The others go to those that were read longest ago. */
const URGENT_SHARE = 0.6;
const ROUND_MS = 1000;
/** The events of a stack are read no more often than that for the progress, however few there are. */
const PROGRESS_MS = 4000;
/** Without a listing. */
const SHORTEST_MS = 2000;
/** A listing of more pages is made less often. */
const PAGES_PER_SECOND = 3;
/** How long the rounds wait for a listing. */
const LISTING_MS = 10_000;
const LONGEST_PAUSE_MS = 64_000;

const watchers = new WeakMap<CloudFormationClient, StackWatcher>();

/** The watcher of an account and region: all who watch with the same client share it. */
export function watcherOf({ client, clock, log }: CloudFormationContext): StackWatcher {
  const watcher = watchers.get(client) ?? new StackWatcher(client, clock, log);
  watchers.set(client, watcher);
  return watcher;
}

/**
 * Decides for all watched stacks of an account and region whose events are read when. Up to five stacks are read in
 * each poll of their own. More than that are watched in rounds: one listing of all stacks tells which of them have
 * changed or ended, and only their events are read at once; those of the others at a constant rate, for the progress.
 *
 * Where the listing is denied or fails, the reads alone have to do. It never ends a watch.
 */
class StackWatcher {
  readonly #client: CloudFormationClient;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #seats = new Set<Seat>();
  readonly #waiting = new Set<Waiter>();
  #isRunning = false;
  #roundAt = -Infinity;
  /** Ends the round that is waited for when the last waiter has left. */
  #round = new AbortController();
  /** Pages that the last listing had. */
  #pages = 1;
  #isDenied = false;
  /** No listing before this time, in ms since the epoch; it failed. */
  #pausedUntil = -Infinity;
  #pauseMs = 0;

  constructor(client: CloudFormationClient, clock: Clock, log: Log) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** Takes part until `leave` is called with the same seat. */
  join(seat: Seat): void {
    this.#seats.add(seat);
  }

  leave(seat: Seat): void {
    this.#seats.delete(seat);
  }

  /** Whether `look` waits for the next round, so that a poll does not have to wait by itself. */
  get hasRounds(): boolean {
    return this.#inFlight() > READS_PER_SECOND;
  }

  /**
   * What is to be read now: everything, or what the next round says. Never fails because a listing failed.
   * @throws the signal's reason when it is aborted; the others stay.
   */
  async look(seat: Seat, signal: AbortSignal): Promise<Look> {
    signal.throwIfAborted();
    if (!this.hasRounds) return { due: new Set(seat.stacks()) };
    return await new Promise<Look>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter);
        if (this.#waiting.size === 0) this.#round.abort();
        reject(signal.reason as Error);
      };
      const waiter = {
        seat,
        settle: (look: Look) => {
          this.#waiting.delete(waiter);
          signal.removeEventListener('abort', leave);
          resolve(look);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(waiter);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Makes rounds as long as there is one who waits. */
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
    return [...this.#seats].reduce((sum, seat) => sum + seat.stacks().length, 0);
  }

  /** A listing pays where it has fewer pages than there are stacks in flight. */
  #mayList(): boolean {
    return !this.#isDenied && this.#clock.now() >= this.#pausedUntil && this.#pages < this.#inFlight();
  }

  /** Reads pages until all stacks in flight are found. Undefined when that fails. */
  async #list(ended: AbortSignal): Promise<ReadonlyMap<string, StackSnapshot> | undefined> {
    const seats = [...this.#seats];
    const missing = new Set(seats.flatMap((seat) => seat.stacks().map(({ stackId }) => stackId)));
    const most = missing.size;
    const found = new Map<string, StackSnapshot>();
    const context = {
      client: this.#client,
      signal: AbortSignal.any([ended, AbortSignal.timeout(LISTING_MS)]),
      urgency: Math.max(...seats.map(({ urgency }) => urgency)),
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
    this.#pauseMs = Math.min(2 * (this.#pauseMs || ROUND_MS), LONGEST_PAUSE_MS);
    this.#pausedUntil = this.#clock.now() + this.#pauseMs;
    this.#log.debug(
      `The stacks in flight are read one by one: listing all stacks failed (${reasonOf(error)}).`,
    );
  }

  /** Tells all who wait what is due. */
  #startRound(listed: ReadonlyMap<string, StackSnapshot> | undefined): void {
    const now = this.#clock.now();
    const elapsedMs = Math.min(now - this.#roundAt, 2 * ROUND_MS);
    this.#roundAt = now;
    const waiters = [...this.#waiting];
    const stacks = waiters.flatMap(({ seat }) => seat.stacks().map((stack) => ({ stack, ...seat })));
    const due = new Set(
      stacks
        .filter(({ stack }) => stack.isUrgent || (listed !== undefined && hasChanged(stack, listed)))
        .map(({ stack }) => stack),
    );
    const reads = (listed ? READS_PER_SECOND : READS_WITHOUT_LISTING) * (elapsedMs / 1000);
    const rest = stacks.filter(
      ({ stack }) => !due.has(stack) && now - stack.readAt >= (listed ? PROGRESS_MS : SHORTEST_MS),
    );
    for (const stack of choose(rest, Math.max(1, Math.round(reads) - due.size))) due.add(stack);
    for (const waiter of waiters) waiter.settle({ due, ...(listed && { listed }) });
  }
}

/** Some by urgency, the others by how long ago they were read. */
function choose(stacks: readonly { stack: WatchedStack; urgency: number }[], count: number): WatchedStack[] {
  const byUrgency = [...stacks].sort(
    (one, other) => other.urgency - one.urgency || one.stack.readAt - other.stack.readAt,
  );
  const first = byUrgency.splice(0, Math.ceil(count * URGENT_SHARE));
  const byAge = byUrgency.sort((one, other) => one.stack.readAt - other.stack.readAt);
  return [...first, ...byAge.slice(0, count - first.length)].map(({ stack }) => stack);
}

/** Notes that the events of a stack were read in a round. */
export function markRead(stack: WatchedStack, { listed }: Look, nowMs: number): void {
  const found = listed?.get(stack.stackId);
  if (found) stack.seenState = stateOf(found);
  stack.readAt = nowMs;
}

/** Changes with every operation on the stack, and with every step of one. */
function stateOf({ status, updatedAt }: StackSnapshot): string {
  return `${status} ${updatedAt?.getTime() ?? ''}`;
}

/**
 * A root that has ended is due until its events say so, because they may come later than the status. The first read of
 * one that is in progress can wait for its turn: many begin together.
 */
function hasChanged(stack: WatchedStack, listed: ReadonlyMap<string, StackSnapshot>): boolean {
  const found = listed.get(stack.stackId);
  if (!found) return stack.isRoot;
  if (stack.isRoot && !isInProgress(found.status)) return true;
  return stack.seenState !== undefined && stateOf(found) !== stack.seenState;
}
