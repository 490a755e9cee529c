import type { Graph } from './dependencies.ts';
import { reversed } from './dependencies.ts';

/**
 * Works through a graph: everything whose dependencies are done runs at the same time. `work` says whether it did
 * its part, and may call `ready` before it is done: what depends on it begins then. What depends on a failure never
 * begins, nor does anything after `signal` has been aborted. Ends when all that began has ended.
 */
export function walk(
  graph: Graph,
  work: (id: string, ready: () => void) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = new Map([...graph].map(([id, needed]) => [id, needed.length]));
  const dependents = reversed(graph);
  return new Promise((resolve, reject) => {
    let running = 0;
    const begin = (id: string): void => {
      running += 1;
      let released = false;
      const ready = (): void => {
        if (released || signal.aborted) return;
        released = true;
        release(id);
      };
      work(id, ready).then((done) => {
        if (done) ready();
        running -= 1;
        if (running === 0) resolve();
      }, reject);
    };
    const release = (id: string): void => {
      for (const name of dependents.get(id) ?? []) {
        const left = (waiting.get(name) ?? 0) - 1;
        waiting.set(name, left);
        if (left === 0) begin(name);
      }
    };
    const first = [...waiting].filter(([, count]) => count === 0);
    if (first.length === 0) resolve();
    for (const [id] of first) begin(id);
  });
}
