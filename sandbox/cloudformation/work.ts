import type { OperationRun, Work } from './resource-work.ts';
import { scopesOf } from './stack-scope.ts';
import type { Definition } from './stack.ts';
import { NO_DEFINITION } from './stack.ts';

/** Why the work on a stack stops before its end. */
export class WorkStopped extends Error {
  readonly why: 'failure' | 'cancelled' | 'deleted' | 'timeout';

  constructor(why: 'failure' | 'cancelled' | 'deleted' | 'timeout') {
    super(why);
    this.why = why;
  }
}

/** One pass over a stack's resources, by the functions of `definition`. */
export function workOf(
  run: OperationRun,
  definition: Definition | undefined,
  phase: Work['phase'],
  signal: AbortSignal = new AbortController().signal,
): Work {
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

/** "The following resource(s) failed to create: [A, B]. ", one sentence for each kind of work. */
export function failureText({ failed }: Work): string {
  return (['create', 'update', 'delete'] as const)
    .filter((verb) => failed[verb].size > 0)
    .map((verb) => `The following resource(s) failed to ${verb}: [${[...failed[verb]].join(', ')}]. `)
    .join('');
}
