import { planHeadline } from '../change-set/changes.ts';
import { sentence } from '../../core/text.ts';
import { bestEffort } from '../context.ts';
import { rejectedReplacements } from '../change-set/replacements.ts';
import { prepareStack } from '../execution/recover.ts';
import { resultInEffect } from './in-effect.ts';
import type { CommandResult } from './result.ts';
import { differingSettings, type StackSettings } from '../settings.ts';
import { guardFindings, loadSource, planStack, readSettings, unchangedReason } from './deploy.ts';
import type { StackSnapshot } from '../stack.ts';
import { note, type CommandRun } from '../command-run.ts';

/** Creates a change set for review and for `apply`, without changing anything else. */
export async function plan(run: CommandRun): Promise<CommandResult> {
  const source = await loadSource(run);
  const settings = readSettings(run);
  const prepared = await prepareStack(run);
  const made = await planStack(run, source, prepared);
  if (prepared.stack && prepared.kind === 'update') await noteSettings(run, prepared.stack, settings);
  const stack = prepared.stack && prepared.kind === 'update' ? { stack: prepared.stack } : {};
  if (!made.hasChanges) {
    return { verdict: 'unchanged', reason: unchangedReason(made), plan: made, ...stack };
  }
  const inEffect = await resultInEffect(run, made, stack.stack);
  if (inEffect) return inEffect;
  const guard = await guardFindings(run, made, source.template);
  // From here on, the change set is kept.
  delete run.pending.changeSet;
  const refused = rejectedReplacements(made, run.inputs.onFailure, prepared.stack);
  const blocked = refused === undefined ? '' : ` It will be blocked: ${refused}`;
  const warning =
    guard.length > 0
      ? ` ${sentence(`It will be blocked unless allowed: ${guard[0]?.message ?? ''}`)}`
      : blocked;
  const what = made.kind === 'create' ? 'create' : 'update';
  const reason = `Plan to ${what} stack ${made.stackName} ready: ${planHeadline(made)}.${warning}`;
  return { verdict: 'planned', reason, ...run.known, plan: made, guard, ...stack };
}

/** Notes the settings that a change set cannot show. `deploy`, and `apply` with the same inputs, set them. */
async function noteSettings(run: CommandRun, stack: StackSnapshot, settings: StackSettings): Promise<void> {
  const differing = await bestEffort(run.context, 'GetStackPolicy', (limited) =>
    differingSettings(limited, stack, settings),
  );
  if (differing === undefined || differing.length === 0) return;
  note(run, `Not part of the plan, but set by deploy and apply: ${differing.join(', ')}.`);
}
