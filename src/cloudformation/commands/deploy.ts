import { randomUUID } from 'node:crypto';
import { InputError } from '../../core/errors.ts';
import { type GuardFinding, guardPlan } from '../change-set/guard.ts';
import { createPlan, logPlan } from '../change-set/plan.ts';
import { readTemplate } from '../change-set/read.ts';
import { unchangedPlan } from '../change-set/unchanged.ts';
import {
  EXPRESS_REPLAY,
  possiblyRefusedReplacements,
  refusedReplacements,
} from '../change-set/replacements.ts';
import { tagOfOneRun, trafficFindings } from '../change-set/traffic.ts';
import { note, changesSoFar, StackBlockedError, timeLeft, type CommandRun } from '../command-run.ts';
import type { CloudFormationContext, DeployStackInputs } from '../context.ts';
import { diagnose } from '../diagnosis/diagnosis.ts';
import { discardChangeSet } from '../execution/cancel.ts';
import { executePlan } from '../execution/execute.ts';
import { type PreparedStack, prepareStack } from '../execution/recover.ts';
import { reconcile } from '../execution/reconcile.ts';
import { type Execution, isComplete, leftBehind } from '../execution/watch.ts';
import { hiddenFindings } from '../nested-stacks.ts';
import {
  ensureStackPolicy,
  ensureTerminationProtection,
  readStackPolicy,
  type StackSettings,
} from '../settings.ts';
import { hasFailedInExpressMode, isShell, isStable, type StackSnapshot } from '../stack.ts';
import { type ParameterFiles, readParameterFiles } from '../parameters/files.ts';
import { expandFiles, sharedNamesOf } from '../parameters/placeholders.ts';
import { declaredPairs } from '../parameters/inputs.ts';
import { resolveParameters, type ResolvedParameter } from '../parameters/resolve.ts';
import { checkTemplateSize, loadTemplate, packaged, type Template } from '../template/template.ts';
import type { Plan } from '../change-set/changes.ts';
import { resultInEffect } from './in-effect.ts';
import { type CommandResult, judgeFailure, judgeSuccess, judgeUnproven } from './result.ts';

/** The desired state of a stack, as read from the workspace. */
export interface Source {
  template: Template;
  files: ParameterFiles;
  /** The `parameters` input. */
  parameters: Record<string, string>;
  tags: Record<string, string>;
}

/**
 * Reads the template and the parameter files. AWS is called only for a template at a URL.
 * @throws InputError for anything missing or invalid.
 */
export async function loadSource({ context, inputs, identity }: CommandRun): Promise<Source> {
  if (inputs.template === undefined) {
    throw new InputError(
      'template',
      '',
      `expected the path or the URL of a template with command: ${inputs.command}`,
    );
  }
  const read = readParameterFiles(inputs.parameterFiles, identity.workspace);
  const loaded = await loadTemplate(context, inputs.template, identity.workspace, inputs);
  const template = packaged(context, loaded, identity.workspace, inputs);
  const given = declaredPairs(inputs, template.parameters);
  const files = expandFiles(read, given);
  const tags = resolveTags(files.tags, inputs.tags);
  const changing = tagOfOneRun(template.body, tags);
  if (changing) throw new InputError('tags', changing.tag, `expected ${changing.allowed}`);
  checkTemplateSize(template, inputs.artifactBucket);
  // A name that only the files refer to is no mistake where the template has no parameter of that name.
  const unused = sharedNamesOf(read).filter((name) => !Object.hasOwn(template.parameters, name));
  const parameters = Object.fromEntries(Object.entries(given).filter(([name]) => !unused.includes(name)));
  return { template, files, parameters, tags };
}

/** The settings that a change set cannot carry: `stack-policy` (else that of the files) and `termination-protection`. */
export function readSettings({ inputs, identity }: CommandRun): StackSettings {
  const policy =
    inputs.stackPolicy ?? readParameterFiles(inputs.parameterFiles, identity.workspace).stackPolicy;
  return {
    ...(policy === undefined || policy === ''
      ? {}
      : { stackPolicy: readStackPolicy(policy, identity.workspace) }),
    ...(inputs.terminationProtection === undefined
      ? {}
      : { terminationProtection: inputs.terminationProtection }),
  };
}

/**
 * The parameters for the given state of the stack. A new stack or a shell has no previous values.
 * @throws InputError for unknown parameters and for those without a value.
 */
function parametersFor(
  run: CommandRun,
  source: Source,
  stack: StackSnapshot | undefined,
): ResolvedParameter[] {
  const given = {
    files: source.files.parameters,
    inline: source.parameters,
    previous: run.inputs.previousParameters ?? [],
  };
  const existing = stack && !isShell(stack.status) ? stack : undefined;
  return resolveParameters(source.template, given, existing, (message) => {
    run.context.log.notice(message);
  });
}

