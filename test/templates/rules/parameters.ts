import { finding } from './platform.ts';
import type { Rule } from './platform.ts';
import { references } from './references.ts';

/** Every parameter is used, and has a description. */
export const parametersUsed: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const used = references({ ...stack.template.document, Parameters: {} });
    return Object.entries(stack.template.Parameters).flatMap(([name, { Description = '' }]) => [
      ...(used.has(name) ? [] : [finding('parameters', stack, `${name} is not used`, name)]),
      ...(Description.endsWith('.') ? [] : [finding('parameters', stack, `${name} is not described`, name)]),
    ]);
  });
