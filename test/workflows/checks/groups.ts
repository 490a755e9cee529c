import { ownPath, readWorkflow } from '../workflow.ts';
import type { Concurrency, Job, WorkflowFile } from '../workflow.ts';

/**
 * Groups that block only their own workflow: a sweep, whose environment must not have reviewers, and the next release
 * of this repository, which is started manually.
 */
const ALONE = new Set(['preview-sweep', 'release']);

/**
 * Concurrency groups that a run holds while it waits for an approval: all others of the group wait with it, for up to
 * 30 days. A newer one that cancels the older one does not wait.
 *
 * @see https://github.com/orgs/community/discussions/17401
 */
export function groupProblems({ workflow }: WorkflowFile): string[] {
  const jobs = Object.entries(workflow.jobs);
  const waiting = jobs.filter(([, job]) => waitsForApproval(job));
  const own = waiting.filter(([, job]) => holdsBack(job.concurrency)).map(([name]) => name);
  const whole = waiting.length > 0 && holdsBack(workflow.concurrency) ? ['the workflow'] : [];
  return [...whole, ...own].map(
    (what) => `${what} holds its concurrency group while it waits for an approval`,
  );
}

function waitsForApproval({ environment, uses }: Job): boolean {
  const path = ownPath(uses ?? '');
  if (uses === undefined || path === undefined) return environment !== undefined;
  return Object.values(readWorkflow(path).workflow.jobs).some(waitsForApproval);
}

function holdsBack(concurrency: string | Concurrency | undefined): boolean {
  if (concurrency === undefined) return false;
  const { group, 'cancel-in-progress': cancel } =
    typeof concurrency === 'string' ? { group: concurrency } : concurrency;
  return cancel !== true && !ALONE.has(group);
}
