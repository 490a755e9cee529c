import type { Context } from '../core/context.ts';
import { createOctokit, ownerAndName, withRetries } from './client.ts';
import type { GitHubContext } from './context.ts';

/** One review of a deployment to an environment. */
export interface Approval {
  user: string;
  state: 'approved' | 'rejected' | 'pending';
  environments: readonly string[];
  comment: string;
}

/**
 * Who approved or rejected the run's deployments, in the order that GitHub gives.
 *
 * @throws the API's error: the token needs `actions: read`.
 * @see https://docs.github.com/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run
 */
export async function approversOf(options: {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal'>;
}): Promise<Approval[]> {
  const { token, github, context } = options;
  const octokit = await createOctokit(token, github.apiUrl, context.signal);
  const run = { ...ownerAndName(github.repository), run_id: Number(github.runId) };
  const { data } = await withRetries(context, () => octokit.rest.actions.getReviewsForRun(run));
  return data.map((review) => ({
    user: review.user.login,
    state: review.state,
    environments: review.environments.map(({ name }) => name ?? '').filter((name) => name !== ''),
    comment: review.comment,
  }));
}
