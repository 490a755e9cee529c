import type { World } from '../world.ts';
import { nestedStacks } from './nested.ts';
import type { Work } from './resource-work.ts';
import { scopesOf } from './stack-scope.ts';
import type { Definition, Stack, StackOperation } from './stack.ts';
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
  world: World,
  stack: Stack,
  operation: StackOperation,
  definition: Definition | undefined,
  phase: Work['phase'],
  signal: AbortSignal = new AbortController().signal,
): Work {
  return {
    world,
    stack,
    operation,
    ...scopesOf(world, stack, definition ?? NO_DEFINITION),
    stackTags: definition?.tags ?? [],
    signal,
    phase,
    express: stack.deploymentConfig?.Mode === 'EXPRESS',
    nested: nestedStacks,
    failed: { create: new Set(), update: new Set(), delete: new Set() },
  };
}
