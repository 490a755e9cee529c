import { randomUUID } from 'node:crypto';
import { InputError } from '../../core/errors.ts';
import { type GuardFinding, guardPlan } from '../change-set/guard.ts';
import { createPlan, logPlan } from '../change-set/plan.ts';
import { readTemplate } from '../change-set/read.ts';
import { unchangedPlan } from '../change-set/unchanged.ts';
import {
  EXPRESS_REPLAY,
  possiblyRejectedReplacements,
  rejectedReplacements,
} from '../change-set/replacements.ts';
import { trafficFindings } from '../change-set/traffic.ts';
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
import { type GivenParameters, resolveParameters, type ResolvedParameter } from '../parameters/resolve.ts';
import { givenTags, tagProblem } from '../parameters/tags.ts';
import { requireGivenValues, requireKeptValues } from '../parameters/values.ts';
import { checkTemplateSize, loadTemplate, type Template, withPackagedPaths } from '../template/template.ts';
import type { Plan } from '../change-set/changes.ts';
import { resultInEffect } from './in-effect.ts';
import { type CommandResult, failureResult, successResult, unprovenResult } from './result.ts';

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
  const template = withPackagedPaths(context, loaded, identity.workspace, inputs);
  const given = declaredPairs(inputs, template.parameters);
  const files = expandFiles(read, given);
  const tags = usableTags(files.tags, inputs.tags, template);
  checkTemplateSize(template, inputs.artifactBucket);
  // A placeholder value is not an error if the template has no parameter of that name.
  const unused = sharedNamesOf(read).filter((name) => !Object.hasOwn(template.parameters, name));
  const parameters = Object.fromEntries(Object.entries(given).filter(([name]) => !unused.includes(name)));
  requireGivenValues(template, givenParameters(inputs, { files, parameters }));
  return { template, files, parameters, tags };
}

function usableTags(
  files: ParameterFiles['tags'],
  input: Readonly<Record<string, string>>,
  { body }: Template,
): Record<string, string> {
  const given = givenTags(files, input);
  const problem = tagProblem(given, body);
  if (problem) throw new InputError('tags', problem.shown, problem.expected, { at: problem.at });
  return Object.fromEntries(Object.entries(given).map(([key, { value }]) => [key, value]));
}

/** The settings that a change set cannot contain: `stack-policy` (else that of the files) and `termination-protection`. */
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

function givenParameters(
  { previousParameters: previous = [] }: DeployStackInputs,
  { files, parameters }: Pick<Source, 'files' | 'parameters'>,
): GivenParameters {
  return { files: files.parameters, inline: parameters, previous };
}

/**
 * The parameters for the current state of the stack. A new or empty stack has no previous values.
 * @throws InputError for unknown parameters, for parameters without a value, and for values that CloudFormation rejects.
 */
function parametersFor(
  run: CommandRun,
  source: Source,
  stack: StackSnapshot | undefined,
): ResolvedParameter[] {
  const existing = stack && !isShell(stack.status) ? stack : undefined;
  const given = givenParameters(run.inputs, source);
  const resolved = resolveParameters(source.template, given, existing, (message) => {
    run.context.log.notice(message);
  });
  requireKeptValues(source.template, resolved, existing);
  return resolved;
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

/** A function that reads the deployed template of a stack when it is first needed. */
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
    rejectedReplacements(plan, onFailure, stack),
    possiblyRejectedReplacements(plan, onFailure),
  ].filter((warning) => warning !== undefined);
  return { ...plan, warnings: [...warnings, ...(plan.warnings ?? [])] };
}

/** @throws StackBlockedError if CloudFormation would reject a replacement and leave the stack in UPDATE_FAILED. */
export function requireRollback({ inputs }: CommandRun, plan: Plan, stack: StackSnapshot | undefined): void {
  const refused = rejectedReplacements(plan, inputs.onFailure, stack);
  if (refused !== undefined) throw new StackBlockedError(refused, 'replacement-refused');
}

