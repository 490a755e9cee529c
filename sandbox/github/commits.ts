import { AwsError } from '../protocols/service.ts';
import { type GitHubCall, notFound, type Routes } from './call.ts';
import { accountOf, type Commit } from './state.ts';
import { userJson } from './users.ts';

const COMMITS_PER_PAGE = 250;
/** The committer of commits created on github.com. */
const GITHUB = 'web-flow';

/** Commits, compared by their ancestry. */
export const commitRoutes: Routes = {
  /**
   * For two commits `base...head`, `ahead_by` counts the commits only in head, `behind_by` those only in base: head is
   * an ancestor of base if the status is `behind`.
   *
   * @see https://docs.github.com/rest/commits/commits#compare-two-commits
   */
  'GET /repos/{owner}/{repo}/compare/{basehead}': [
    'repos/compare-commits-with-basehead',
    (call) => {
      const [base = '', head] = (call.params.basehead ?? '').split('...');
      if (head === undefined) throw notFound();
      return { body: comparison(call, commitOf(call, base), commitOf(call, head)) };
    },
  ],
};

function commitOf({ state }: GitHubCall, sha: string): Commit {
  const found = state.commits.get(sha);
  if (!found) throw notFound();
  return found;
}

function comparison(call: GitHubCall, base: Commit, head: Commit): object {
  const [ofBase, ofHead] = [historyOf(call, base), historyOf(call, head)];
  const ahead = [...ofHead].filter((commit) => !ofBase.has(commit));
  const behind = [...ofBase].filter((commit) => !ofHead.has(commit));
  const shared = [...ofHead].findLast((commit) => ofBase.has(commit));
  // GitHub does not document the response for commits without a common ancestor: 404 is assumed.
  if (!shared) {
    throw new AwsError('NotFound', `No common ancestor between ${base.sha} and ${head.sha}.`, 404);
  }
  const size = Math.min(Number(call.query.get('per_page') ?? COMMITS_PER_PAGE), COMMITS_PER_PAGE);
  const first = (Number(call.query.get('page') ?? '1') - 1) * size;
  return {
    url: `${call.repositoryUrl}/compare/${base.sha}...${head.sha}`,
    html_url: `${call.htmlUrl}/compare/${base.sha}...${head.sha}`,
    status: statusOf(ahead.length, behind.length),
    ahead_by: ahead.length,
    behind_by: behind.length,
    total_commits: ahead.length,
    base_commit: commitJson(call, base),
    merge_base_commit: commitJson(call, shared),
    commits: ahead.slice(first, first + size).map((commit) => commitJson(call, commit)),
    files: filesOf(ahead).map((filename) => ({ filename, status: 'modified' })),
  };
}

/** GitHub's limit for a comparison. */
const MAX_FILES = 300;

function filesOf(commits: readonly Commit[]): string[] {
  return [...new Set(commits.flatMap(({ files }) => files))].slice(0, MAX_FILES);
}

function statusOf(ahead: number, behind: number): 'identical' | 'ahead' | 'behind' | 'diverged' {
  if (ahead > 0) return behind > 0 ? 'diverged' : 'ahead';
  return behind > 0 ? 'behind' : 'identical';
}

/** The commit and its ancestors, oldest first. */
function historyOf({ state }: GitHubCall, commit: Commit): Set<Commit> {
  const wanted = new Set([commit.sha]);
  const all = [...state.commits.values()];
  // A commit comes after its parents, so one pass from the newest finds all of them.
  for (const { sha, parents } of all.toReversed()) {
    if (wanted.has(sha)) for (const parent of parents) wanted.add(parent);
  }
  return new Set(all.filter(({ sha }) => wanted.has(sha)));
}

/** The parts of an author without an account, `name <address>`. */
export function personJson(text: string): { name: string; email: string } {
  const [, name = text, email] = /^(.*) <(.*)>$/.exec(text) ?? [];
  if (email !== undefined) return { name, email };
  return { name, email: name === GITHUB ? 'noreply@github.com' : `${name}@users.noreply.github.com` };
}

/** The account of an author, or null if the address belongs to none. */
function accountJson(text: string): object | null {
  return text.includes('<') ? null : userJson(accountOf(text));
}

function commitJson(
  { repositoryUrl, htmlUrl }: GitHubCall,
  { sha, parents, message, author, committer }: Commit,
): object {
  return {
    sha,
    url: `${repositoryUrl}/commits/${sha}`,
    html_url: `${htmlUrl}/commit/${sha}`,
    commit: { message, author: personJson(author), committer: personJson(committer) },
    author: accountJson(author),
    committer: accountJson(committer),
    parents: parents.map((parent) => ({ sha: parent })),
  };
}
