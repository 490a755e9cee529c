import type { Plan } from '../../cloudformation/change-set/changes.ts';
import { discardPlan } from '../../cloudformation/change-set/remove.ts';
import type { StackCommandContext } from '../../cloudformation/command-run.ts';
import { deployStack } from '../../cloudformation/commands/deploy-stack.ts';
import { STACK_VERDICTS, type StackResult } from '../../cloudformation/commands/result.ts';
import type { DeployStackInputs } from '../../cloudformation/context.ts';
import { followChangedService } from '../../delivery/rollout/follow-changed-service.ts';
import { describeCatchUp } from '../service/catch-up.ts';
import { type EnvironmentContext, type EnvironmentRequest, runIdentity } from './context.ts';
import { runningRevisionOf } from './follow-service.ts';
import type { StackEnd } from './result.ts';
import { smokeTestOf, type StackTarget } from './targets.ts';

/**
 * Runs a deploy-stack command on a target. A service that it changes is followed, and tested at its PAUSE hooks.
 *
 * @param approved the plan for `apply`, if this run has read it.
 */
export async function runStackCommand(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  target: StackTarget,
  change: Partial<DeployStackInputs> = {},
  approved?: Plan,
): Promise<StackResult> {
  const smokeTest = smokeTestOf(request.choice.environment, target.service?.smokeTest);
  const cloudFormation: StackCommandContext = {
    ...(await context.cloudFormation()),
    followService: (service, signal) =>
      Promise.resolve(followChangedService(context.services, service, signal, smokeTest)),
    runningRevision: (arn) => runningRevisionOf(context.services, arn),
    ...(approved && { approved }),
    ...(target.service && { isInEffect: (plan) => describeCatchUp(context.services, plan) }),
  };
  const inputs = {
    ...target.inputs,
    allowReplace: allowedFor(target.name, request.allowReplace),
    allowDelete: allowedFor(target.name, request.allowDelete),
    allowTrafficReset: allowedFor(target.name, request.allowTrafficReset),
    timeoutMs: request.timeoutMs,
    failFast: request.failFast,
    ...change,
  };
  return await deployStack(cloudFormation, inputs, runIdentity(context));
}

/** The result of a part that was a command on its stack. */
export function stackEnd(result: StackResult): StackEnd {
  const { verdict, reason } = result;
  return { verdict, ok: STACK_VERDICTS[verdict].ok, reason, work: { kind: 'stack', result } };
}

/** How a stack is changed: by a deployment for `deploy`, by its plan for `apply`. */
export interface StackWork {
  change: (context: EnvironmentContext, target: StackTarget) => Promise<StackEnd>;
  /** The plan that `change` executes; undefined if there is none. */
  plan: (context: EnvironmentContext, target: StackTarget) => Promise<Plan | undefined>;
  /** Deletes the change set of `plan`, unless it was executed. Never throws. */
  discard: (context: EnvironmentContext, target: StackTarget) => Promise<void>;
}

/** Changes stacks by deployments. A stack that was planned is changed by that plan. */
export function deployingStacks(request: EnvironmentRequest): StackWork {
  const planned = new Map<StackTarget, StackResult>();
  return {
    change: async (context, target) => {
      const result = planned.get(target);
      // A plan does not change settings of the stack itself.
      if (result?.verdict === 'unchanged' && target.inputs.stackPolicy === undefined) return stackEnd(result);
      if (result?.verdict !== 'planned') return stackEnd(await runStackCommand(context, request, target));
      const { changeSetName: plan, fingerprint } = result.plan;
      const inputs = { command: 'apply', plan, fingerprint } as const;
      const applied = await runStackCommand(context, request, target, inputs, result.plan);
      if (applied.verdict !== 'blocked' && applied.verdict !== 'plan-changed') planned.delete(target);
      return stackEnd(applied);
    },
    plan: async (context, target) => {
      const result = await runStackCommand(context, request, target, { command: 'plan' });
      planned.set(target, result);
      return result.verdict === 'planned' ? result.plan : undefined;
    },
    discard: async (context, target) => {
      const result = planned.get(target);
      if (result?.verdict === 'planned') await discardPlan(await context.cloudFormation(), result.plan);
    },
  };
}

/** `vpc/Table` allows Table only in the stack vpc; a name without a stack applies to all stacks. */
export function allowedFor(stack: string, names: readonly string[]): string[] {
  const prefix = `${stack}/`;
  return names.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
}
