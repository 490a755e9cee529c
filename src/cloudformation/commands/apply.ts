import { isThrottle } from '../../aws/errors.ts';
import { planHeadline, type Plan } from '../change-set/changes.ts';
import { InputError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { discardChangeSet } from '../execution/cancel.ts';
import { PlanUnavailableError } from '../execution/execute.ts';
import {
  blockedResult,
  executeAndVerify,
  guardFindings,
  loadSource,
  planStack,
  readSettings,
  requireRollback,
  type Source,
  unchangedResult,
} from './deploy.ts';
import { type PreparedStack, prepareStack } from '../execution/recover.ts';
import type { CommandResult } from './result.ts';
import { comparePlans } from '../change-set/fingerprint.ts';
import { type ExecutedPlan, type UnavailablePlan, readPlan, logPlan } from '../change-set/plan.ts';
import { storedDifferences } from '../change-set/stored-values.ts';
import type { StackSnapshot } from '../stack.ts';
import { changesSoFar, timeLeft, type CommandRun } from '../command-run.ts';

/** Executes exactly the approved plan, or nothing. */
export async function apply(run: CommandRun): Promise<CommandResult> {
  const approved = readApproval(run);
  const source = run.inputs.template === undefined ? undefined : await loadSource(run);
  const settings = readSettings(run);
  const prepared = await prepareStack(run);
  const found = run.context.approved ?? (await readApprovedPlan(run, approved.plan));
  if ('executed' in found) return alreadyExecutedResult(found, prepared);
  const plan = 'unavailable' in found ? await recreatePlan(run, approved, found, source, prepared) : found;
  if ('verdict' in plan) return plan;
  if (!('unavailable' in found)) {
    run.known = { plan, ...(prepared.stack ? { before: prepared.stack } : {}) };
    logPlan(run.context, plan);
  }
  if (plan.fingerprint !== approved.fingerprint)
    return await planChangedResult(run, approved, plan, undefined);
  if (!plan.hasChanges && prepared.stack) return await unchangedResult(run, plan, prepared.stack, settings);
  requireRollback(run, plan, prepared.stack);
  const guard = await guardFindings(run, plan, source?.template);
  if (guard.length > 0) return blockedResult(run, guard);
  const stale = await storedDifferences(run.context, plan, run.inputs.intendedValues);
  if (stale.length > 0) return await staleResult(run, plan, stale);
  try {
    return await executeAndVerify(run, plan, settings, source?.template);
  } catch (error) {
    if (!(error instanceof PlanUnavailableError)) throw error;
    run.context.log.info(`${error.message} Reading it again.`);
    run.context = { ...run.context };
    delete run.context.approved;
    run.context.listing?.forget(run.inputs.stackName);
    return await apply(run);
  }
}

interface Approved {
  plan: string;
  fingerprint: string;
}

function readApproval({ inputs }: CommandRun): Approved {
  const { plan = '', fingerprint = '' } = inputs;
  if (plan === '')
    throw new InputError(
      'plan',
      '',
      'expected the `plan` output of the plan step. Run apply only if its `has-changes` is true',
    );
  if (fingerprint === '')
    throw new InputError('fingerprint', '', 'expected the `fingerprint` output of the plan step');
  return { plan, fingerprint };
}

type FoundPlan = Plan | UnavailablePlan | (ExecutedPlan & { executed: 'complete' | 'failed' });

/** The current state of the approved change set, after waiting for an execution that is in progress. */
async function readApprovedPlan(run: CommandRun, changeSetName: string): Promise<FoundPlan> {
  const { context, inputs } = run;
  return await poll(
    context,
    { what: `the execution of ${changeSetName} by another run`, timeoutMs: timeLeft(run), isThrottle },
    async () => {
      const found = await readPlan(context, inputs.stackName, changeSetName);
      if (!('executed' in found)) return found;
      const { executed } = found;
      return executed === 'in-progress' ? undefined : { ...found, executed };
    },
  );
}

/** The result for a plan that was already executed, as after a re-run of the job, by the stack's current status. */
function alreadyExecutedResult({ executed, plan }: ExecutedPlan, { stack }: PreparedStack): CommandResult {
  const { stackName, changeSetName, kind } = plan;
  const status = stack?.status ?? 'deleted';
  if (executed === 'complete' && ['CREATE_COMPLETE', 'UPDATE_COMPLETE'].includes(status) && stack) {
    return {
      verdict: kind === 'create' ? 'created' : 'updated',
      reason: `The plan ${changeSetName} was already executed, and stack ${stackName} is ${status}. Nothing was left to do.`,
      plan,
      stack,
    };
  }
  return {
    verdict: 'failed',
    reason: `The plan ${changeSetName} was already executed, and stack ${stackName} is ${status}. Re-run all jobs to create and approve a new plan.`,
    plan,
    ...(stack ? { stack } : {}),
  };
}

/** Creates an unavailable plan again. It is executed only if it has the approved fingerprint. */
async function recreatePlan(
  run: CommandRun,
  approved: Approved,
  found: UnavailablePlan,
  source: Source | undefined,
  prepared: PreparedStack,
): Promise<Plan | CommandResult> {
  const done = lastExecutedResult(approved, prepared.stack);
  if (done) return done;
  const why = `The approved plan ${approved.plan} cannot be executed: ${found.unavailable}.`;
  if (!source) {
    const reason = `${why} Re-run all jobs, or set the input template so that the plan can be created again and compared.`;
    return { verdict: 'plan-changed', reason };
  }
  run.context.log.info(`${why} Creating it again, to execute it only if it makes the same changes.`);
  const plan = await planStack(run, source, prepared);
  if (plan.fingerprint === approved.fingerprint) return plan;
  if (!plan.hasChanges && prepared.stack) {
    return {
      verdict: 'unchanged',
      reason: `${why} Created again, it has no changes for stack ${plan.stackName}.`,
      plan,
      stack: prepared.stack,
    };
  }
  return await planChangedResult(run, approved, plan, found.plan);
}

/** The result if the stack's last change set is the approved plan: CloudFormation deletes executed change sets. */
function lastExecutedResult(approved: Approved, stack: StackSnapshot | undefined): CommandResult | undefined {
  const { changeSetId } = stack ?? {};
  const isApproved = changeSetId === approved.plan || changeSetId?.split('/')[1] === approved.plan;
  if (!stack || !isApproved || !['CREATE_COMPLETE', 'UPDATE_COMPLETE'].includes(stack.status))
    return undefined;
  return {
    verdict: stack.status === 'CREATE_COMPLETE' ? 'created' : 'updated',
    reason: `The plan ${approved.plan} was already executed, and stack ${stack.stackName} is ${stack.status}. Nothing was left to do.`,
    stack,
  };
}

/** The result for a plan whose Parameter Store values have changed, for example an image that was rolled back since. */
async function staleResult(
  run: CommandRun,
  plan: Plan,
  difference: readonly string[],
): Promise<CommandResult> {
  await discardChangeSet(run);
  const more = difference.length > 1 ? ` (and ${difference.length - 1} more)` : '';
  const reason = `${changesSoFar(run)}: the plan for stack ${plan.stackName} is stale. ${difference[0] ?? ''}${more} Re-run all jobs to plan and approve again.`;
  return { verdict: 'plan-changed', reason, plan, difference };
}

async function planChangedResult(
  run: CommandRun,
  approved: Approved,
  plan: Plan,
  before: Plan | undefined,
): Promise<CommandResult> {
  await discardChangeSet(run);
  const difference = before
    ? comparePlans(before, plan)
    : [
        `The approved plan has the fingerprint ${approved.fingerprint}, the current one ${plan.fingerprint}: ${planHeadline(plan)}.`,
      ];
  return {
    verdict: 'plan-changed',
    reason: `${changesSoFar(run)}: the plan for stack ${plan.stackName} no longer matches the approved plan (${difference[0] ?? 'another fingerprint'}). Re-run all jobs to approve the new plan.`,
    plan,
    difference,
  };
}
