import type { Context } from '../core/context.ts';
import { createOctokit, ownerAndName, statusOf, withRetries } from './client.ts';
import type { GitHubContext } from './context.ts';

interface Access {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal'>;
}

export interface Superseded {
  /** Numbers of the runs that were cancelled. */
  cancelled: number[];
  /** Number of a newer run that waits for the environment itself; then nothing was cancelled. */
  newer?: number;
}

/** GitHub's answer to the cancelling of a run that has ended meanwhile. */
const CONFLICT = 409;
const FORBIDDEN = 403;

/**
 * Cancels the older runs of this run's workflow, on its branch, that wait for an approval of the environment.
 * A run that has been approved goes on: it does not wait any more.
 *
 * @throws the API's error; for a token without `actions: write` one that says so.
 * @see https://docs.github.com/rest/actions/workflow-runs
 */
export async function supersedeRuns(access: Access, environment: string): Promise<Superseded> {
  try {
    return await supersede(access, environment);
  } catch (error) {
    if (statusOf(error) !== FORBIDDEN) throw error;
    const message = `GitHub refused: the job needs \`actions: write\` (${(error as Error).message})`;
    throw new Error(message, { cause: error });
  }
}

async function supersede(access: Access, environment: string): Promise<Superseded> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context.signal);
  const repository = ownerAndName(github.repository);
  const { actions } = octokit.rest;
  const id = Number(github.runId);
  const { data: own } = await withRetries(context, () =>
    actions.getWorkflowRun({ ...repository, run_id: id }),
  );
  const waiting = await withRetries(context, () =>
    octokit.paginate(actions.listWorkflowRuns, {
      ...repository,
      workflow_id: own.workflow_id,
      status: 'waiting',
      ...(own.head_branch !== null && { branch: own.head_branch }),
      per_page: 100,
    }),
  );
  const others = await Promise.all(
    waiting.map(async (run) => {
      const pending = await withRetries(context, () =>
        actions.getPendingDeploymentsForRun({ ...repository, run_id: run.id }),
      );
      const waits = pending.data.some((deployment) => deployment.environment.name === environment);
      return waits && run.id !== id ? [run] : [];
    }),
  );
  const rivals = others.flat();
  const newer = rivals.find((run) => run.run_number > own.run_number);
  if (newer) return { cancelled: [], newer: newer.run_number };
  const cancelled = await Promise.all(
    rivals.map(async (run) => {
      const gone = await withRetries(context, async () => {
        await actions.cancelWorkflowRun({ ...repository, run_id: run.id });
        return true;
      }).catch((error: unknown) => {
        if (statusOf(error) === CONFLICT) return false;
        throw error;
      });
      return gone ? [run.run_number] : [];
    }),
  );
  return { cancelled: cancelled.flat().sort((one, other) => one - other) };
}
