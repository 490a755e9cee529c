import { isStopSignal } from '../cancellation.ts';
import type { Clock } from '../clock.ts';

const RECOVERY_MS = 60_000;
const SETTLE_MS = 1000;
/**
 * Lowest share of the configured rate. Other clients of the account may need as much as this run. Below this share,
 * the backoff of each throttled call slows the run down; a lower rate would multiply the duration of a run that was
 * throttled by chance.
 */
const LOWEST_SHARE = 1 / 4;
/** A missing fraction of a token below this is a rounding error. */
const ROUNDING = 1e-9;
/** A cancelled run has about 6 s to stop its operations, so this many calls are sent without waiting. */
const STOPS_AT_ONCE = 100;

/** Rate of a bucket: `burst` calls at once, then `perSecond`. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** How a call waits for a token. */
export interface Turn {
  /** Ends the wait with its reason. A signal from `stopSignal` does not wait behind other calls. */
  signal?: AbortSignal | undefined;
  /** Higher values go first, equal ones in order of arrival. Default: 0. */
  urgency?: number | undefined;
}

/**
 * Rate limits for all parallel work. Each bucket is independent: throttling by one service does not slow the others.
 */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #rate: Rate | undefined;
  readonly #buckets = new Map<string, RateBucket>();

  /** @param options a rate, if given, applies to every bucket instead of its own. */
  constructor(options: { clock: Clock } | ({ clock: Clock } & Rate)) {
    this.#clock = options.clock;
    this.#rate = 'perSecond' in options ? options : undefined;
  }

  /** The bucket with this name, created full. */
  bucket(name: string, rate: Rate): RateBucket {
    const known = this.#buckets.get(name) ?? new RateBucket(this.#rate ?? rate, this.#clock);
    this.#buckets.set(name, known);
    return known;
  }
}

/**
 * A token bucket with a queue. A throttled call empties it, because AWS's bucket has fewer tokens. If the call had
 * waited for its token, the rate is also halved; it recovers linearly within a minute.
 *
 * Calls with a stop signal have their own queue with a larger burst: a cancelled run has seconds to stop everything,
 * and calls that AWS throttles are retried. Their tokens are also taken from the main queue.
 */
export class RateBucket {
  readonly #work: TokenQueue;
  readonly #stops: TokenQueue;

  constructor(rate: Rate, clock: Clock) {
    this.#work = new TokenQueue(rate, clock);
    this.#stops = new TokenQueue({ ...rate, burst: Math.max(rate.burst, STOPS_AT_ONCE) }, clock);
  }

  /**
   * Waits for a token. Rejects with the signal's reason if it is aborted, and leaves the queue.
   *
   * @returns whether the call had to wait, so that throttling of it means that the rate is too high.
   */
  async take(turn: Turn = {}): Promise<boolean> {
    if (!turn.signal || !isStopSignal(turn.signal)) return await this.#work.take(turn);
    await this.#stops.take(turn);
    this.#work.spend();
    return false;
  }

  /**
   * Reports that AWS has throttled a call. Parallel calls that were throttled together count once.
   *
   * @param waited the result of `take`.
   */
  throttled(waited: boolean): void {
    this.#work.throttled(waited);
  }
}

/** Waiting calls, by urgency and then in order of arrival. */
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

  /** Removes and returns the first call. */
  shift(): (() => void) | undefined {
    const [urgency = 0] = this.#urgencies;
    const [first] = this.#lanes.get(urgency) ?? [];
    if (first) this.remove(urgency, first);
    return first;
  }
}

/** A token bucket with a queue. Aborted calls leave the queue immediately and take no token. */
class TokenQueue {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #waiting = new WaitingList();
  #tokens: number;
  /** Time of the last token count, in milliseconds since the epoch. */
  #countedAt = -Infinity;
  #slowedAt = -Infinity;
  #slowedTo: number;
  /** Aborts the sleep until the next token. */
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
        // No call is waiting, and a timer would keep the process alive.
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

  /** Takes a token without waiting. AWS's bucket is never below empty: throttled calls take no token. */
  spend(): void {
    this.#count(this.#clock.now());
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  throttled(waited: boolean): void {
    const now = this.#clock.now();
    if (now - this.#slowedAt < SETTLE_MS) return;
    this.#count(now);
    this.#tokens = 0;
    const rate = this.#rate(now);
    this.#slowedTo = waited ? Math.max(rate / 2, this.#perSecond * LOWEST_SHARE) : rate;
    this.#slowedAt = now;
  }

  /** Releases the waiting calls one by one. */
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

  /** The fraction of a token that the next call has to wait for. */
  #missing(): number {
    this.#count(this.#clock.now());
    const missing = 1 - this.#tokens;
    return missing > ROUNDING ? missing : 0;
  }

  #count(now: number): void {
    // A clock that is set back must not remove tokens.
    const elapsedMs = Math.max(0, now - this.#countedAt);
    // The bucket starts full: -Infinity precedes any time.
    this.#tokens = Math.min(this.#burst, this.#tokens + (this.#rate(now) * elapsedMs) / 1000);
    this.#countedAt = now;
  }

  #rate(now: number): number {
    const recovered = (this.#perSecond * (now - this.#slowedAt)) / RECOVERY_MS;
    return Math.min(this.#perSecond, this.#slowedTo + recovered);
  }
}
