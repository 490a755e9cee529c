import { setMaxListeners } from 'node:events';
import { isStopSignal } from './cancellation.ts';
import type { Clock } from './clock.ts';
import { TimeoutError } from './errors.ts';

const RECOVERY_MS = 60_000;
const SETTLE_MS = 1000;
const LOWEST_SHARE = 1 / 16;
/** Less of a token than this is a rounding error. */
const ROUNDING = 1e-9;

/**
 * The rate of all parallel work: first come, first served. After throttling it runs at half the rate and climbs back
 * in a straight line, to the full rate within a minute.
 *
 * Calls with a stop signal (see `stopSignal`) have a lane of their own: what stops or rolls back does not wait behind
 * the work that it stops.
 */
export class RateLimiter {
  readonly #work: TokenQueue;
  readonly #stops: TokenQueue;

  constructor(options: { perSecond: number; burst: number; clock: Clock }) {
    this.#work = new TokenQueue(options);
    this.#stops = new TokenQueue(options);
  }

  /** Waits for its turn; rejects with the signal's reason when it is aborted, and gives its place to the next. */
  async take(signal?: AbortSignal): Promise<void> {
    await (signal && isStopSignal(signal) ? this.#stops : this.#work).take(signal);
  }

  /** Halves the rate. Parallel calls that were throttled together count once. */
  slow(): void {
    this.#work.slow();
  }
}

/** One that waits for its turn. */
interface Waiter {
  go(): void;
}

/** A token bucket with a queue. Aborted waiters leave the queue at once, and take no token. */
class TokenQueue {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();
  #tokens: number;
  /** When the tokens were counted last, in ms since the epoch. */
  #countedAt = -Infinity;
  #slowedAt = -Infinity;
  #slowedTo: number;
  /** Ends the sleep until the next token. */
  #sleeping: AbortController | undefined;

  constructor(options: { perSecond: number; burst: number; clock: Clock }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#clock = options.clock;
    this.#slowedTo = options.perSecond;
    this.#tokens = options.burst;
  }

  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting.size === 0 && this.#missing() === 0) {
      this.#tokens--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter);
        // Nobody is left to be woken, and a timer would keep the process alive.
        if (this.#waiting.size === 0) this.#sleeping?.abort();
        reject(signal?.reason as Error);
      };
      const waiter = {
        go: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(waiter);
      if (!this.#sleeping) void this.#serve();
    });
  }

  slow(): void {
    const now = this.#clock.now();
    if (now - this.#slowedAt < SETTLE_MS) return;
    this.#count(now);
    this.#slowedTo = Math.max(this.#rate(now) / 2, this.#perSecond * LOWEST_SHARE);
    this.#slowedAt = now;
  }

  /** Lets one waiter go after the other, until none is left. */
  async #serve(): Promise<void> {
    while (this.#waiting.size > 0) {
      const missing = this.#missing();
      if (missing > 0) {
        const sleeping = new AbortController();
        this.#sleeping = sleeping;
        const wait = Math.ceil((missing * 1000) / this.#rate(this.#clock.now()));
        await this.#clock.sleep(wait, sleeping.signal).catch(() => undefined);
        continue;
      }
      const [first] = this.#waiting;
      if (!first) break;
      this.#waiting.delete(first);
      this.#tokens--;
      first.go();
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
    const elapsedMs = now - this.#countedAt;
    // The burst is full at first: -Infinity is before any time.
    this.#tokens = Math.min(this.#burst, this.#tokens + (this.#rate(now) * elapsedMs) / 1000);
    this.#countedAt = now;
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
  const failures: unknown[] = [];
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}

/** A node of a graph of work. */
export interface GraphNode {
  name: string;
  /** Names of the nodes that have to be done before; those that are not among the given ones count as done. */
  after: readonly string[];
}

/**
 * How a node ended. One that did not begin names the node whose failure blocked it; the name is empty after a
 * cancel.
 */
type NodeResult<T> = { name: string; ok: boolean; value: T } | { name: string; ok: false; blockedBy: string };

/**
 * Runs every node as soon as all nodes before it are done, as many at once as there are. When one fails, those that
 * wait for it do not begin; all others go on. After a cancel nothing begins.
 *
 * @param nodes in any order, none of them waiting for itself.
 * @param run must not throw: it answers how it went.
 */
export async function runGraph<N extends GraphNode, T>(
  nodes: readonly N[],
  signal: AbortSignal,
  run: (node: N) => Promise<{ ok: boolean; value: T }>,
): Promise<NodeResult<T>[]> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const results = new Map<string, Promise<NodeResult<T>>>();
  const resultOf = (node: N): Promise<NodeResult<T>> => {
    const known = results.get(node.name);
    if (known) return known;
    const before = node.after.flatMap((name) => byName.get(name) ?? []).map(resultOf);
    const result = runNode(node, before, signal, run);
    results.set(node.name, result);
    return result;
  };
  return await Promise.all(nodes.map(resultOf));
}

async function runNode<N extends GraphNode, T>(
  node: N,
  before: readonly Promise<NodeResult<T>>[],
  signal: AbortSignal,
  run: (node: N) => Promise<{ ok: boolean; value: T }>,
): Promise<NodeResult<T>> {
  const { name } = node;
  const failed = (await Promise.all(before)).find(({ ok }) => !ok);
  if (failed) return { name, ok: false, blockedBy: 'blockedBy' in failed ? failed.blockedBy : failed.name };
  if (signal.aborted) return { name, ok: false, blockedBy: '' };
  return { name, ...(await run(node)) };
}

/**
 * Does the work within a time limit, in real time.
 *
 * @param limit `what` is for the error's message: `the release of user-service`.
 * @param work gets a signal that is aborted with a TimeoutError at the limit, or with the reason of the given signal.
 * @throws the signal's reason when it was aborted before the work failed; else what the work throws.
 */
export async function withTimeLimit<T>(
  { signal: outer }: { signal: AbortSignal },
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
