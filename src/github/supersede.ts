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

interface ResultBase {
  environment: string;
  /** One sentence. */
  reason: string;
}

/** The result of supersede-runs. The errors behind `failed` and `cancelled` are thrown. */
export type SupersedeResult =
  /** `runs`: the numbers of the older waiting runs that were cancelled, in order. */
  | (ResultBase & { verdict: 'superseded'; runs: readonly number[] })
  | (ResultBase & { verdict: 'unchanged' })
  /** A newer run is already waiting for the environment. Nothing was cancelled. */
  | (ResultBase & { verdict: 'outdated'; newer: number });

/** GitHub's response to cancelling a run that has completed. */
const CONFLICT = 409;
const FORBIDDEN = 403;

/**
 * Cancels older runs of the same workflow and branch that wait for approval of the environment. Approved runs and runs
 * that are `queued`, `pending` or in progress continue, because a deployment checks the order of releases itself. A newer
 * run is never cancelled.
 *
 * A run has the status `waiting` because of "deployment protection rules or required reviews"; "`pending` is often caused
 * by concurrency limits" (https://github.com/github/docs/pull/44984).
 *
 * @throws GitHubError: the token needs `actions: write`.
 * @see https://docs.github.com/rest/actions/workflow-runs
 */
export async function supersedeRuns(access: GitHubAccess, environment: string): Promise<SupersedeResult> {
  try {
    return await supersede(access, environment);
  } catch (error) {
    if (!(error instanceof GitHubError) || statusOf(error) !== FORBIDDEN) throw error;
    const message = `GitHub denied access: the job needs the permission \`actions: write\` (${error.message})`;
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
    const reason = `The newer run #${newer} is already waiting for approval of ${environment}.`;
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
    return {
      verdict: 'unchanged',
      environment,
      reason: `No other run is waiting for approval of ${environment}.`,
    };
  }
  const numbers = runs.map((number) => `#${number}`).join(', ');
  const reason = `Cancelled ${runs.length === 1 ? 'the older run' : 'the older runs'} ${numbers}, which were waiting for approval of ${environment}.`;
  return { verdict: 'superseded', environment, reason, runs };
}

/** "Environment names are not case sensitive." (https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/manage-environments) */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
