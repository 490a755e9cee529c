import { setMaxListeners } from 'node:events';
import { TimeoutError } from './errors.ts';

/**
 * Runs `work` for all items, at most `most` at a time. After the first failure no further item starts; the failure is
 * thrown when the running ones have finished.
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

/** Limits how much work runs at the same time, across a whole run. */
export class Slots {
  readonly #most: number;
  readonly #waiting: Waiter[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Runs the work as soon as a slot is free: the most urgent first, then in order of arrival.
   *
   * @param waiting called if the work has to wait for a slot.
   * @throws the signal's reason if it is aborted before the work starts; otherwise the error of the work.
   */
  async run<T>(
    { signal, urgency = 0 }: { signal: AbortSignal; urgency?: number },
    work: () => Promise<T>,
    waiting: (most: number) => void = () => undefined,
  ): Promise<T> {
    signal.throwIfAborted();
    if (this.#running < this.#most) {
      this.#running++;
    } else {
      waiting(this.#most);
      await this.#turn(signal, urgency);
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Hands the slot over to the next waiter.
      if (next) next.go();
      else this.#running--;
    }
  }

  #turn(signal: AbortSignal, urgency: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        urgency,
        go: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      const behind = this.#waiting.findIndex((other) => other.urgency < urgency);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiter);
    });
  }
}

/** Work that waits for a slot. */
interface Waiter {
  urgency: number;
  go(): void;
}

/** A node of a graph of work. */
export interface GraphNode {
  name: string;
  /** Names of the nodes that must complete first. Names that are not in the graph count as completed. */
  after: readonly string[];
}

/**
 * The result of a node. A node that did not start has the name of the failed node that blocked it, or an empty name
 * after a cancellation.
 */
type NodeResult<T> = { name: string; ok: boolean; value: T } | { name: string; ok: false; blockedBy: string };

/**
 * Runs every node as soon as all nodes before it have completed, with no limit on parallelism. If a node fails, the
 * nodes that depend on it do not start; all others continue. After a cancellation no further node starts.
 *
 * @param nodes in any order, without cycles.
 * @param run must not throw; it returns the result. Its urgency is the length of the longest chain of nodes that
 *   depend on this one, plus a fraction below 1 that grows with the longest chain before it.
 */
export async function runGraph<N extends GraphNode, T>(
  nodes: readonly N[],
  signal: AbortSignal,
  run: (node: N, urgency: number) => Promise<{ ok: boolean; value: T }>,
): Promise<NodeResult<T>[]> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const urgencyOf = urgencies(nodes);
  const results = new Map<string, Promise<NodeResult<T>>>();
  const resultOf = (node: N): Promise<NodeResult<T>> => {
    const known = results.get(node.name);
    if (known) return known;
    const before = node.after.flatMap((name) => byName.get(name) ?? []).map(resultOf);
    const result = runNode(node, before, signal, (ready) => run(ready, urgencyOf(ready)));
    results.set(node.name, result);
    return result;
  };
  return await Promise.all(nodes.map(resultOf));
}

/**
 * For each node, the length of the longest chain of nodes that depend on it. Ties go to the node with the longer chain
 * before it, because that one starts late.
 */
function urgencies(nodes: readonly GraphNode[]): (node: GraphNode) => number {
  const waiting = new Map<string, string[]>();
  for (const { name, after } of nodes) {
    for (const one of after) {
      const names = waiting.get(one) ?? [];
      names.push(name);
      waiting.set(one, names);
    }
  }
  const afterOf = new Map(nodes.map(({ name, after }) => [name, after]));
  const behind = chainLengths((name) => waiting.get(name) ?? []);
  const before = chainLengths((name) => (afterOf.get(name) ?? []).filter((one) => afterOf.has(one)));
  return ({ name }) => behind(name) + before(name) / nodes.length;
}

/** The length of the longest chain that starts at a node, by its name. */
function chainLengths(next: (name: string) => readonly string[]): (name: string) => number {
  const lengths = new Map<string, number>();
  const lengthOf = (name: string): number => {
    const length =
      lengths.get(name) ?? next(name).reduce((most, one) => Math.max(most, 1 + lengthOf(one)), 0);
    lengths.set(name, length);
    return length;
  };
  return lengthOf;
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
 * Runs the work with a time limit, in real time.
 *
 * @param limit `what` is the subject of the error message: `the release of user-service`.
 * @param work receives a signal that aborts with a TimeoutError at the limit, or with the reason of the given signal.
 * @throws the signal's reason if it was aborted before the work failed; otherwise the error of the work.
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
  // Parallel work adds many listeners to it, which is not a leak.
  setMaxListeners(0, signal);
  try {
    return await work(signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}
