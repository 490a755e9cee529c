import { createOctokit, type GitHubAccess, GitHubError, graphql, ownerAndName } from './client.ts';

/** Who wrote a commit. */
export interface CommitWriters {
  /** Authors, co-authors and the committer, in lower case. */
  logins: ReadonlySet<string>;
  /** Authors and committers whose email address does not belong to an account, as `name <address>`. */
  unknown: readonly string[];
}

interface Person {
  name: string | null;
  email: string | null;
  user: { login: string } | null;
}

interface CommitNode {
  oid: string;
  authors: { nodes: Person[] };
  committer: Person | null;
  signature: { wasSignedByGitHub: boolean; isValid: boolean } | null;
  parents: { totalCount: number; nodes: { oid: string }[] };
}

/** The committer of commits that are created on GitHub's website. */
const GITHUB_ADDRESS = 'noreply@github.com';
const COMMITS_AT_ONCE = 50;
const COMPARED_AT_ONCE = 100;

/**
 * Who wrote a commit: its author, the authors of its Co-authored-by trailers, and its committer, unless that is GitHub.
 * For a merge that GitHub created, it is who wrote the merged commits, because the merge itself contains no changes.
 *
 * None of this is verified: git accepts any author and committer.
 *
 * GraphQL's `Commit.authors`: "The list of authors for this commit based on the git author and the Co-authored-by
 * message trailer. The git author will always be first." REST resolves only the author and the committer.
 *
 * @returns undefined for a commit that is not in the repository.
 * @throws GitHubError: the token needs `contents: read`. Also if GitHub does not return all commits of a merge.
 * @see https://docs.github.com/graphql/reference/objects#commit
 */
export async function readCommitWriters(
  access: GitHubAccess,
  commit: string,
): Promise<CommitWriters | undefined> {
  const [written] = await readCommits(access, [commit]);
  if (!written) return undefined;
  if (!isMergeByGitHub(written)) return writersOf([written]);
  const [base] = written.parents.nodes;
  const merged = (await commitsBetween(access, base?.oid ?? '', commit)).filter((oid) => oid !== commit);
  const read = await readCommits(access, merged);
  if (read.length === 0 || read.length < merged.length) {
    throw new GitHubError(`GitHub did not return all commits of the merge ${commit.slice(0, 7)}`);
  }
  return writersOf(read);
}

function isMergeByGitHub({ parents, signature }: CommitNode): boolean {
  return parents.totalCount > 1 && signature?.isValid === true && signature.wasSignedByGitHub;
}

function writersOf(commits: readonly CommitNode[]): CommitWriters {
  const logins = new Set<string>();
  const unknown = new Set<string>();
  for (const { authors, committer } of commits) {
    const [author, ...coAuthors] = authors.nodes;
    const isGitHub = committer?.email === GITHUB_ADDRESS;
    for (const person of [author, ...(isGitHub ? [] : [committer])]) {
      const login = loginOf(person);
      if (login === undefined) unknown.add(`${person?.name ?? ''} <${person?.email ?? ''}>`);
      else logins.add(login);
    }
    // Trailers are free text and often name tools without an account.
    for (const coAuthor of coAuthors) {
      const login = loginOf(coAuthor);
      if (login !== undefined) logins.add(login);
    }
  }
  return { logins, unknown: [...unknown] };
}

/**
 * The noreply address contains the login of an app, which has no `user` in GraphQL, and of a person whose email address
 * is private.
 *
 * @see https://docs.github.com/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
 */
function loginOf(person: Person | null | undefined): string | undefined {
  const noreply = /^(?:\d+\+)?([^@+]+)@users\.noreply\.github\.com$/i.exec(person?.email ?? '')?.[1];
  return (person?.user?.login ?? noreply)?.toLowerCase();
}

/** Reads commits in the order of their ids, without those that are not in the repository. */
async function readCommits(access: GitHubAccess, oids: readonly string[]): Promise<CommitNode[]> {
  const octokit = await createOctokit(access.token, access.github.apiUrl, access.context);
  const { owner, repo } = ownerAndName(access.github.repository);
  const found: CommitNode[] = [];
  for (let at = 0; at < oids.length; at += COMMITS_AT_ONCE) {
    const page = oids.slice(at, at + COMMITS_AT_ONCE);
    const declared = page.map((_, index) => `$oid${index}: GitObjectID!`).join(', ');
    const selections = page
      .map((_, index) => `commit${index}: object(oid: $oid${index}) { ...written }`)
      .join(' ');
    const query = `query Writers($owner: String!, $repo: String!, ${declared}) {
      repository(owner: $owner, name: $repo) { ${selections} }
    }
    fragment written on Commit {
      oid
      authors(first: 100) { nodes { name email user { login } } }
      committer { name email user { login } }
      signature { wasSignedByGitHub isValid }
      parents(first: 1) { totalCount nodes { oid } }
    }`;
    const variables = Object.fromEntries(page.map((oid, index) => [`oid${index}`, oid]));
    const { repository } = await graphql<{ repository: Record<string, CommitNode | null> | null }>(
      octokit,
      query,
      {
        owner,
        repo,
        ...variables,
      },
    );
    found.push(...page.flatMap((_, index) => repository?.[`commit${index}`] ?? []));
  }
  return found;
}

/** The ids of the commits that are in `head` but not in `base`. */
async function commitsBetween(access: GitHubAccess, base: string, head: string): Promise<string[]> {
  const octokit = await createOctokit(access.token, access.github.apiUrl, access.context);
  const oids: string[] = [];
  for (let page = 1; ; page++) {
    const { data } = await octokit.rest.repos.compareCommitsWithBasehead({
      ...ownerAndName(access.github.repository),
      basehead: `${base}...${head}`,
      per_page: COMPARED_AT_ONCE,
      page,
    });
    oids.push(...data.commits.map(({ sha }) => sha));
    if (data.commits.length === 0 || oids.length >= data.total_commits) return oids;
  }
}
