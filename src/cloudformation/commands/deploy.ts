import { type GuardFinding, guardPlan } from '../change-set/guard.ts';
import { diagnose } from '../diagnosis/diagnosis.ts';
import { abandonChangeSet } from '../execution/cancel.ts';
import { executePlan } from '../execution/execute.ts';
import { prepareStack } from '../execution/leftovers.ts';
import { isComplete, leftBehind } from '../execution/watch.ts';
import { isStable } from '../stack.ts';
import type { Plan, StackSnapshot, Template } from '../types.ts';
import { note, nothingChanged, type Work } from './command-run.ts';
import { type CommandResult, judgeFailure, judgeSuccess } from './result.ts';
import { ensureStackPolicy, ensureTerminationProtection, type StackSettings } from './settings.ts';
import { loadSource, makePlan, parametersFor, readSettings } from './source.ts';

/** Plans, guards, executes and watches. */
export async function deploy(work: Work): Promise<CommandResult> {
  const { inputs } = work;
  const source = await loadSource(work);
  const settings = readSettings(work);
  const prepared = await prepareStack(work, () => {
    parametersFor(work, source, undefined);
  });
  const plan = await makePlan(work, source, prepared);
  if (inputs.onFailure === 'delete' && plan.kind === 'update') {
    note(work, 'on-failure: delete is for new stacks: should this update fail, it is rolled back.');
  }
  if (!plan.hasChanges && prepared.stack) return await unchanged(work, plan, prepared.stack, settings);
  const guard = guardPlan(plan, source.template, inputs);
  if (guard.length > 0) {
    await abandonChangeSet(work);
    return blockedBy(work, guard);
  }
  return await carryOut(work, plan, settings, source.template);
}

/** Nothing to do for the resources, as CloudFormation itself says; settings may still differ. */
export async function unchanged(
  work: Work,
  plan: Plan,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<CommandResult> {
  const { stackName, status } = stack;
  if (!isStable(status)) {
    const reason = `Stack ${stackName} is ${status} from an earlier failure, and CloudFormation finds nothing to change that would mend it.`;
    return { verdict: 'failed', reason, plan, stack };
  }
  const set = await applySettings(work, stack, settings);
  if (set.length === 0) {
    return {
      verdict: 'unchanged',
      reason: `CloudFormation finds nothing to change in stack ${stackName}.`,
      plan,
      stack,
    };
  }
  const reason = `No resource of stack ${stackName} changed; set was its ${set.join(' and ')}.`;
  return { verdict: 'updated', reason, plan, stack };
}

/** The result for a plan that would lose something. */
export function blockedBy(work: Work, guard: readonly GuardFinding[]): CommandResult {
  const [first] = guard;
  const more = guard.length > 1 ? ` (and ${guard.length - 1} more)` : '';
  const reason = `${nothingChanged(work)}: ${first?.message ?? ''}${more}`;
  return { verdict: 'blocked', reason, ...work.known, guard };
}

/**
 * Executes a plan, sets what no change set carries, and says how it ended. A stack policy protects an update from
 * its start, and a new stack as soon as it is there.
 */
export async function carryOut(
  work: Work,
  plan: Plan,
  settings: StackSettings,
  template?: Template,
): Promise<CommandResult> {
  const { context } = work;
  if (plan.kind === 'update') await setPolicy(work, plan.stackId, settings);
  const execution = await executePlan(work, plan);
  if (!isComplete(execution)) {
    const diagnosis = await diagnose(context, execution, {
      stackName: plan.stackName,
      ...(template ? { template } : {}),
    });
    return {
      ...judgeFailure(plan, execution, diagnosis),
      ...work.known,
      plan,
      execution,
      diagnosis,
      ...(execution.stack ? { stack: execution.stack } : {}),
    };
  }
  if (work.inputs.mode === 'express') {
    note(work, 'Express mode: the configuration is applied, and resources may still be getting ready.');
  }
  for (const sentence of leftBehind(execution)) note(work, sentence);
  const { stack } = execution;
  work.known = { ...work.known, plan, execution, ...(stack ? { stack } : {}) };
  const end = judgeSuccess(plan, execution);
  work.done = end.reason.replace(/\.$/, '');
  if (plan.kind === 'create') await setPolicy(work, plan.stackId, settings);
  if (stack) await setProtection(work, stack, settings);
  return { ...end, ...work.known };
}

/** Sets what differs on a stack whose resources stay as they are; answers what was set. */
async function applySettings(work: Work, stack: StackSnapshot, settings: StackSettings): Promise<string[]> {
  const policy = await setPolicy(work, stack.stackId, settings);
  const protection = await setProtection(work, stack, settings);
  return [...(policy ? ['stack policy'] : []), ...(protection ? ['termination protection'] : [])];
}

async function setPolicy(work: Work, stackId: string, { stackPolicy }: StackSettings): Promise<boolean> {
  if (stackPolicy === undefined || !(await ensureStackPolicy(work.context, stackId, stackPolicy)))
    return false;
  note(work, 'The stack policy was set.');
  return true;
}

async function setProtection(work: Work, stack: StackSnapshot, settings: StackSettings): Promise<boolean> {
  const { terminationProtection: wanted } = settings;
  if (wanted === undefined || !(await ensureTerminationProtection(work.context, stack, wanted))) return false;
  note(work, `Termination protection was switched ${wanted ? 'on' : 'off'}.`);
  return true;
}
