import { randomUUID } from 'node:crypto';
import { InputError } from '../../core/errors.ts';
import { createPlan, tellPlan } from '../change-set/plan.ts';
import type { Prepared } from '../execution/leftovers.ts';
import { isShell } from '../stack.ts';
import { type ParameterFiles, readParameterFiles, resolveParameters } from '../template/parameters.ts';
import { checkTemplateSize } from '../template/source.ts';
import { loadTemplate } from '../template/template.ts';
import type { Plan, ResolvedParameter, StackSnapshot, Template } from '../types.ts';
import { timeLeft, type Work } from './command-run.ts';
import { readStackPolicy, type StackSettings } from './settings.ts';

/** What the workspace says a stack should be. */
export interface Source {
  template: Template;
  files: ParameterFiles;
  tags: Record<string, string>;
}

/**
 * Reads the template and the parameter files; nothing of it needs AWS, unless the template is at a URL.
 * @throws InputError for anything that is missing or cannot be used.
 */
export async function loadSource({ context, inputs, run }: Work): Promise<Source> {
  if (inputs.template === undefined) {
    throw new InputError(
      'template',
      '',
      `the command ${inputs.command} needs the path or the URL of a template`,
    );
  }
  const files = readParameterFiles(inputs.parameterFiles, run.workspace);
  const tags = resolveTags(files.tags, inputs.tags);
  const template = await loadTemplate(context, inputs.template, run.workspace);
  checkTemplateSize(template, inputs.artifactBucket);
  return { template, files, tags };
}

/** The settings that no change set carries: `stack-policy` (else the files') and `termination-protection`. */
export function readSettings({ inputs, run }: Work): StackSettings {
  const policy = inputs.stackPolicy ?? readParameterFiles(inputs.parameterFiles, run.workspace).stackPolicy;
  return {
    ...(policy === undefined || policy === '' ? {} : { stackPolicy: readStackPolicy(policy, run.workspace) }),
    ...(inputs.terminationProtection === undefined
      ? {}
      : { terminationProtection: inputs.terminationProtection }),
  };
}

/**
 * The parameters for a stack as it is; undefined, or a shell, has none to keep.
 * @throws InputError for unknown parameters and for those without a value.
 */
export function parametersFor(
  work: Work,
  source: Source,
  stack: StackSnapshot | undefined,
): ResolvedParameter[] {
  const given = { files: source.files.parameters, inline: work.inputs.parameters };
  const existing = stack && !isShell(stack.status) ? stack : undefined;
  return resolveParameters(source.template, given, existing, (message) => {
    work.context.log.notice(message);
  });
}

/** Makes the plan under a name of its own, and notes its change set as ours. */
export async function makePlan(work: Work, source: Source, { stack }: Prepared): Promise<Plan> {
  const { context, inputs, run, begun } = work;
  const plan = await createPlan(context, {
    inputs: { ...inputs, timeoutMs: timeLeft(work) },
    template: source.template,
    parameters: parametersFor(work, source, stack),
    tags: source.tags,
    ...(stack ? { stack } : {}),
    changeSetName: changeSetName(run),
  });
  if (plan.hasChanges) begun.changeSet = { ...plan, shellIsOurs: plan.kind === 'create' };
  work.known = { plan, ...(stack ? { before: stack } : {}) };
  tellPlan(context, plan);
  return plan;
}

/** Unique, and readable enough to find the run: `plan-1001-1-3f2a9c1e`. */
export function changeSetName(run: { id: string; attempt: number }): string {
  return `plan-${run.id.replace(/[^A-Za-z0-9]/g, '').slice(0, 60)}-${run.attempt}-${randomUUID().slice(0, 8)}`;
}

/**
 * The stack's tags: those of the files, and over them those of the `tags` input.
 * @throws InputError for what CloudFormation refuses: more than 50 tags, a key over 128 or a value over 256
 * characters, a key that starts with `aws:`.
 */
export function resolveTags(
  files: Record<string, string>,
  input: Record<string, string>,
): Record<string, string> {
  const tags = { ...files, ...input };
  const keys = Object.keys(tags);
  if (keys.length > 50) throw new InputError('tags', '', `at most 50 tags; there are ${keys.length}`);
  for (const [key, value] of Object.entries(tags)) {
    if (key === '' || key.length > 128 || key.toLowerCase().startsWith('aws:')) {
      throw new InputError('tags', key, 'keys of 1 to 128 characters that do not start with "aws:"');
    }
    if (value.length > 256) throw new InputError('tags', key, 'values of at most 256 characters');
  }
  return tags;
}
