import { createOctokit, type GitHubAccess, ownerAndName } from './client.ts';
import type { GitHubContext } from './context.ts';

/** GitHub gives so many commits at once; the newest are the last. */
const COMMITS_A_PAGE = 100;

interface Comparison {
  /** How many commits `head` has that `base` has not. */
  total: number;
  /** How many `base` has that `head` has not: above zero when it goes back, or sideways. */
  behind: number;
  /** The oldest first; the first hundred. */
  commits: { sha: string; title: string; author: string; url: string }[];
}

/** GitHub's page that compares two commits. */
export function compareUrl({ serverUrl, repository }: GitHubContext, base: string, head: string): string {
  return `${serverUrl}/${repository}/compare/${base}...${head}`;
}

/**
 * The commits between two.
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

/** GitHub names no more files than these, and does not say that there are others. */
const MOST_FILES = 300;

/**
 * The files that differ between two commits, a renamed one by both of its names. Undefined where GitHub does not name all
 * of them.
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
 * Whether a commit is an ancestor of another one: GitHub then says that it is `behind`.
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
