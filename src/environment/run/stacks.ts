import type { Session } from '../../aws/session.ts';
import { deployStack } from '../../cloudformation/commands/deploy-stack.ts';
import type { FollowService } from '../../cloudformation/execution/services.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../cloudformation/types.ts';
import type { Context } from '../../core/context.ts';
import type { StackResult } from '../../cloudformation/commands/result.ts';
import type { Outcome } from '../../core/outcome.ts';
import { presentedStack } from '../stack-outcome.ts';
import { followChanged } from '../../delivery/release/follow-changed.ts';
import { type EnvironmentContext, type EnvironmentRequest, runIdentity } from './context.ts';
import { smokeTestOf } from './services.ts';
import type { StackTarget } from './targets.ts';

/** Runs a command of deploy-stack on a target. A service that it changes is followed, and tested where it pauses. */
export async function onStack(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  change: Partial<DeployStackInputs> = {},
): Promise<StackResult> {
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

/** Runs a command of deploy-stack on a target, and presents how it ended. */
export async function stackOutcome(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  change: Partial<DeployStackInputs> = {},
): Promise<Outcome> {
  return presentedStack(context, await onStack(context, request, target, change));
}

/** `vpc/Table` allows Table in the stack vpc only; without a stack, a name counts in all of them. */
export function allowedFor(stack: string, names: readonly string[]): string[] {
  const prefix = `${stack}/`;
  return names.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
}

/** Follows the ECS services of a stack by their tasks. What that takes is loaded for the first of them. */
export function followServiceIn(session: Session, context: Context, env: NodeJS.ProcessEnv): FollowService {
  return async (service, signal) => {
    const [{ serviceContext }, { followChanged }] = await Promise.all([
      import('../../delivery/release/request.ts'),
      import('../../delivery/release/follow-changed.ts'),
    ]);
    return followChanged(serviceContext(session, context, env), service, signal);
  };
}
