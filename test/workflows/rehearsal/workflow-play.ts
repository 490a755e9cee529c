import { ownPath, readWorkflow } from '../workflow.ts';
import type { Job } from '../workflow.ts';
import { Superseded } from './concurrency.ts';
import { interpolateAll, toText } from './expressions.ts';
import type { Contexts } from './expressions.ts';
import { playGraph } from './graph.ts';
import type { Beginning, JobResult } from './graph.ts';
import { Refused, inputsOf, secretsOf } from './inputs.ts';
import { playJob, readConcurrency } from './job.ts';
import { combinations } from './matrix.ts';
import type { Combination } from './matrix.ts';
import { permissionsOf } from './permissions.ts';
import { worst } from './report.ts';
import type { Result } from './report.ts';
import { fromFork, sharedContexts } from './run.ts';
import type { OpenRules, Scope } from './run.ts';
import { texts } from './step.ts';
import { calledRef } from './workflow-ref.ts';

/**
 * Whether GitHub finds the workflow that a job calls. It does not find those of an owner that cannot exist: "error
 * parsing called workflow …: failed to fetch workflow: workflow was not found", and the run does not start
 * (alandtse/CrashLoggerSSE#23).
 *
 * @throws Refused
 */
function calledPath(uses: string): string {
  const path = ownPath(uses);
  if (path !== undefined) return path;
  const owner = uses.split('/')[0] ?? '';
  // https://docs.github.com/en/enterprise-server@3.12/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
  if (!/^[\w-]+$/.test(owner)) {
    throw new Refused(`error parsing called workflow "${uses}": workflow was not found`);
  }
  throw new Error(`${uses} is a third-party workflow`);
}

/** Plays all jobs of a workflow, or of one that a job calls. */
export async function playWorkflow(scope: Scope): Promise<Record<string, JobResult>> {
  const { running, file, prefix, signal, above, again } = scope;
  const contexts = sharedContexts(scope);
  return await playGraph({
    jobs: file.workflow.jobs,
    contexts,
    signal,
    above,
    again,
    play: (id, job, beginning) => playMatrix(id, job, contexts, beginning, scope),
    skipped: (id, result, beginning) => {
      const name = prefix + id;
      running.jobs[name] = { result, outputs: {}, dropped: [], reason: '', permissions: {}, steps: [] };
      return { result, outputs: {}, kept: !beginning.again && running.earlier[name]?.result === result };
    },
  });
}

/**
 * A job for each combination, in parallel. With a matrix, "the output will be the output set by the last successful
 * completing reusable workflow of the matrix which actually sets a value"; the same applies to a job's own outputs.
 *
 * @see https://docs.github.com/actions/how-tos/reuse-automations/reuse-workflows
 */
async function playMatrix(
  id: string,
  job: Job,
  shared: Contexts,
  beginning: Beginning,
  scope: Scope,
): Promise<JobResult> {
  const contexts = { ...shared, needs: beginning.needs };
  const matrix = interpolateAll(job.strategy?.matrix, contexts) as Record<string, unknown> | undefined;
  const failFast = job.strategy?.['fail-fast'] !== false;
  const stop = new AbortController();
  const signal = AbortSignal.any([scope.signal, stop.signal]);
  const plays = combinations(matrix).map(async (combination) => {
    const name = scope.prefix + id + suffixOf(combination);
    const own = { ...contexts, matrix: combination };
    const result = await playOne(id, name, job, own, beginning, { ...scope, signal });
    if (result.result === 'failure' && failFast) stop.abort(new Superseded('another of the matrix failed'));
    return result;
  });
  const results = await Promise.all(plays);
  const outputs = results.flatMap((each) => Object.entries(each.outputs).filter(([, value]) => value !== ''));
  return {
    result: worst(results.map(({ result }) => result)),
    outputs: Object.fromEntries(outputs),
    inside: results.flatMap(({ result, inside = [] }) => [result, ...inside]),
    kept: results.every(({ kept }) => kept === true),
  };
}

