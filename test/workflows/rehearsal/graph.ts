import { listOf } from '../workflow.ts';
import type { Job } from '../workflow.ts';
import { holds } from './expressions.ts';
import type { Contexts, Standing } from './expressions.ts';
import type { Result } from './report.ts';

export interface JobResult {
  result: Result;
  outputs: Record<string, string>;
}

export interface GraphRules {
  jobs: Record<string, Job>;
  contexts: Contexts;
  signal: AbortSignal;
  play: (name: string, job: Job, needs: Record<string, JobResult>) => Promise<JobResult>;
  skipped: (name: string, result: Result) => void;
}

/**
 * Plays jobs as soon as those that they need have ended. Without a status function in its `if`, a job runs only
 * when all that it stands on, directly or not, succeeded: also one that was skipped far above stops it.
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
    const above = await Promise.all(ancestors(jobs, name).map(resultOf));
    const standing = signal.aborted ? 'cancelled' : standingOf(above.map(({ result }) => result));
    if (holds(job.if, { ...contexts, needs }, standing)) return await play(name, job, needs);
    const result = signal.aborted ? 'cancelled' : 'skipped';
    skipped(name, result);
    return { result, outputs: {} };
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

/** What is not a success is no success; only a failure is a failure. */
function standingOf(results: Result[]): Standing {
  if (results.includes('failure')) return 'failure';
  if (results.includes('cancelled') || results.includes('skipped')) return 'skipped';
  return 'success';
}
