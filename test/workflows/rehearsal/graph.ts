import { listOf } from '../workflow.ts';
import type { Job } from '../workflow.ts';
import { holds } from './expressions.ts';
import type { Contexts, Standing } from './expressions.ts';
import type { Result } from './report.ts';

export interface JobResult {
  result: Result;
  outputs: Record<string, string>;
  /** For a job that calls a workflow, the results of its jobs. */
  inside?: readonly Result[];
  /** Whether it is the result of an earlier attempt of the run, because this one did not run the job again. */
  kept?: boolean;
}

/** The input of a job. */
export interface Beginning {
  needs: Record<string, JobResult>;
  /** The results of all its direct and indirect dependencies. */
  above: readonly Result[];
  /** Whether it runs in this attempt regardless of the result in an earlier one. */
  again: boolean;
}

export interface GraphRules {
  jobs: Record<string, Job>;
  contexts: Contexts;
  signal: AbortSignal;
  /** The dependencies of the job that calls this workflow. */
  above: readonly Result[];
  again: boolean;
  play: (name: string, job: Job, beginning: Beginning) => Promise<JobResult>;
  skipped: (name: string, result: Result, beginning: Beginning) => JobResult;
}

/**
 * Plays jobs as soon as their dependencies have ended. Without a status function in its `if`, a job runs only if all
 * its direct and indirect dependencies succeeded.
 *
 * "If a job fails or is skipped, all jobs that need it are skipped unless the jobs use a conditional expression that
 * causes the job to continue. If a run contains a series of jobs that need each other, a failure or skip applies to all
 * jobs in the dependency chain from the point of failure or skip onwards."
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idneeds
 */
export async function playGraph(rules: GraphRules): Promise<Record<string, JobResult>> {
  const { jobs, contexts, signal, play, skipped } = rules;
  const played = new Map<string, Promise<JobResult>>();
  const resultOf = (name: string): Promise<JobResult> => {
    const known = played.get(name);
    if (known) return known;
    const playing = playOne(name);
    played.set(name, playing);
    return playing;
  };
  const playOne = async (name: string): Promise<JobResult> => {
    const job = jobs[name];
    if (!job) throw new Error(`there is no job ${name}`);
    const needed = listOf(job.needs);
    const results = await Promise.all(needed.map(resultOf));
    const needs = Object.fromEntries(needed.map((need, index) => [need, results[index] as JobResult]));
    const ancestry = await Promise.all(ancestors(jobs, name).map(resultOf));
    const beginning = {
      needs,
      above: [...rules.above, ...ancestry.flatMap(({ result, inside = [] }) => [result, ...inside])],
      again: rules.again || ancestry.some(({ kept }) => kept !== true),
    };
    const standing = signal.aborted ? 'cancelled' : standingOf(beginning.above);
    if (holds(job.if, { ...contexts, needs }, standing)) return await play(name, job, beginning);
    return skipped(name, signal.aborted ? 'cancelled' : 'skipped', beginning);
  };
  const names = Object.keys(jobs);
  const results = await Promise.all(names.map(resultOf));
  return Object.fromEntries(names.map((name, index) => [name, results[index] as JobResult]));
}

function ancestors(jobs: Record<string, Job>, name: string): string[] {
  const found = new Set<string>();
  const climb = (each: string): void => {
    for (const need of listOf(jobs[each]?.needs)) {
      if (found.has(need)) continue;
      found.add(need);
      climb(need);
    }
  };
  climb(name);
  return [...found];
}

/**
 * Only a success is a success, and only a failure is a failure. A job that was cancelled, for example by its
 * `timeout-minutes`, does not cancel the run.
 *
 * "`failure()` returns `true` if any ancestor job fails"; `cancelled()` "returns `true` if the workflow was canceled."
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/expressions#status-check-functions
 */
function standingOf(results: readonly Result[]): Standing {
  if (results.includes('failure')) return 'failure';
  if (results.includes('cancelled') || results.includes('skipped')) return 'skipped';
  return 'success';
}
