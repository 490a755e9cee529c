import type { DeployStackInputs } from '../context.ts';
import { type StackSnapshot, hasFailedInExpressMode } from '../stack.ts';
import { effectOf, pathOf, type Plan, type ResourceChange } from './changes.ts';
import { plural } from '../../core/text.ts';

/** Whether a failed execution of the plan is not rolled back. This is the default of express mode. */
function keepsFailures(
  { kind, settings }: Plan,
  onFailure: DeployStackInputs['onFailure'] | undefined,
): boolean {
  if (kind !== 'update') return false;
  const express = settings?.mode === 'EXPRESS' ? true : undefined;
  return settings?.disableRollback ?? express ?? onFailure === 'keep';
}

/**
 * Why CloudFormation would reject a plan: while rollback is disabled, it replaces no resources and leaves the stack in
 * UPDATE_FAILED. Undefined if it would not, or if it decides about the replacement only during the execution.
 *
 * @param onFailure the input, for a change set that does not set it.
 * @see https://github.com/aws/aws-cdk/issues/30546
 */
export function rejectedReplacements(
  plan: Plan,
  onFailure: DeployStackInputs['onFailure'] | undefined,
  stack: StackSnapshot | undefined,
): string | undefined {
  const replaced = replacements(plan, onFailure, 'replace');
  if (replaced.length === 0) return undefined;
  return (
    `${replaced.map(named).join(', ')} ${replaced.length === 1 ? 'has' : 'have'} to be replaced, which CloudFormation rejects while rollback is disabled ` +
    `("Replacement type updates not supported on stack with disable-rollback"). ${fixFor(stack)}`
  );
}

/** A warning about replacements that CloudFormation decides about only during the execution. */
export function possiblyRejectedReplacements(
  plan: Plan,
  onFailure: DeployStackInputs['onFailure'] | undefined,
): string | undefined {
  const maybe = replacements(plan, onFailure, 'maybe');
  if (maybe.length === 0) return undefined;
  return (
    `${plural(maybe.length, 'resource')} may have to be replaced (${maybe.map(named).join(', ')}), which CloudFormation rejects while rollback is disabled. ` +
    'The stack would then be left in UPDATE_FAILED. Run deploy-stack with on-failure: rollback to avoid that.'
  );
}

function replacements(
  plan: Plan,
  onFailure: DeployStackInputs['onFailure'] | undefined,
  effect: 'replace' | 'maybe',
): ResourceChange[] {
  if (!keepsFailures(plan, onFailure)) return [];
  return plan.changes.filter((change) => effectOf(change) === effect);
}

/** How to make the update with rollback enabled. A stack in UPDATE_FAILED accepts no such update. */
function fixFor(stack: StackSnapshot | undefined): string {
  if (stack?.status !== 'UPDATE_FAILED') return 'Run deploy-stack with on-failure: rollback.';
  if (hasFailedInExpressMode(stack))
    return `${EXPRESS_RECOVERY} Then run deploy-stack with on-failure: rollback.`;
  return 'Run deploy-stack with on-failure: rollback and continue-rollback: true, which first rolls back the failed update.';
}

/**
 * How to recover a stack that failed in express mode: AWS accepts neither RollbackStack nor a deployment in another mode.
 *
 * @see https://github.com/aws/aws-cdk-cli/issues/1739
 * @see https://github.com/aws/aws-cdk-cli/pull/1970
 */
export const EXPRESS_RECOVERY =
  'Run deploy-stack with the last good template and parameters, mode: express and on-failure: keep, or delete the stack. ' +
  'After a failure in express mode, CloudFormation does not roll back and accepts no deployment in another mode.';

/** How to deploy an unchanged template again: UpdateStack accepts it, a change set does not. */
export const EXPRESS_REPLAY =
  'Update the stack without a change set (aws cloudformation update-stack --deployment-config Mode=EXPRESS,DisableRollback=true with this template and its parameters), or delete it.';

function named(change: ResourceChange): string {
  return `${pathOf(change)} (${change.type})`;
}