/** Creates the plan under a unique name, and records its change set as pending. */
export async function planStack(run: CommandRun, source: Source, { stack }: PreparedStack): Promise<Plan> {
  const { context, inputs, identity, pending } = run;
  const request = {
    inputs: { ...inputs, timeoutMs: timeLeft(run) },
    template: source.template,
    parameters: parametersFor(run, source, stack),
    tags: source.tags,
    ...(stack ? { stack } : {}),
    changeSetName: changeSetName(identity),
    ...(stack && { deployed: deployedTemplate(context, stack) }),
  };
  const made = (await unchangedPlan(context, request)) ?? (await createPlan(context, request));
  const plan = withReplacementWarnings(made, inputs.onFailure, stack);
  if (plan.hasChanges) pending.changeSet = { ...plan, shellIsOurs: plan.kind === 'create' };
  run.known = { plan, ...(stack ? { before: stack } : {}) };
  logPlan(context, plan);
  return plan;
}

/** Reads the template of a stack when it is first asked for. */
function deployedTemplate(
  context: CloudFormationContext,
  { stackId }: StackSnapshot,
): () => Promise<string | undefined> {
  let text: Promise<string | undefined> | undefined;
  return () => (text ??= readTemplate(context, { StackName: stackId }));
}

function withReplacementWarnings(
  plan: Plan,
  onFailure: DeployStackInputs['onFailure'],
  stack: StackSnapshot | undefined,
): Plan {
  const warnings = [
    refusedReplacements(plan, onFailure, stack),
    possiblyRefusedReplacements(plan, onFailure),
  ].filter((warning) => warning !== undefined);
  return { ...plan, warnings: [...warnings, ...(plan.warnings ?? [])] };
}

/** @throws StackBlockedError where CloudFormation would refuse a replacement, and leave the stack in UPDATE_FAILED. */
export function requireRollback({ inputs }: CommandRun, plan: Plan, stack: StackSnapshot | undefined): void {
  const refused = refusedReplacements(plan, inputs.onFailure, stack);
  if (refused !== undefined) throw new StackBlockedError(refused, 'replacement-refused');
}

/** A unique name that identifies the run: `plan-1001-1-3f2a9c1e`. */
export function changeSetName(run: { id: string; attempt: number }): string {
  return `plan-${run.id.replace(/[^A-Za-z0-9]/g, '').slice(0, 60)}-${run.attempt}-${randomUUID().slice(0, 8)}`;
}

/**
 * The stack's tags: those of the files, overridden by the `tags` input.
 * @throws InputError for what CloudFormation rejects: more than 50 tags, a key over 128 or a value over 256
 * characters, a key that starts with `aws:`.
 */
export function resolveTags(
  files: Record<string, string>,
  input: Record<string, string>,
): Record<string, string> {
  const tags = { ...files, ...input };
  const keys = Object.keys(tags);
  if (keys.length > 50) throw new InputError('tags', '', `expected at most 50 tags, got ${keys.length}`);
  for (const [key, value] of Object.entries(tags)) {
    if (key === '' || key.length > 128 || key.toLowerCase().startsWith('aws:')) {
      throw new InputError('tags', key, 'expected keys of 1 to 128 characters that do not start with "aws:"');
    }
    if (value.length > 256)
      throw new InputError('tags', '', `${key}: expected at most 256 characters, got ${value.length}`);
  }
  return tags;
}

/** Plans, guards, executes and watches. */
export async function deploy(run: CommandRun): Promise<CommandResult> {
  const { inputs } = run;
  const source = await loadSource(run);
  const settings = readSettings(run);
  const prepared = await prepareStack(run, () => {
    parametersFor(run, source, undefined);
  });
  const plan = await planStack(run, source, prepared);
  if (inputs.onFailure === 'delete' && plan.kind === 'update') {
    note(run, 'on-failure: delete is for new stacks: should this update fail, it is rolled back.');
  }
  if (!plan.hasChanges && prepared.stack) return await unchangedResult(run, plan, prepared.stack, settings);
  const inEffect = await resultInEffect(run, plan, prepared.stack);
  if (inEffect) return inEffect;
  requireRollback(run, plan, prepared.stack);
  const guard = await guardFindings(run, plan, source.template);
  if (guard.length > 0) {
    await discardChangeSet(run);
    return blockedResult(run, guard);
  }
  return await executeAndJudge(run, plan, settings, source.template);
}

