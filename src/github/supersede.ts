import { PlatformError } from '../core/errors.ts';
import type { Verdicts } from '../core/outcome.ts';
import { createOctokit, type GitHubAccess, GitHubError, ownerAndName, statusOf } from './client.ts';

export const SUPERSEDE_VERDICTS = {
  superseded: { ok: true },
  unchanged: { ok: true },
  outdated: { ok: false, quiet: true },
  failed: { ok: false },
  cancelled: { ok: false },
} as const satisfies Verdicts;

interface Superseding {
  environment: string;
  /** One sentence for a person. */
  reason: string;
}

/** How it ended. What makes it `failed` or `cancelled` is thrown. */
export type SupersedeResult =
  /** Older runs waited and were cancelled: their numbers, in order. */
  | (Superseding & { verdict: 'superseded'; runs: readonly number[] })
  | (Superseding & { verdict: 'unchanged' })
  /** A newer run waits for the environment itself; nothing was cancelled. */
  | (Superseding & { verdict: 'outdated'; newer: number });

/** GitHub's answer to the cancelling of a run that has ended meanwhile. */
const CONFLICT = 409;
const FORBIDDEN = 403;

/**
 * Cancels the older runs of this run's workflow, on its branch, that wait for an approval of the environment.
 * A run that has been approved goes on, and so does one that is `queued`, `pending` or in progress: when it comes to
 * deploy, it is judged by the order of releases. A newer run is never cancelled.
 *
 * A run has the status `waiting` because of "deployment protection rules or required reviews"; "`pending` is often caused
 * by concurrency limits" (https://github.com/github/docs/pull/44984).
 *
 * @throws GitHubError; for a token without `actions: write` one that says so.
 * @see https://docs.github.com/rest/actions/workflow-runs
 */
export async function supersedeRuns(access: GitHubAccess, environment: string): Promise<SupersedeResult> {
  try {
    return await supersede(access, environment);
  } catch (error) {
    if (!(error instanceof GitHubError) || statusOf(error) !== FORBIDDEN) throw error;
    const message = `GitHub refused: the job needs \`actions: write\` (${error.message})`;
    throw new PlatformError(error.code, message, { cause: error });
  }
}

async function supersede(access: GitHubAccess, environment: string): Promise<SupersedeResult> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const repository = ownerAndName(github.repository);
  const { actions } = octokit.rest;
  const id = Number(github.runId);
  const { data: own } = await actions.getWorkflowRun({ ...repository, run_id: id });
  const waiting = await octokit.paginate(actions.listWorkflowRuns, {
    ...repository,
    workflow_id: own.workflow_id,
    status: 'waiting',
    ...(own.head_branch !== null && { branch: own.head_branch }),
    per_page: 100,
  });
  const others = await Promise.all(
    waiting.map(async (run) => {
      const pending = await actions.getPendingDeploymentsForRun({ ...repository, run_id: run.id });
      const waits = pending.data.some(({ environment: { name = '' } }) => isSame(name, environment));
      return waits && run.id !== id ? [run] : [];
    }),
  );
  const rivals = others.flat();
  const newer = rivals.find((run) => run.run_number > own.run_number)?.run_number;
  if (newer !== undefined) {
    const reason = `Run #${newer} is newer and waits for ${environment} already.`;
    return { verdict: 'outdated', environment, reason, newer };
  }
  const cancelled = await Promise.all(
    rivals.map(async (run) => {
      try {
        await actions.cancelWorkflowRun({ ...repository, run_id: run.id });
        return [run.run_number];
      } catch (error) {
        if (statusOf(error) === CONFLICT) return [];
        throw error;
      }
    }),
  );
  const runs = cancelled.flat().sort((one, other) => one - other);
  if (runs.length === 0) {
    return { verdict: 'unchanged', environment, reason: `No other run waits for ${environment}.` };
  }
  const numbers = runs.map((number) => `#${number}`).join(', ');
  const reason = `Cancelled ${numbers}: this run is newer and asks for ${environment} too.`;
  return { verdict: 'superseded', environment, reason, runs };
}

/** "Environment names are not case sensitive." (https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/manage-environments) */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
