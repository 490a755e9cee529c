import { isStopSignal } from '../cancellation.ts';
import type { Clock } from '../clock.ts';

const RECOVERY_MS = 60_000;
const SETTLE_MS = 1000;
/**
 * Others that use the account may need as much as this run. Below this share it is each refused call's own backoff that
 * slows it down: a lower one would make a run that is refused by chance, and not by its rate, take many times as long.
 */
const LOWEST_SHARE = 1 / 4;
/** Less of a token than this is a rounding error. */
const ROUNDING = 1e-9;
/** A cancelled run has about 6 s to stop what it started: so many calls are sent without a wait. */
const STOPS_AT_ONCE = 100;

/** What a bucket takes: `burst` calls at once, then `perSecond`. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** How a call waits for its turn. */
export interface Turn {
  /** Ends the wait with its reason. One of `stopSignal` does not wait behind the work that it stops. */
  signal?: AbortSignal | undefined;
  /** The highest goes first, and of equal ones the first that came. Default, 0. */
  urgency?: number | undefined;
}

/** The limits of all parallel work, each with a bucket of its own: what one service refuses slows no other one. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #rate: Rate | undefined;
  readonly #buckets = new Map<string, RateBucket>();

  /** @param options with a rate, it is that of every bucket, in place of the bucket's own. */
  constructor(options: { clock: Clock } | ({ clock: Clock } & Rate)) {
    this.#clock = options.clock;
    this.#rate = 'perSecond' in options ? options : undefined;
  }

  /** The bucket of a name; full when it is first asked for. */
  bucket(name: string, rate: Rate): RateBucket {
    const known = this.#buckets.get(name) ?? new RateBucket(this.#rate ?? rate, this.#clock);
    this.#buckets.set(name, known);
    return known;
  }
}

/**
 * A token bucket with a queue. A call that is throttled empties it: AWS's has fewer tokens. One that had waited for its
 * token halves the rate too, which climbs back in a straight line, to the full one within a minute.
 *
 * Calls with a stop signal have a lane of their own, of a larger burst: a cancelled run has seconds to stop everything,
 * and AWS refuses what is too much, which is sent again. Their tokens are missing to the work.
 */
export class RateBucket {
  readonly #work: TokenQueue;
  readonly #stops: TokenQueue;

  constructor(rate: Rate, clock: Clock) {
    this.#work = new TokenQueue(rate, clock);
    this.#stops = new TokenQueue({ ...rate, burst: Math.max(rate.burst, STOPS_AT_ONCE) }, clock);
  }

  /**
   * Waits for its turn; rejects with the signal's reason when it is aborted, and gives its place to the next.
   *
   * @returns whether the work has used up the burst, so that a refusal of this call is one of the rate.
   */
  async take(turn: Turn = {}): Promise<boolean> {
    if (!turn.signal || !isStopSignal(turn.signal)) return await this.#work.take(turn);
    await this.#stops.take(turn);
    this.#work.spend();
    return false;
  }

  /**
   * Says that AWS has throttled a call. Parallel calls that were throttled together count once.
   *
   * @param waited what `take` answered.
   */
  slow(waited: boolean): void {
    this.#work.slow(waited);
  }
}

/** Those that wait for their turn: by urgency, then in the order in which they came. */
class WaitingList {
  readonly #lanes = new Map<number, Set<() => void>>();
  #urgencies: number[] = [];

  add(urgency: number, go: () => void): void {
    const lane = this.#lanes.get(urgency);
    if (lane) {
      lane.add(go);
      return;
    }
    this.#lanes.set(urgency, new Set([go]));
    this.#urgencies = [...this.#lanes.keys()].sort((one, other) => other - one);
  }

  remove(urgency: number, go: () => void): void {
    const lane = this.#lanes.get(urgency);
    lane?.delete(go);
    if (lane?.size !== 0) return;
    this.#lanes.delete(urgency);
    this.#urgencies = this.#urgencies.filter((other) => other !== urgency);
  }

  isEmpty(): boolean {
    return this.#lanes.size === 0;
  }

  /** Takes the first one off the list. */
  shift(): (() => void) | undefined {
    const [urgency = 0] = this.#urgencies;
    const [first] = this.#lanes.get(urgency) ?? [];
    if (first) this.remove(urgency, first);
    return first;
  }
}

/** A token bucket with a queue. Aborted waiters leave the queue at once, and take no token. */
class TokenQueue {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #waiting = new WaitingList();
  #tokens: number;
  /** When the tokens were counted last, in ms since the epoch. */
  #countedAt = -Infinity;
  #slowedAt = -Infinity;
  #slowedTo: number;
  /** Ends the sleep until the next token. */
  #sleeping: AbortController | undefined;

  constructor({ perSecond, burst }: Rate, clock: Clock) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#clock = clock;
    this.#slowedTo = perSecond;
    this.#tokens = burst;
  }

  async take({ signal, urgency = 0 }: Turn): Promise<boolean> {
    signal?.throwIfAborted();
    if (this.#waiting.isEmpty() && this.#missing() === 0) {
      this.#tokens--;
      return false;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.remove(urgency, go);
        // Nothing is left to be woken, and a timer would keep the process alive.
        if (this.#waiting.isEmpty()) this.#sleeping?.abort();
        reject(signal?.reason as Error);
      };
      const go = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(urgency, go);
      if (!this.#sleeping) void this.#serve();
    });
    return true;
  }

  /** Takes a token without a wait. AWS's bucket is never less than empty: what it refuses takes none. */
  spend(): void {
    this.#count(this.#clock.now());
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  slow(waited: boolean): void {
    const now = this.#clock.now();
    if (now - this.#slowedAt < SETTLE_MS) return;
    this.#count(now);
    this.#tokens = 0;
    const rate = this.#rate(now);
    this.#slowedTo = waited ? Math.max(rate / 2, this.#perSecond * LOWEST_SHARE) : rate;
    this.#slowedAt = now;
  }

  /** Lets one waiter go after the other, until none is left. */
  async #serve(): Promise<void> {
    while (!this.#waiting.isEmpty()) {
      const missing = this.#missing();
      if (missing === 0) {
        this.#tokens--;
        this.#waiting.shift()?.();
        continue;
      }
      const sleeping = new AbortController();
      this.#sleeping = sleeping;
      const wait = Math.ceil((missing * 1000) / this.#rate(this.#clock.now()));
      await this.#clock.sleep(wait, sleeping.signal).catch(() => undefined);
    }
    this.#sleeping = undefined;
  }

  /** The part of a token that the next one has to wait for. */
  #missing(): number {
    this.#count(this.#clock.now());
    const missing = 1 - this.#tokens;
    return missing > ROUNDING ? missing : 0;
  }

  #count(now: number): void {
    // A clock that is set back takes no token away.
    const elapsedMs = Math.max(0, now - this.#countedAt);
    // The burst is full at first: -Infinity is before any time.
    this.#tokens = Math.min(this.#burst, this.#tokens + (this.#rate(now) * elapsedMs) / 1000);
    this.#countedAt = now;
  }

  #rate(now: number): number {
    const recovered = (this.#perSecond * (now - this.#slowedAt)) / RECOVERY_MS;
    return Math.min(this.#perSecond, this.#slowedTo + recovered);
  }
}
