import { pathOf } from '../report/plan-counts.ts';
import { annotate, diagnose } from './diagnosis.ts';
import { executePlan } from './execute.ts';
import type { Ending } from './outcome.ts';
import { ensureStackPolicy, ensureTerminationProtection, type StackSettings } from './settings.ts';
import type { Plan, StackSnapshot, Template } from './types.ts';
import { isComplete, judge } from './verdict.ts';
import type { Execution } from './watch.ts';
import { note, type Work } from './work.ts';

/**
 * Executes a plan, sets what no change set carries, and says how it ended. A stack policy protects an update from
 * its start, and a new stack as soon as it is there.
 */
export async function carryOut(
  work: Work,
  plan: Plan,
  settings: StackSettings,
  template?: Template,
): Promise<Ending> {
  const { context } = work;
  if (plan.kind === 'update') await setPolicy(work, plan.stackId, settings);
  const execution = await executePlan(work, plan, template);
  if (!isComplete(execution)) {
    const diagnosis = await diagnose(context, execution, {
      stackName: plan.stackName,
      ...(template ? { template } : {}),
    });
    annotate(context, diagnosis);
    return {
      ...judge(plan, execution, diagnosis),
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
  tellLeftBehind(work, execution);
  const { stack } = execution;
  work.known = { ...work.known, plan, execution, ...(stack ? { stack } : {}) };
  const end = judge(plan, execution, undefined);
  work.done = end.reason.replace(/\.$/, '');
  if (plan.kind === 'create') await setPolicy(work, plan.stackId, settings);
  if (stack) await setProtection(work, stack, settings);
  return { ...end, ...work.known };
}

/** Sets what differs on a stack whose resources stay as they are; answers what was set. */
export async function applySettings(
  work: Work,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<string[]> {
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

/** An update is complete even when an old resource could not be deleted in its clean-up: it costs, and nobody knows. */
function tellLeftBehind(work: Work, { timeline }: Execution): void {
  for (const failure of timeline.failures.filter(({ status }) => status === 'DELETE_FAILED')) {
    const sentence = `The old ${pathOf(failure)} (${failure.type}) could not be deleted and is still there: ${failure.reason}`;
    note(work, sentence);
    work.context.annotations.add({ level: 'warning', title: 'Left behind', message: sentence, priority: 50 });
  }
}
