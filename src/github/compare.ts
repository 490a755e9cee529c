import { createOctokit, type GitHubAccess, ownerAndName } from './client.ts';
import type { GitHubContext } from './context.ts';

/** The largest page that GitHub returns. */
const COMMITS_A_PAGE = 100;

interface Comparison {
  /** How many commits are in `head` but not in `base`. */
  total: number;
  /** How many commits are in `base` but not in `head`. If there are any, `head` is older or on another branch. */
  behind: number;
  /** The first hundred, the oldest first. */
  commits: { sha: string; title: string; author: string; url: string }[];
}

/** The page on GitHub that compares two commits. */
export function compareUrl({ serverUrl, repository }: GitHubContext, base: string, head: string): string {
  return `${serverUrl}/${repository}/compare/${base}...${head}`;
}

/**
 * The commits between two commits.
 *
 * @throws the API's error: the token needs `contents: read`, and the repository must have both commits.
 * @see https://docs.github.com/rest/commits/commits#compare-two-commits
 */
export async function compareCommits(access: GitHubAccess, base: string, head: string): Promise<Comparison> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const { data } = await octokit.rest.repos.compareCommitsWithBasehead({
    ...ownerAndName(github.repository),
    basehead: `${base}...${head}`,
    per_page: COMMITS_A_PAGE,
  });
  return {
    total: data.total_commits,
    behind: data.behind_by,
    commits: data.commits.map(({ sha, commit, author, html_url: url }) => ({
      sha,
      title: commit.message.split('\n')[0] ?? '',
      author: author?.login ?? commit.author?.name ?? '',
      url,
    })),
  };
}

/** GitHub returns at most this many files, without an indication that there are more. */
const MOST_FILES = 300;

/**
 * The files that differ between two commits, with both names of a renamed file. Undefined if GitHub does not return all of
 * them.
 *
 * @throws the API's error: the token needs `contents: read`, and the repository must have both commits.
 * @see https://docs.github.com/rest/commits/commits#compare-two-commits "up to 300 changed files for the entire comparison"
 */
export async function changedFiles(
  access: GitHubAccess,
  base: string,
  head: string,
): Promise<string[] | undefined> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const { data } = await octokit.rest.repos.compareCommitsWithBasehead({
    ...ownerAndName(github.repository),
    basehead: `${base}...${head}`,
    per_page: 1,
  });
  const { files } = data;
  if (!files || files.length >= MOST_FILES) return undefined;
  return files.flatMap(({ filename, previous_filename: before }) => [
    filename,
    ...(before === undefined ? [] : [before]),
  ]);
}

/**
 * Whether a commit is an ancestor of another one. GitHub's status for it is then `behind`.
 *
 * @throws the API's error: the token needs `contents: read`, and the repository must have both commits.
 * @see https://docs.github.com/rest/commits/commits#compare-two-commits
 */
export async function isAncestor(access: GitHubAccess, commit: string, of: string): Promise<boolean> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const { data } = await octokit.rest.repos.compareCommitsWithBasehead({
    ...ownerAndName(github.repository),
    basehead: `${of}...${commit}`,
    per_page: 1,
  });
  return data.status === 'behind';
}
