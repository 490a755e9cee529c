import { deployStack } from '../cloudformation/deploy.ts';
import type { DeployStackInputs } from '../cloudformation/types.ts';
import type { Outcome } from '../runtime/outcome.ts';
import { runIdentity, type EnvironmentContext } from './context.ts';
import type { EnvironmentRequest } from './request.ts';
import type { StackTarget } from './targets.ts';

/** Runs a command of deploy-stack on a target. */
export function onStack(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  change: Partial<DeployStackInputs> = {},
): Promise<Outcome> {
  return context.cloudFormation().then((cloudFormation) => {
    const inputs = {
      ...target.inputs,
      allowReplace: allowedFor(target.name, request.allowReplace),
      allowDelete: allowedFor(target.name, request.allowDelete),
      timeoutMs: request.timeoutMs,
      ...change,
    };
    return deployStack(cloudFormation, inputs, runIdentity(context));
  });
}

/** `vpc/Table` allows Table in the stack vpc only; without a stack, a name counts in all of them. */
export function allowedFor(stack: string, names: readonly string[]): string[] {
  const prefix = `${stack}/`;
  return names.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
}