/** A unique name that identifies the run: `plan-1001-1-3f2a9c1e`. */
export function changeSetName(run: { id: string; attempt: number }): string {
  return `plan-${run.id.replace(/[^A-Za-z0-9]/g, '').slice(0, 60)}-${run.attempt}-${randomUUID().slice(0, 8)}`;
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
    note(run, 'on-failure: delete applies to new stacks only. If this update fails, it is rolled back.');
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
  return await executeAndVerify(run, plan, settings, source.template);
}

/** The result without resource changes. Settings may still be updated. */
export async function unchangedResult(
  run: CommandRun,
  plan: Plan,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<CommandResult> {
  const { stackName, status } = stack;
  if (!isStable(status)) {
    const next = hasFailedInExpressMode(stack) ? ` ${EXPRESS_REPLAY}` : '';
    const reason = `Stack ${stackName} is ${status} after an earlier failure, and CloudFormation found no change to deploy.${next}`;
    return { verdict: 'failed', reason, plan, stack };
  }
  const set = await applySettings(run, stack, settings);
  if (set.length === 0) {
    return { verdict: 'unchanged', reason: unchangedReason(plan), plan, stack };
  }
  const reason = `Stack ${stackName} has no resource changes. Updated its ${set.join(' and ')}.`;
  return { verdict: 'updated', reason, plan, stack };
}

/** Why a stack is unchanged. */
export function unchangedReason({ stackName, proof }: Plan): string {
  return proof === 'comparison'
    ? `Nothing to change in stack ${stackName}: its template, parameters and tags are the deployed ones.`
    : `CloudFormation found nothing to change in stack ${stackName}.`;
}

/** The changes of a plan that would lose data or move live traffic and are not explicitly allowed. */
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
 * Executes a plan, applies the settings that a change set cannot contain, and determines the result. A stack policy is set
 * before an update and right after a creation.
 */
export async function executeAndVerify(
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
      ...failureResult(plan, execution, diagnosis),
      ...run.known,
      plan,
      execution,
      diagnosis,
      ...(execution.stack ? { stack: execution.stack } : {}),
    };
  }
  if (run.inputs.mode === 'express') {
    note(run, 'Express mode: the configuration is applied, but resources may still be stabilizing.');
  }
  for (const sentence of leftBehind(execution)) note(run, sentence);
  const { stack } = execution;
  run.known = { ...run.known, plan, execution, ...(stack ? { stack } : {}) };
  run.done = successResult(plan, execution).reason.replace(/\.$/, '');
  const { unproven, notes } = await reconcile(context, plan, execution);
  for (const sentence of notes) note(run, sentence);
  const end =
    unproven.length > 0 ? unprovenResult(plan, execution, unproven) : successResult(plan, execution);
  run.done = end.reason.replace(/\.$/, '');
  if (plan.kind === 'create') await setPolicy(run, plan.stackId, settings);
  if (stack) await setProtection(run, stack, settings);
  return { ...end, ...run.known };
}

/** Notes that failures in nested stacks without read permission are shown only as CloudFormation summarizes them. */
function noteUnreadNested(run: CommandRun, { unreadNested = [] }: Execution): void {
  if (unreadNested.length === 0) return;
  const names = unreadNested.join(', ');
  note(
    run,
    `The events of ${names} could not be read (cloudformation:DescribeStackEvents), so failures there are not shown.`,
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
  note(run, 'Updated the stack policy.');
  return true;
}

async function setProtection(
  run: CommandRun,
  stack: StackSnapshot,
  settings: StackSettings,
): Promise<boolean> {
  const { terminationProtection: wanted } = settings;
  if (wanted === undefined || !(await ensureTerminationProtection(run.context, stack, wanted))) return false;
  note(run, `${wanted ? 'Enabled' : 'Disabled'} termination protection.`);
  return true;
}
