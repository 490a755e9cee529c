import type { Clock } from './clock.ts';

const RECOVERY_MS = 60_000;
const SETTLE_MS = 1000;
const LOWEST_SHARE = 1 / 16;

/**
 * One token bucket for all parallel work, first come, first served. After throttling it runs at half the rate
 * and climbs back in a straight line, to the full rate within a minute.
 */
export class RateLimiter {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  /** When the bucket will be full again, in ms since the epoch. */
  #fullAt = -Infinity;
  #slowedAt = -Infinity;
  #slowedTo: number;

  constructor(options: { perSecond: number; burst: number; clock: Clock }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#clock = options.clock;
    this.#slowedTo = options.perSecond;
  }

  /** Waits for its turn; rejects with the signal's reason when it is aborted. */
  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const now = this.#clock.now();
    const interval = 1000 / this.#rate(now);
    const full = Math.max(this.#fullAt, now);
    this.#fullAt = full + interval;
    const wait = full - (this.#burst - 1) * interval - now;
    if (wait > 0) await this.#clock.sleep(wait, signal);
  }

  /** Halves the rate. Parallel calls that were throttled together count once. */
  slow(): void {
    const now = this.#clock.now();
    if (now - this.#slowedAt < SETTLE_MS) return;
    this.#slowedTo = Math.max(this.#rate(now) / 2, this.#perSecond * LOWEST_SHARE);
    this.#slowedAt = now;
  }

  #rate(now: number): number {
    const recovered = (this.#perSecond * (now - this.#slowedAt)) / RECOVERY_MS;
    return Math.min(this.#perSecond, this.#slowedTo + recovered);
  }
}
