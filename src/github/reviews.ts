import { createOctokit, type GitHubAccess, ownerAndName } from './client.ts';

/** The review of a deployment by somebody whom the environment's protection asks. */
export interface DeploymentReview {
  login: string;
  /** What the reviewer wrote; empty where nothing. */
  comment: string;
}

/**
 * Who approved that this run deploys to an environment, each once, in GitHub's order. It lists the reviews of all
 * attempts of the run and does not tell which is whose, so after a re-run there may be reviewers of earlier attempts.
 *
 * @throws GitHubError: the token needs `actions: read`.
 * @see https://docs.github.com/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run
 */
export async function readApprovingReviews(
  { token, github, context }: GitHubAccess,
  environment: string,
): Promise<DeploymentReview[]> {
  const octokit = await createOctokit(token, github.apiUrl, context);
  const { data } = await octokit.rest.actions.getReviewsForRun({
    ...ownerAndName(github.repository),
    run_id: Number(github.runId),
  });
  // "Environment names are not case sensitive": docs.github.com, managing environments for deployment.
  const name = environment.toLowerCase();
  const reviews = data
    .filter(({ state }) => state === 'approved')
    .filter(({ environments }) => environments.some((one) => one.name?.toLowerCase() === name))
    .map(({ user, comment }) => ({ login: user.login, comment }));
  return [...new Map(reviews.map((review) => [review.login, review])).values()];
}
