import { listOf, ownAction, ownPath, stepsOf } from '../workflow.ts';
import type { Job, Workflow, WorkflowFile } from '../workflow.ts';
import { calledContract } from './calls.ts';

/** Undeclared inputs, step outputs and job outputs in expressions. */
export function referenceProblems({ workflow }: WorkflowFile): string[] {
  const { jobs, on, ...rest } = workflow;
  const inputs = inputsOf(workflow);
  const problems = named(rest, 'inputs').filter((key) => !inputs.has(key));
  const reusable = on.workflow_call?.outputs ?? {};
  return [
    ...problems.map((key) => `there is no input ${key}`),
    ...outputsNamed(reusable, 'jobs').filter(([job, key]) => !jobs[job] || !outputsOf(jobs[job])?.has(key)),
    ...Object.entries(jobs).flatMap(([name, job]) =>
      jobProblems(job, workflow, inputs).map((problem) => `${name}: ${problem}`),
    ),
  ].map((problem) => (typeof problem === 'string' ? problem : `no job has the output ${problem.join('.')}`));
}

function jobProblems(job: Job, { jobs }: Workflow, inputs: ReadonlySet<string>): string[] {
  const needs = listOf(job.needs);
  const steps = new Map(stepsOf(job).map((step) => [step.id, step]));
  const missingInputs = named(job, 'inputs').filter((key) => !inputs.has(key));
  const missingNeeds = outputsNamed(job, 'needs').filter(([name, key]) => {
    const needed = jobs[name];
    return !needs.includes(name) || !needed || !(outputsOf(needed)?.has(key) ?? false);
  });
  const missingSteps = outputsNamed(job, 'steps').filter(([id, key]) => {
    const step = steps.get(id);
    const path = step?.uses === undefined ? undefined : ownPath(step.uses);
    if (!step) return true;
    if (path !== undefined) return !(key in (ownAction(path)?.outputs ?? {}));
    // For a script, only the name must occur in it.
    return step.run !== undefined && !step.run.includes(`${key}=`);
  });
  const unread = needs.filter((name) => !jobs[name]).map((name) => `it needs ${name}, which is no job`);
  return [
    ...unread,
    ...missingInputs.map((key) => `there is no input ${key}`),
    ...missingNeeds.map(([name, key]) => `needs.${name} has no output ${key}`),
    ...missingSteps.map(([id, key]) => `step ${id} has no output ${key}`),
  ];
}

/** The names of a job's outputs, or undefined if it calls a third-party workflow. */
function outputsOf(job: Job): Set<string> | undefined {
  if (job.uses === undefined) return new Set(Object.keys(job.outputs ?? {}));
  const contract = calledContract(ownPath(job.uses) ?? '');
  return contract && new Set(Object.keys(contract.outputs ?? {}));
}

function inputsOf({ on }: Workflow): Set<string> {
  return new Set(
    [on.workflow_call, on.workflow_dispatch].flatMap((event) => Object.keys(event?.inputs ?? {})),
  );
}

/** `name` in every `context.name` of the expressions in a part of a workflow. */
function named(part: unknown, context: string): string[] {
  const pattern = new RegExp(String.raw`(?<![\w.-])${context}\.([\w-]+)`, 'g');
  return [...new Set(matches(part, pattern).map(([, name = '']) => name))];
}

/** `[name, key]` for every `context.name.outputs.key`. */
function outputsNamed(part: unknown, context: string): [string, string][] {
  const pattern = new RegExp(String.raw`(?<![\w.-])${context}\.([\w-]+)\.outputs\.([\w-]+)`, 'g');
  return matches(part, pattern).map(([, name = '', key = '']) => [name, key]);
}

/** The matches of a pattern in the expressions of a part. An `if` is an expression even without braces. */
function matches(part: unknown, pattern: RegExp, key = ''): RegExpMatchArray[] {
  if (typeof part === 'string') {
    const expressions = key === 'if' ? [part] : [...part.matchAll(/\$\{\{(.*?)\}\}/gs)].map(([all]) => all);
    return expressions.flatMap((expression) => [...expression.matchAll(pattern)]);
  }
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) => matches(value, pattern, name));
}
