import { abandonChangeSet } from '../cancel.ts';
import { applySettings, carryOut } from '../carry-out.ts';
import { guardPlan } from '../guard.ts';
import { prepareStack } from '../leftovers.ts';
import type { Ending } from '../outcome.ts';
import type { StackSettings } from '../settings.ts';
import { loadSource, makePlan, parametersFor, readSettings } from '../source.ts';
import { isStable } from '../stack.ts';
import type { Plan, StackSnapshot } from '../types.ts';
import { note, nothingChanged, type Work } from '../work.ts';

/** Plans, guards, executes and watches. */
export async function deploy(work: Work): Promise<Ending> {
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
    return { ...blockedBy(work, guard), ...work.known, guard };
  }
  return await carryOut(work, plan, settings, source.template);
}

/** Nothing to do for the resources, as CloudFormation itself says; settings may still differ. */
export async function unchanged(
  work: Work,
  plan: Plan,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<Ending> {
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

/** The verdict on a plan that would lose something, and its annotations. */
export function blockedBy(
  work: Work,
  guard: ReturnType<typeof guardPlan>,
): Pick<Ending, 'verdict' | 'reason'> {
  annotateGuard(work, guard, 'error');
  const [first] = guard;
  const more = guard.length > 1 ? ` (and ${guard.length - 1} more)` : '';
  return { verdict: 'blocked', reason: `${nothingChanged(work)}: ${first?.message ?? ''}${more}` };
}

/** Puts what the guard found on the template's lines. */
export function annotateGuard(
  { context, inputs }: Work,
  guard: ReturnType<typeof guardPlan>,
  level: 'error' | 'warning',
): void {
  for (const { message, line } of guard) {
    const place = inputs.template !== undefined && line !== undefined ? { file: inputs.template, line } : {};
    context.annotations.add({ level, title: 'Data would be lost', message, priority: 80, ...place });
  }
}
