import { setMaxListeners } from 'node:events';
import type { Clock, Context } from './context.ts';
import { TimeoutError } from './errors.ts';

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

/**
 * Works on all items, at most `most` at once. The first failure stops what has not begun; it is thrown when
 * what has begun is over.
 */
export async function inParallel<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items];
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
        rest.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}

/** Something to do once others are done. */
export interface Job {
  name: string;
  /** Names of jobs; those that are not among the given ones count as done. */
  after: readonly string[];
}

/** How a job ended. One that did not begin names what kept it. */
export type JobEnd<T> = { name: string; ok: boolean; value: T } | { name: string; ok: false; keptBy: string };

/**
 * Does every job as soon as all that it waits for is done, as many at once as there are. When one fails, those that
 * wait for it do not begin; all others go on. After a cancel nothing begins.
 *
 * @param jobs in any order, none of them waiting for itself.
 * @param work must not throw: it answers how it went.
 */
export async function inOrder<J extends Job, T>(
  jobs: readonly J[],
  signal: AbortSignal,
  work: (job: J) => Promise<{ ok: boolean; value: T }>,
): Promise<JobEnd<T>[]> {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const ends = new Map<string, Promise<JobEnd<T>>>();
  const endOf = (job: J): Promise<JobEnd<T>> => {
    const known = ends.get(job.name);
    if (known) return known;
    const needed = job.after.flatMap((name) => byName.get(name) ?? []).map(endOf);
    const end = begin(job, needed, signal, work);
    ends.set(job.name, end);
    return end;
  };
  return await Promise.all(jobs.map(endOf));
}

async function begin<J extends Job, T>(
  job: J,
  needed: readonly Promise<JobEnd<T>>[],
  signal: AbortSignal,
  work: (job: J) => Promise<{ ok: boolean; value: T }>,
): Promise<JobEnd<T>> {
  const { name } = job;
  const failed = (await Promise.all(needed)).find(({ ok }) => !ok);
  if (failed) return { name, ok: false, keptBy: 'keptBy' in failed ? failed.keptBy : failed.name };
  if (signal.aborted) return { name, ok: false, keptBy: '' };
  return { name, ...(await work(job)) };
}

/**
 * Does the work within a time limit, in real time.
 *
 * @param limit `what` is for the error's message: `the release of user-service`.
 * @param work gets a signal that is aborted with a TimeoutError at the limit, or with the reason of the given signal.
 * @throws the signal's reason when it was aborted before the work failed; else what the work throws.
 */
export async function withTimeLimit<T>(
  { signal: outer }: Pick<Context, 'signal'>,
  limit: { what: string; timeoutMs: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timedOut = new AbortController();
  const timer = setTimeout(() => {
    timedOut.abort(new TimeoutError(limit.what, limit.timeoutMs));
  }, limit.timeoutMs);
  const signal = AbortSignal.any([outer, timedOut.signal]);
  // Parallel work listens to it many times, which is no leak.
  setMaxListeners(0, signal);
  try {
    return await work(signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}
