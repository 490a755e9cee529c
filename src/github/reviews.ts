import { createOctokit, type GitHubAccess, ownerAndName, statusOf } from './client.ts';

/** The review of a deployment by a required reviewer of the environment. */
export interface DeploymentReview {
  login: string;
  /** The reviewer's comment; empty if there is none. */
  comment: string;
}

/**
 * The approving reviews of this run's deployment to an environment, one for each reviewer, in GitHub's order. GitHub
 * returns the reviews of all attempts of the run without their attempt, so after a re-run there may be reviewers of
 * earlier attempts.
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

/**
 * The required reviewers of a GitHub environment: logins, and teams as `@org/team`. None for an environment that does not
 * exist.
 *
 * @throws GitHubError: the token needs `actions: read`.
 * @see https://docs.github.com/rest/deployments/environments#get-an-environment
 */
export async function readReviewers(
  { token, github, context }: GitHubAccess,
  environment: string,
): Promise<string[]> {
  const octokit = await createOctokit(token, github.apiUrl, context);
  const repository = ownerAndName(github.repository);
  try {
    const { data } = await octokit.rest.repos.getEnvironment({
      ...repository,
      environment_name: environment,
    });
    return (data.protection_rules ?? [])
      .flatMap((rule) => ('reviewers' in rule ? (rule.reviewers ?? []) : []))
      .flatMap(({ reviewer = {} }) => {
        if ('login' in reviewer) return [reviewer.login];
        return 'slug' in reviewer ? [`@${repository.owner}/${reviewer.slug}`] : [];
      });
  } catch (error) {
    if (statusOf(error) === 404) return [];
    throw error;
  }
}
