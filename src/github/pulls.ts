import { createOctokit, type GitHubAccess, graphql, ownerAndName, statusOf } from './client.ts';

/** The current state of a pull request. */
export interface PullRequest {
  number: number;
  open: boolean;
  headSha: string;
  /** Whether its head is in another repository. */
  fork: boolean;
}

/**
 * Reads a pull request; undefined if none of this number is visible to the token.
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
    // The head's repository is null if the fork was deleted.
    const head = data.head as { sha: string; repo: { full_name: string } | null };
    const fork = head.repo?.full_name !== github.repository;
    return { number, open: data.state === 'open', headSha: head.sha, fork };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** The state that is read for many pull requests at once. */
export interface PullRequestState {
  open: boolean;
  /** ISO 8601. */
  createdAt: string;
}

const STATES_A_CALL = 100;

/**
 * Reads the states of pull requests, 100 for each GraphQL call. Pull requests that the token cannot see are omitted.
 *
 * @throws GitHubError: the token needs `pull-requests: read`.
 * @see https://docs.github.com/graphql/reference/objects#pullrequest
 */
export async function readPullRequestStates(
  access: GitHubAccess,
  numbers: readonly number[],
): Promise<Map<number, PullRequestState>> {
  const octokit = await createOctokit(access.token, access.github.apiUrl, access.context);
  const states = new Map<number, PullRequestState>();
  for (let at = 0; at < numbers.length; at += STATES_A_CALL) {
    const page = numbers.slice(at, at + STATES_A_CALL);
    const selections = page.map(
      (number) => `pull${number}: pullRequest(number: ${number}) { state createdAt }`,
    );
    const query = `query States($owner: String!, $repo: String!) {
      repository(owner: $owner, name: $repo) { ${selections.join(' ')} }
    }`;
    const { repository } = await graphql<{ repository: Record<string, PullRequestNode | null> | null }>(
      octokit,
      query,
      ownerAndName(access.github.repository),
      { missing: 'null' },
    );
    for (const number of page) {
      const node = repository?.[`pull${number}`];
      if (node) states.set(number, { open: node.state === 'OPEN', createdAt: node.createdAt });
    }
  }
  return states;
}

interface PullRequestNode {
  state: 'OPEN' | 'CLOSED' | 'MERGED';
  createdAt: string;
}
