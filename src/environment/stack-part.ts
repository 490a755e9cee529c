import { deployStack } from '../cloudformation/deploy.ts';
import type { CloudFormationContext, DeployStackInputs } from '../cloudformation/types.ts';
import { followChanged } from '../release/service/follow-changed.ts';
import type { Outcome } from '../runtime/outcome.ts';
import { runIdentity, type EnvironmentContext } from './context.ts';
import type { EnvironmentRequest } from './request.ts';
import { smokeTestOf } from './smoke-test.ts';
import type { StackTarget } from './targets.ts';

/** Runs a command of deploy-stack on a target. A service that it changes is followed, and tested where it pauses. */
export async function onStack(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  change: Partial<DeployStackInputs> = {},
): Promise<Outcome> {
  const smokeTest = target.service && smokeTestOf(request.choice.environment, target.service);
  const cloudFormation: CloudFormationContext = {
    ...(await context.cloudFormation()),
    followService: (service, signal) =>
      Promise.resolve(followChanged(context.services, service, signal, smokeTest)),
  };
  const inputs = {
    ...target.inputs,
    allowReplace: allowedFor(target.name, request.allowReplace),
    allowDelete: allowedFor(target.name, request.allowDelete),
    timeoutMs: request.timeoutMs,
    ...change,
  };
  return await deployStack(cloudFormation, inputs, runIdentity(context));
}

/** `vpc/Table` allows Table in the stack vpc only; without a stack, a name counts in all of them. */
export function allowedFor(stack: string, names: readonly string[]): string[] {
  const prefix = `${stack}/`;
  return names.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
}
