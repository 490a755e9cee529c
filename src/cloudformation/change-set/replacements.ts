import type { DeployStackInputs } from '../context.ts';
import { type StackSnapshot, hasFailedInExpressMode } from '../stack.ts';
import { effectOf, pathOf, type Plan, type ResourceChange } from './changes.ts';
import { plural } from '../../core/text.ts';

/** Whether a failed execution of the plan is left as it is. Express mode does so unless the change set says otherwise. */
function keepsFailures(
  { kind, settings }: Plan,
  onFailure: DeployStackInputs['onFailure'] | undefined,
): boolean {
  if (kind !== 'update') return false;
  const express = settings?.mode === 'EXPRESS' ? true : undefined;
  return settings?.disableRollback ?? express ?? onFailure === 'keep';
}

/**
 * Why CloudFormation refuses a plan: while rollback is off it replaces nothing, and leaves the stack in UPDATE_FAILED.
 * Undefined where it does not, also where CloudFormation decides about a replacement only as it executes the plan.
 *
 * @param onFailure what happens on failure where the change set does not say it.
 * @see https://github.com/aws/aws-cdk/issues/30546
 */
export function refusedReplacements(
  plan: Plan,
  onFailure: DeployStackInputs['onFailure'] | undefined,
  stack: StackSnapshot | undefined,
): string | undefined {
  const replaced = replacements(plan, onFailure, 'replace');
  if (replaced.length === 0) return undefined;
  return (
    `${replaced.map(named).join(', ')} ${replaced.length === 1 ? 'has' : 'have'} to be replaced, which CloudFormation refuses while rollback is off ` +
    `("Replacement type updates not supported on stack with disable-rollback"). ${wayOut(stack)}`
  );
}

/** The same for replacements that CloudFormation decides about as it executes the plan: a warning. */
export function possiblyRefusedReplacements(
  plan: Plan,
  onFailure: DeployStackInputs['onFailure'] | undefined,
): string | undefined {
  const maybe = replacements(plan, onFailure, 'maybe');
  if (maybe.length === 0) return undefined;
  return (
    `${plural(maybe.length, 'resource')} may have to be replaced (${maybe.map(named).join(', ')}), which CloudFormation refuses while rollback is off. ` +
    'If it does, the stack is left in UPDATE_FAILED. Run deploy-stack with on-failure: rollback to rule that out.'
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

/** A stack that was left as it failed takes no update that would roll back. */
function wayOut(stack: StackSnapshot | undefined): string {
  if (stack?.status !== 'UPDATE_FAILED') return 'Run deploy-stack with on-failure: rollback.';
  if (hasFailedInExpressMode(stack))
    return `${EXPRESS_RECOVERY} Then run deploy-stack with on-failure: rollback.`;
  return 'Run deploy-stack with on-failure: rollback and continue-rollback: true, which rolls the failed update back first.';
}

/**
 * What AWS accepts of a stack that failed in express mode: no RollbackStack, and no deployment in another mode.
 *
 * @see https://github.com/aws/aws-cdk-cli/issues/1739
 * @see https://github.com/aws/aws-cdk-cli/pull/1970
 */
export const EXPRESS_RECOVERY =
  'Run deploy-stack with the last good template and parameters, mode: express and on-failure: keep, or delete the stack: ' +
  'after a failure in express mode, CloudFormation rolls nothing back and takes no deployment in another mode.';

/** A change set cannot deploy again what changes nothing; UpdateStack can. */
export const EXPRESS_REPLAY =
  'Update the stack without a change set (aws cloudformation update-stack --deployment-config Mode=EXPRESS,DisableRollback=true with this template and its parameters), or delete it.';

function named(change: ResourceChange): string {
  return `${pathOf(change)} (${change.type})`;
}