function suffixOf(combination: Combination): string {
  const values = Object.values(combination);
  return values.length > 0 ? ` (${values.map(toText).join(', ')})` : '';
}

async function playOne(
  id: string,
  name: string,
  job: Job,
  contexts: Contexts,
  beginning: Beginning,
  scope: Scope,
): Promise<JobResult> {
  if (job.uses !== undefined) return await playCall(name, job, contexts, beginning, scope);
  const earlier = beginning.again ? undefined : scope.running.earlier[name];
  if (earlier?.result === 'success') {
    scope.running.jobs[name] = earlier;
    return { ...earlier, kept: true };
  }
  const granted = permissionsOf(name, job, scope.file.workflow, scope.allowed);
  const permissions = fromFork(scope.running) ? readOnly(granted) : granted;
  const report = await playJob({ id, name, job, contexts, permissions, scope });
  scope.running.jobs[name] = report;
  return report;
}

/** A fork's pull request may read, and has no identity. */
function readOnly(granted: Partial<Record<string, string>>): Record<string, 'read'> {
  const readable = Object.keys(granted).filter((key) => key !== 'id-token' && granted[key] !== 'none');
  return Object.fromEntries(readable.map((key) => [key, 'read']));
}

async function playCall(
  name: string,
  job: Job,
  contexts: Contexts,
  beginning: Beginning,
  scope: Scope,
): Promise<JobResult> {
  const { open, workflows = {} } = scope.running.stage;
  const uses = job.uses ?? '';
  const path = calledPath(uses);
  const file = workflows[path] ?? readWorkflow(path);
  const contract = file.workflow.on.workflow_call;
  const given = interpolateAll(job.with ?? {}, contexts) as Record<string, unknown>;
  const secrets = job.secrets === 'inherit' ? scope.secrets : texts(job.secrets, contexts);
  const called: Scope = {
    ...scope,
    file,
    workflowRef: calledRef(uses, scope.workflowRef),
    inputs: inputsOf(contract, given),
    secrets: fromFork(scope.running) ? {} : secretsOf(contract, secrets),
    allowed: permissionsOf(name, job, scope.file.workflow, scope.allowed),
    prefix: `${name} / `,
    above: open.standsOnCaller ? beginning.above : [],
    again: beginning.again,
  };
  const results = await inTurn(job, contexts, called, () => playWorkflow(called));
  const ends = Object.values(results);
  const outputs = Object.entries(contract?.outputs ?? {}).map(([key, { value }]) => [
    key,
    toText(interpolateAll(value, { ...sharedContexts(called), jobs: results })),
  ]);
  return {
    result: resultOfCall(ends, open),
    outputs: Object.fromEntries(outputs) as Record<string, string>,
    inside: ends.flatMap(({ result, inside = [] }) => [result, ...inside]),
    kept: ends.every(({ kept }) => kept === true),
  };
}

function resultOfCall(ends: readonly JobResult[], open: OpenRules): Result {
  const results = ends.map(({ result }) => result);
  const result = worst(results);
  return result === 'success' && results.includes('skipped') ? open.partlySkipped : result;
}

/** A calling job may have a concurrency group for everything that it calls. */
async function inTurn<T>(job: Job, contexts: Contexts, scope: Scope, work: () => Promise<T>): Promise<T> {
  if (job.concurrency === undefined) return await work();
  const own = new AbortController();
  const wanted = readConcurrency(job.concurrency, contexts);
  const cancel = (reason: Error): void => {
    own.abort(reason);
  };
  const leave = await scope.running.groups.enter(wanted, cancel, scope.signal);
  scope.signal = AbortSignal.any([scope.signal, own.signal]);
  try {
    return await work();
  } finally {
    leave();
  }
}

/** Whether an error is GitHub's refusal to start a run. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Refused || (error instanceof Error && error.name === 'TooManyPermissions');
}
