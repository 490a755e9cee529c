import { randomUUID } from 'node:crypto';
import { classify, isNotFound } from '../aws/errors.ts';
import { type ChangeSetId, type ChangeSetRequest, createChangeSet, waitForChangeSet } from './change-set.ts';
import { failuresOf, saysNoChanges } from './change-set-failure.ts';
import { CLEAN_UP_MS, deleteChangeSet, removeChangeSet, removeShell } from './change-set-removal.ts';
import { type ChangeSetTree, readChangeSetTree } from './change-set-tree.ts';
import { annotateFindings, PlanFailedError } from './plan-failure.ts';
import { planOf } from './plan-of.ts';
import { hideSecrets } from './secrets.ts';
import { describeStack, isShell } from './stack.ts';
import { templateSource } from './template-source.ts';
import type {
  CloudFormationContext,
  DeployStackInputs,
  Plan,
  ResolvedParameter,
  StackSnapshot,
  Template,
} from './types.ts';
import { findingsOf, reasonFinding } from './validation.ts';

export { comparePlans } from './plan-difference.ts';

export interface PlanRequest {
  inputs: DeployStackInputs;
  template: Template;
  parameters: readonly ResolvedParameter[];
  tags: Record<string, string>;
  /** The stack as it is; undefined for a new one. */
  stack?: StackSnapshot;
  changeSetName: string;
  revertDrift?: boolean;
}

/** A plan that cannot be executed any more; `plan` is what it would have done, where AWS still tells. */
export interface GonePlan {
  gone: string;
  plan?: Plan;
}

export interface ExecutedPlan {
  executed: 'complete' | 'failed' | 'in-progress';
  plan: Plan;
}

/**
 * Makes a change set and reads what it will do. When there is nothing to change, the plan says so and its change
 * set is gone already.
 * @throws PlanFailedError when CloudFormation refuses it; its findings are annotated on the template. Whatever is
 * thrown, the change set, and the empty stack made for it, are deleted first, also when the job is cancelled.
 */
export async function createPlan(context: CloudFormationContext, request: PlanRequest): Promise<Plan> {
  hideSecrets(context, request.template, request.parameters);
  const { inputs, template, stack, changeSetName } = request;
  const kind = stack === undefined || isShell(stack.status) ? 'create' : 'update';
  const changeSet: ChangeSetRequest = {
    stackName: stack?.stackName ?? inputs.stackName,
    changeSetName,
    kind,
    source: await templateSource(context, template, inputs),
    parameters: request.parameters,
    tags: request.tags,
    inputs,
    revertDrift: request.revertDrift ?? false,
    nonce: randomUUID(),
  };
  try {
    return await makePlan(context, request, changeSet);
  } catch (error) {
    await removeChangeSet(context, changeSet);
    if (error instanceof PlanFailedError) annotateFindings(context, error.findings);
    throw error;
  }
}

async function makePlan(
  context: CloudFormationContext,
  { inputs, template, stack }: PlanRequest,
  changeSet: ChangeSetRequest,
): Promise<Plan> {
  const made = await requestChangeSet(context, changeSet, template);
  if (!made) return await planOf(context, withoutChangeSet(changeSet, stack), 'update', false);
  changeSet.made = made;
  const set = await waitForChangeSet(context, made.changeSetId, inputs.timeoutMs);
  if (set.Status !== 'FAILED') {
    const tree = await readChangeSetTree(context, { ChangeSetName: made.changeSetId });
    return await planOf(context, tree, changeSet.kind, true);
  }
  const failures = await failuresOf(context, set);
  if (failures.length > 0) {
    const findings = await findingsOf(context, failures, template);
    throw new PlanFailedError(inputs.stackName, findings);
  }
  const plan = await planOf(context, { set, changes: [], nested: [] }, changeSet.kind, false);
  await deleteChangeSet(context, made.changeSetId, CLEAN_UP_MS);
  return plan;
}

/** Undefined when the endpoint answers at once that there is nothing to change, as some that are not AWS do. */
async function requestChangeSet(
  context: CloudFormationContext,
  changeSet: ChangeSetRequest,
  template: Template,
): Promise<ChangeSetId | undefined> {
  try {
    return await createChangeSet(context, changeSet);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const { message } = error as Error;
    if (changeSet.kind === 'create' || !saysNoChanges(message)) {
      throw new PlanFailedError(changeSet.stackName, [reasonFinding(message, template)]);
    }
    await removeChangeSet(context, changeSet);
    return undefined;
  }
}

/** Whether CloudFormation understood the request and says no. */
function isRefusal(error: unknown): boolean {
  if (['validation', 'limit', 'conflict'].includes(classify(error))) return true;
  return error instanceof Error && error.name.startsWith('InsufficientCapabilities');
}

function withoutChangeSet(
  { stackName, changeSetName }: ChangeSetRequest,
  stack: StackSnapshot | undefined,
): ChangeSetTree {
  const set = { StackName: stackName, StackId: stack?.stackId, ChangeSetName: changeSetName };
  return { set, changes: [], nested: [] };
}

/**
 * Reads a plan again by its change set's name, as another job does before it executes it. Its fingerprint is
 * computed from what AWS gives, without the workspace.
 */
export async function readPlan(
  context: CloudFormationContext,
  stackName: string,
  changeSetName: string,
): Promise<Plan | GonePlan | ExecutedPlan> {
  const stack = await describeStack(context, stackName);
  if (!stack) return { gone: `there is no stack ${stackName}` };
  const tree = await findTree(context, stack, changeSetName);
  if (!tree)
    return { gone: `there is no change set ${changeSetName}: it was deleted, or another one was executed` };
  const { Status: status = '', ExecutionStatus: execution = '', StatusReason: reason } = tree.set;
  if (status !== 'CREATE_COMPLETE') return { gone: `it is ${status}${reason ? `: ${reason}` : ''}` };
  const kind = isShell(stack.status) || stack.status.startsWith('CREATE_') ? 'create' : 'update';
  const plan = await planOf(context, tree, kind, true);
  const executed = EXECUTED[execution];
  if (executed) return { executed, plan };
  if (execution === 'AVAILABLE') return { ...plan, kind: isShell(stack.status) ? 'create' : 'update' };
  return { gone: `it is ${execution}: the stack was changed since it was made`, plan };
}

const EXECUTED: Readonly<Record<string, ExecutedPlan['executed']>> = {
  EXECUTE_COMPLETE: 'complete',
  EXECUTE_FAILED: 'failed',
  EXECUTE_IN_PROGRESS: 'in-progress',
};

async function findTree(
  context: CloudFormationContext,
  stack: StackSnapshot,
  changeSetName: string,
): Promise<ChangeSetTree | undefined> {
  const address = { ChangeSetName: changeSetName, StackName: stack.stackId };
  try {
    return await readChangeSetTree(context, address, { executed: true });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Deletes the plan's change set and waits until it is gone; with `removeShell` also the empty stack it was made
 * in, unless another change set waits there.
 */
export async function discardPlan(
  context: CloudFormationContext,
  plan: Plan,
  options: { removeShell: boolean },
): Promise<void> {
  await deleteChangeSet(context, plan.changeSetId, CLEAN_UP_MS);
  if (options.removeShell && plan.kind === 'create') await removeShell(context, plan.stackId, CLEAN_UP_MS);
}
