import type { OperationRun, ResourcePass } from '../resources/provisioning.ts';
import { type Graph, reverseGraph } from '../templates/dependencies.ts';
import { scopesOf } from './stack-scope.ts';
import { type Definition, NO_DEFINITION } from './stack.ts';

/** Why an operation stops early. */
export class OperationStopped extends Error {
  readonly why: 'failure' | 'cancelled' | 'deleted' | 'timeout' | 'alarm';

  constructor(why: 'failure' | 'cancelled' | 'deleted' | 'timeout' | 'alarm') {
    super(why);
    this.why = why;
  }
}

/** One pass over a stack's resources, with the functions of `definition`. */
export function newResourcePass(
  run: OperationRun,
  definition: Definition | undefined,
  phase: ResourcePass['phase'],
  signal: AbortSignal = new AbortController().signal,
): ResourcePass {
  const { world, stack, operation, nested } = run;
  return {
    world,
    stack,
    operation,
    nested,
    ...scopesOf(world, stack, definition ?? NO_DEFINITION),
    stackTags: definition?.tags ?? [],
    signal,
    phase,
    express: stack.deploymentConfig?.Mode === 'EXPRESS',
    failed: { create: new Set(), update: new Set(), delete: new Set() },
  };
}

/** "The following resource(s) failed to create: [A, B]. ", one sentence per action. */
export function failureText({ failed }: ResourcePass): string {
  return (['create', 'update', 'delete'] as const)
    .filter((verb) => failed[verb].size > 0)
    .map((verb) => `The following resource(s) failed to ${verb}: [${[...failed[verb]].join(', ')}]. `)
    .join('');
}

/**
 * Processes a graph in parallel: a node starts when its dependencies are done. `work` returns whether it succeeded, and
 * may call `ready` earlier to start its dependents. Dependents of a failure never start, and nothing starts after
 * `signal` is aborted. Resolves when everything that started has ended.
 */
export function walkGraph(
  graph: Graph,
  work: (id: string, ready: () => void) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const waiting = new Map([...graph].map(([id, needed]) => [id, needed.length]));
  const dependents = reverseGraph(graph);
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
