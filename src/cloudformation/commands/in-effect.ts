import { canonicalJson, sha256 } from '../../core/canonical.ts';
import type { Plan } from '../change-set/changes.ts';
import { readTemplate } from '../change-set/read.ts';
import { note, type CommandRun } from '../command-run.ts';
import type { CloudFormationContext } from '../context.ts';
import { discardChangeSet } from '../execution/cancel.ts';
import type { StackSnapshot } from '../stack.ts';
import type { CommandResult } from './result.ts';

/**
 * The result for a plan whose changes are already in effect according to `context.isInEffect`; undefined if the plan must be
 * executed. This is checked only if nothing but resolved parameters differs: a change of the template, a parameter or a tag
 * is always executed.
 */
export async function resultInEffect(
  run: CommandRun,
  plan: Plan,
  stack: StackSnapshot | undefined,
): Promise<CommandResult | undefined> {
  const { context } = run;
  if (!context.isInEffect || !stack || plan.kind !== 'update' || !plan.hasChanges) return undefined;
  if (!(await isSameSource(context, plan, stack))) return undefined;
  const sentence = await context.isInEffect(plan);
  if (sentence === undefined) return undefined;
  await discardChangeSet(run);
  note(run, sentence);
  const reason = `Stack ${plan.stackName} needs no update. ${sentence}`;
  return { verdict: 'unchanged', reason, plan: { ...plan, hasChanges: false, changes: [] }, stack };
}

/** Whether template, parameters and tags are the deployed ones. */
async function isSameSource(
  context: CloudFormationContext,
  { settings }: Plan,
  stack: StackSnapshot,
): Promise<boolean> {
  if (!settings || canonicalJson(settings.tags) !== canonicalJson(stack.tags)) return false;
  const names = new Set([...Object.keys(settings.parameters), ...Object.keys(stack.parameters)]);
  const differs = (name: string): boolean => settings.parameters[name] !== stack.parameters[name];
  if ([...names].some(differs)) return false;
  const deployed = await readTemplate(context, { StackName: stack.stackId });
  return deployed !== undefined && settings.templates[''] === sha256(deployed);
}
