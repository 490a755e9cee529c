import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, ownAction, ownPath, readWorkflow, stepsOf } from '../workflow.ts';
import type { CallContract, Job, Step, WorkflowFile } from '../workflow.ts';

/** The inputs in each `with:`, compared with those that the action or the reusable workflow declares. */
export function callProblems({ workflow }: WorkflowFile): string[] {
  return Object.entries(workflow.jobs).flatMap(([name, job]) =>
    [...jobProblems(job), ...stepsOf(job).flatMap(stepProblems)].map((problem) => `${name}: ${problem}`),
  );
}

function stepProblems({ uses, with: given = {} }: Step): string[] {
  const path = uses === undefined ? undefined : ownPath(uses);
  if (uses === undefined || path === undefined) return [];
  const action = ownAction(path);
  if (!action) return [`${uses}: there is no such action`];
  const inputs = action.inputs ?? {};
  const required = Object.keys(inputs).filter((key) => inputs[key]?.required === true);
  return compare(uses, given, Object.keys(inputs), required);
}

function jobProblems({ uses, with: given = {}, secrets = {} }: Job): string[] {
  const path = uses === undefined ? undefined : ownPath(uses);
  if (uses === undefined || path === undefined) return [];
  const contract = calledContract(path);
  if (!contract) return [`${uses}: there is no such reusable workflow`];
  const inputs = contract.inputs ?? {};
  const required = Object.keys(inputs).filter((key) => inputs[key]?.required === true);
  const known = Object.keys(contract.secrets ?? {});
  const needed = known.filter((key) => contract.secrets?.[key]?.required === true);
  return [
    ...compare(uses, given, Object.keys(inputs), required),
    ...Object.entries(given).flatMap(([key, value]) => wrongType(uses, key, value, inputs[key]?.type)),
    ...compare(`${uses} secrets`, secrets === 'inherit' ? {} : secrets, known, needed),
  ];
}

/** What a reusable workflow of this repository declares, or undefined for other paths. */
export function calledContract(path: string): CallContract | undefined {
  if (!existsSync(join(ROOT, path))) return undefined;
  const { on } = readWorkflow(path).workflow;
  return 'workflow_call' in on ? (on.workflow_call ?? {}) : undefined;
}

function compare(what: string, given: object, known: string[], required: string[]): string[] {
  const unknown = Object.keys(given).filter((key) => !known.includes(key));
  const missing = required.filter((key) => !(key in given));
  return [
    ...unknown.map((key) => `${what} has no input ${key}`),
    ...missing.map((key) => `${what} needs ${key}`),
  ];
}

/** GitHub refuses a call with a literal of another type; an expression is known only in the run. */
function wrongType(uses: string, key: string, value: unknown, type = 'string'): string[] {
  if (typeof value === 'string' && value.includes('${{')) return [];
  return type === typeof value ? [] : [`${uses}: ${key} must be a ${type}, not ${JSON.stringify(value)}`];
}