/** CloudFormation found no change to the resources; settings may still differ. */
export async function unchangedResult(
  run: CommandRun,
  plan: Plan,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<CommandResult> {
  const { stackName, status } = stack;
  if (!isStable(status)) {
    const next = hasFailedInExpressMode(stack) ? ` ${EXPRESS_REPLAY}` : '';
    const reason = `Stack ${stackName} is ${status} from an earlier failure, and CloudFormation finds no change that would fix it.${next}`;
    return { verdict: 'failed', reason, plan, stack };
  }
  const set = await applySettings(run, stack, settings);
  if (set.length === 0) {
    return { verdict: 'unchanged', reason: unchangedReason(plan), plan, stack };
  }
  const reason = `Nothing to change in the resources of stack ${stackName}. Updated its ${set.join(' and ')}.`;
  return { verdict: 'updated', reason, plan, stack };
}

/** Why a stack is unchanged: how that was proven. */
export function unchangedReason({ stackName, proof }: Plan): string {
  return proof === 'comparison'
    ? `Nothing to change in stack ${stackName}: template, parameters and tags are those that it was deployed with.`
    : `CloudFormation finds nothing to change in stack ${stackName}.`;
}

/** The changes of a plan that need an explicit opt-in and have none: they lose data, or move live traffic. */
export async function guardFindings(
  { context, inputs }: CommandRun,
  plan: Plan,
  template: Template | undefined,
): Promise<GuardFinding[]> {
  const hidden = await hiddenFindings(context, plan, template, inputs.allowReplace);
  const traffic = [...(plan.traffic ?? []), ...hidden.traffic];
  return [
    ...guardPlan(plan, template, inputs),
    ...hidden.guard,
    ...(await trafficFindings(context, { traffic }, template, inputs.allowTrafficReset)),
  ];
}

/** The result for a plan that would lose data or move live traffic. */
export function blockedResult(run: CommandRun, guard: readonly GuardFinding[]): CommandResult {
  const [first] = guard;
  const more = guard.length > 1 ? ` (and ${guard.length - 1} more)` : '';
  const reason = `${changesSoFar(run)}: ${first?.message ?? ''}${more}`;
  return { verdict: 'blocked', reason, ...run.known, guard };
}

/**
 * Executes a plan, applies the settings that a change set cannot carry, and judges the result. A stack policy is set
 * before an update, and right after a creation.
 */
export async function executeAndJudge(
  run: CommandRun,
  plan: Plan,
  settings: StackSettings,
  template?: Template,
): Promise<CommandResult> {
  const { context } = run;
  if (plan.kind === 'update') await setPolicy(run, plan.stackId, settings);
  const execution = await executePlan(run, plan);
  if (!isComplete(execution)) {
    noteUnreadNested(run, execution);
    const diagnosis = await diagnose(context, execution, {
      stackName: plan.stackName,
      ...(template ? { template } : {}),
    });
    return {
      ...judgeFailure(plan, execution, diagnosis),
      ...run.known,
      plan,
      execution,
      diagnosis,
      ...(execution.stack ? { stack: execution.stack } : {}),
    };
  }
  if (run.inputs.mode === 'express') {
    note(run, 'Express mode: the configuration is applied, and resources may still be getting ready.');
  }
  for (const sentence of leftBehind(execution)) note(run, sentence);
  const { stack } = execution;
  run.known = { ...run.known, plan, execution, ...(stack ? { stack } : {}) };
  const { unproven, notes } = await reconcile(context, plan, execution);
  for (const sentence of notes) note(run, sentence);
  const end = unproven.length > 0 ? judgeUnproven(plan, execution, unproven) : judgeSuccess(plan, execution);
  run.done = end.reason.replace(/\.$/, '');
  if (plan.kind === 'create') await setPolicy(run, plan.stackId, settings);
  if (stack) await setProtection(run, stack, settings);
  return { ...end, ...run.known };
}

/** A failure in a nested stack that may not be read shows only as CloudFormation sums it up. */
function noteUnreadNested(run: CommandRun, { unreadNested = [] }: Execution): void {
  if (unreadNested.length === 0) return;
  const names = unreadNested.join(', ');
  note(
    run,
    `The events of ${names} could not be read (cloudformation:DescribeStackEvents), so what failed there is not shown.`,
  );
}

/** Applies differing settings to a stack whose resources do not change; returns their names. */
async function applySettings(
  run: CommandRun,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<string[]> {
  const policy = await setPolicy(run, stack.stackId, settings);
  const protection = await setProtection(run, stack, settings);
  return [...(policy ? ['stack policy'] : []), ...(protection ? ['termination protection'] : [])];
}

async function setPolicy(run: CommandRun, stackId: string, { stackPolicy }: StackSettings): Promise<boolean> {
  if (stackPolicy === undefined || !(await ensureStackPolicy(run.context, stackId, stackPolicy)))
    return false;
  note(run, 'The stack policy was set.');
  return true;
}

async function setProtection(
  run: CommandRun,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<boolean> {
  const { terminationProtection: wanted } = settings;
  if (wanted === undefined || !(await ensureTerminationProtection(run.context, stack, wanted))) return false;
  note(run, `Termination protection was switched ${wanted ? 'on' : 'off'}.`);
  return true;
}
