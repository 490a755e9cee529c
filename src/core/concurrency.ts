import { setMaxListeners } from 'node:events';
import { TimeoutError } from './errors.ts';

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

/** Work of which only so much runs at once, wherever in a run it comes up. */
export class Slots {
  readonly #most: number;
  readonly #waiting: Waiter[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Does the work as soon as a slot is free. The most urgent goes first, then what came first.
   *
   * @param waiting says that it waits.
   * @throws the signal's reason when it is aborted before the work begins; what the work throws.
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
      // The next one takes the slot over.
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
 * @param run must not throw: it answers how it went. The urgency is the length of the longest chain of nodes that wait
 * for this one, and less than 1 more the longer the chain before it is.
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
 * For each node, the length of the longest chain of nodes that wait for it. Of equal ones the node with the longer chain
 * before it comes first: it begins late.
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

/** The length of the longest chain that begins with a node, by its name. */
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
