import { planHeadline } from '../change-set/effects.ts';
import { bestEffort } from '../execution/cancel.ts';
import { guardPlan } from '../change-set/guard.ts';
import { prepareStack } from '../execution/leftovers.ts';
import type { CommandResult } from './result.ts';
import { differingSettings, type StackSettings } from './settings.ts';
import { loadSource, makePlan, readSettings } from './source.ts';
import type { StackSnapshot } from '../types.ts';
import { note, type Work } from './command-run.ts';

/** Makes a change set for people to read and for `apply` to execute. It changes nothing else. */
export async function plan(work: Work): Promise<CommandResult> {
  const source = await loadSource(work);
  const settings = readSettings(work);
  const prepared = await prepareStack(work);
  const made = await makePlan(work, source, prepared);
  if (prepared.stack && prepared.kind === 'update') await tellSettings(work, prepared.stack, settings);
  const stack = prepared.stack && prepared.kind === 'update' ? { stack: prepared.stack } : {};
  if (!made.hasChanges) {
    const reason = `CloudFormation finds nothing to change in stack ${made.stackName}.`;
    return { verdict: 'unchanged', reason, plan: made, ...stack };
  }
  const guard = guardPlan(made, source.template, work.inputs);
  // From here on the change set is meant to stay.
  delete work.begun.changeSet;
  const warning =
    guard.length > 0 ? ` It will be blocked as long as nothing allows it: ${guard[0]?.message ?? ''}` : '';
  const what = made.kind === 'create' ? 'create' : 'update';
  const reason = `The plan to ${what} stack ${made.stackName} lies ready: ${planHeadline(made)}.${warning}`;
  return { verdict: 'planned', reason, ...work.known, plan: made, guard, ...stack };
}

/** What no change set shows: `deploy` sets it, and so does `apply` when it is given the same inputs. */
async function tellSettings(work: Work, stack: StackSnapshot, settings: StackSettings): Promise<void> {
  const differing = await bestEffort(work.context, 'GetStackPolicy', (limited) =>
    differingSettings(limited, stack, settings),
  );
  if (differing === undefined || differing.length === 0) return;
  note(work, `Not part of the plan, and set by deploy or apply: ${differing.join(', ')}.`);
}
