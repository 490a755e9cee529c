import { createOctokit, type GitHubAccess, ownerAndName, statusOf } from './client.ts';

/** A pull request as it is now. */
export interface PullRequest {
  number: number;
  open: boolean;
  headSha: string;
  /** Whether it comes from another repository. */
  fork: boolean;
}

/**
 * Reads a pull request; undefined when GitHub does not show one of that number.
 *
 * @throws the API's error: the token needs `pull-requests: read`.
 */
export async function readPullRequest(
  access: GitHubAccess,
  number: number,
): Promise<PullRequest | undefined> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const wanted = { ...ownerAndName(github.repository), pull_number: number };
  try {
    const { data } = await octokit.rest.pulls.get(wanted);
    // The head's repository is null when the fork was deleted.
    const head = data.head as { sha: string; repo: { full_name: string } | null };
    const fork = head.repo?.full_name !== github.repository;
    return { number, open: data.state === 'open', headSha: head.sha, fork };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
