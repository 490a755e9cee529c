import type { StackResult } from '../cloudformation/commands/result.ts';
import type { Context } from '../core/context.ts';
import type { Outcome } from '../core/outcome.ts';
import { presentStack } from '../present/stack.ts';

/** A stack's result as an outcome. Its warnings and errors are annotated; a notice is about its own outputs only. */
export function presentedStack({ annotations }: Pick<Context, 'annotations'>, result: StackResult): Outcome {
  const outcome = presentStack(result);
  for (const annotation of outcome.annotations ?? []) {
    if (annotation.level !== 'notice') annotations.add(annotation);
  }
  return outcome;
}
