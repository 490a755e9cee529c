import { createOctokit, type GitHubAccess, GitHubError, graphql, ownerAndName } from './client.ts';

/** Who wrote a commit. */
export interface CommitWriters {
  /** In lower case: authors, co-authors and the committer. */
  logins: ReadonlySet<string>;
  /** Authors and committers whose address belongs to no account, as `name <address>`. */
  unknown: readonly string[];
}

interface Person {
  name: string | null;
  email: string | null;
  user: { login: string } | null;
}

interface Written {
  oid: string;
  authors: { nodes: Person[] };
  committer: Person | null;
  signature: { wasSignedByGitHub: boolean; isValid: boolean } | null;
  parents: { totalCount: number; nodes: { oid: string }[] };
}

/** GitHub is the committer of what its own buttons make. */
const GITHUB_ADDRESS = 'noreply@github.com';
const COMMITS_AT_ONCE = 50;
const COMPARED_AT_ONCE = 100;

/**
 * Who wrote a commit: its author, those of its Co-authored-by trailers, and its committer, unless that is GitHub. A
 * merge that GitHub made holds nothing that its author wrote: those count who wrote the commits that it brings.
 *
 * None of that is proven: git takes any author and committer that it is given.
 *
 * GraphQL's `Commit.authors`: "The list of authors for this commit based on the git author and the Co-authored-by
 * message trailer. The git author will always be first." REST resolves the author and the committer alone.
 *
 * @returns undefined for a commit that the repository does not have.
 * @throws GitHubError: the token needs `contents: read`. Also where GitHub leaves out a commit that a merge brings.
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
  const brought = (await commitsBetween(access, base?.oid ?? '', commit)).filter((oid) => oid !== commit);
  const read = await readCommits(access, brought);
  if (read.length === 0 || read.length < brought.length) {
    throw new GitHubError(`GitHub does not show all commits that the merge ${commit.slice(0, 7)} brings`);
  }
  return writersOf(read);
}

function isMergeByGitHub({ parents, signature }: Written): boolean {
  return parents.totalCount > 1 && signature?.isValid === true && signature.wasSignedByGitHub;
}

function writersOf(commits: readonly Written[]): CommitWriters {
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
    // Trailers are free text, and many name tools that have no account.
    for (const coAuthor of coAuthors) {
      const login = loginOf(coAuthor);
      if (login !== undefined) logins.add(login);
    }
  }
  return { logins, unknown: [...unknown] };
}

/**
 * An app has no `user` in GraphQL; its address names it, as does that of a person who keeps the real address private.
 *
 * @see https://docs.github.com/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
 */
function loginOf(person: Person | null | undefined): string | undefined {
  const named = /^(?:\d+\+)?([^@+]+)@users\.noreply\.github\.com$/i.exec(person?.email ?? '')?.[1];
  return (person?.user?.login ?? named)?.toLowerCase();
}

/** The commits of their ids, in order; those that the repository does not have are left out. */
async function readCommits(access: GitHubAccess, oids: readonly string[]): Promise<Written[]> {
  const octokit = await createOctokit(access.token, access.github.apiUrl, access.context);
  const { owner, repo } = ownerAndName(access.github.repository);
  const found: Written[] = [];
  for (let at = 0; at < oids.length; at += COMMITS_AT_ONCE) {
    const page = oids.slice(at, at + COMMITS_AT_ONCE);
    const declared = page.map((_, index) => `$oid${index}: GitObjectID!`).join(', ');
    const asked = page
      .map((_, index) => `commit${index}: object(oid: $oid${index}) { ...written }`)
      .join(' ');
    const query = `query Writers($owner: String!, $repo: String!, ${declared}) {
      repository(owner: $owner, name: $repo) { ${asked} }
    }
    fragment written on Commit {
      oid
      authors(first: 100) { nodes { name email user { login } } }
      committer { name email user { login } }
      signature { wasSignedByGitHub isValid }
      parents(first: 1) { totalCount nodes { oid } }
    }`;
    const variables = Object.fromEntries(page.map((oid, index) => [`oid${index}`, oid]));
    const { repository } = await graphql<{ repository: Record<string, Written | null> | null }>(
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

/** The ids of the commits that `head` has and `base` has not. */
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
