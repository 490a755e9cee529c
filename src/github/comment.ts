import type { Context } from '../core/context.ts';
import { fitSections, redactSections, type Section } from '../core/markdown/sections.ts';
import { reasonOf } from '../core/errors.ts';
import {
  createOctokit,
  createOnce,
  GitHubError,
  isRefusal,
  NOT_REPEATED,
  notRepeatedAfter,
  type Octokit,
  ownerAndName,
  statusOf,
} from './client.ts';
import { LIMIT_CHARACTERS } from './comment-parts.ts';
import type { GitHubContext } from './context.ts';
import { type CommentStore, isMarked, type StoredComment, upsertPart } from './shared-comment.ts';

export interface CommentOptions {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal' | 'log' | 'redactor'>;
  /** Identifies the comment: there is one for each marker, author and pull request. */
  marker: string;
  sections: readonly Section[];
  /** If several jobs share the comment: the part that the sections belong to. Otherwise they are the whole comment. */
  part?: CommentPart;
}

interface CommentPart {
  name: string;
  /** The names of all parts in their order in the comment. */
  order: readonly string[];
  /** The marker of an older comment with only this part, which is deleted. */
  replaces: string;
}

export type CommentResult =
  | { action: 'created' | 'updated' | 'unchanged'; url: string }
  /** There is no pull request, the token is read-only (a fork), or GitHub is unavailable. This is never a failure. */
  | { action: 'skipped'; reason: string };

/**
 * Writes the sticky comment of a pull request. It is the oldest comment with the hidden marker that was written by the
 * user of the token, because anyone can copy a marker. Newer ones were created by concurrent jobs and are deleted. A
 * missing permission is a notice and an outage is a warning. Only a cancelled job throws.
 */
export async function upsertComment(options: CommentOptions): Promise<CommentResult> {
  const { github, context, token } = options;
  if (!github.pullRequest) return { action: 'skipped', reason: 'the run does not belong to a pull request' };
  if (token === '') return { action: 'skipped', reason: 'github-token is empty' };
  context.log.secret(token);
  try {
    const octokit = await createOctokit(token, github.apiUrl, context);
    const target = { ...ownerAndName(github.repository), issue_number: github.pullRequest.number };
    const marker = hiddenMarker(options.marker);
    const store = commentStore(octokit, target, marker, context, () =>
      cachedLogin(octokit, `${github.apiUrl} ${token}`),
    );
    const sections = redactSections(options.sections, context.redactor);
    return await (options.part
      ? writePart(store, marker, { ...options, part: options.part, sections })
      : writeWhole(store, marker, sections));
  } catch (error) {
    context.signal.throwIfAborted();
    return skipped(error, options);
  }
}

async function writeWhole(
  store: CommentStore,
  marker: string,
  sections: readonly Section[],
): Promise<CommentResult> {
  const body = `${marker}\n${fitSections(sections, LIMIT_CHARACTERS - marker.length - 1, 'characters')}`;
  const written = await writeOldest(store, marker, body);
  if (written.action !== 'created') return written;
  // A concurrent job may have created one too.
  const own = await ourComments(store, marker);
  return own.length > 1 ? writeOldest(store, marker, body) : written;
}

async function writeOldest(
  store: CommentStore,
  marker: string,
  body: string,
): Promise<Exclude<CommentResult, { action: 'skipped' }>> {
  const [kept, ...duplicates] = await ourComments(store, marker);
  if (!kept) {
    const { url, created } = await store.create(body);
    return { action: created ? 'created' : 'unchanged', url };
  }
  const changed = kept.body !== body;
  if (changed) await store.replace(kept.id, body);
  for (const { id } of duplicates) await store.remove(id);
  return { action: changed ? 'updated' : 'unchanged', url: kept.url };
}

async function ourComments(store: CommentStore, marker: string): Promise<StoredComment[]> {
  return (await store.list()).filter(({ body }) => isMarked(body, marker));
}

function writePart(
  store: CommentStore,
  marker: string,
  { part, sections, github, context }: CommentOptions & { part: CommentPart },
): Promise<CommentResult> {
  const { runId, runAttempt, serverUrl, repository, pullRequest, sha } = github;
  const version = { run: Number(runId), attempt: runAttempt, at: Math.floor(context.clock.now()) };
  return upsertPart(
    store,
    { name: part.name, version, commit: pullRequest?.headSha ?? sha, sections },
    { marker, order: part.order, runsUrl: `${serverUrl}/${repository}/actions/runs` },
    { ...context, replaced: hiddenMarker(part.replaces) },
  );
}

interface Target {
  owner: string;
  repo: string;
  issue_number: number;
}

function commentStore(
  octokit: Octokit,
  target: Target,
  marker: string,
  context: CommentOptions['context'],
  login: () => Promise<string>,
): CommentStore {
  const { owner, repo } = target;
  const { issues } = octokit.rest;
  const list = async (): Promise<StoredComment[]> => {
    const author = await login();
    const comments = await octokit.paginate(issues.listComments, { ...target, per_page: 100 }, ({ data }) => {
      if (!Array.isArray(data)) throw new GitHubError('GitHub did not return a list of comments');
      return data.filter(({ user }) => user?.login === author);
    });
    return comments
      .map(({ id, body = '', html_url: url }) => ({ id, body, url }))
      .sort((one, other) => one.id - other.id);
  };
  return {
    list,
    create: async (body) => {
      const { value, created } = await createOnce(
        context,
        async () => {
          const { data } = await issues.createComment({ ...target, body, request: NOT_REPEATED });
          return { id: data.id, body, url: data.html_url };
        },
        async () => (await list()).find((comment) => isMarked(comment.body, marker)),
      );
      return { ...value, created };
    },
    replace: async (id, body, limitMs) => {
      const request = limitMs === undefined ? {} : notRepeatedAfter(limitMs);
      await issues.updateComment({ owner, repo, comment_id: id, body, request });
    },
    remove: async (id) => {
      try {
        await issues.deleteComment({ owner, repo, comment_id: id });
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
    },
  };
}

function skipped(error: unknown, { github, context }: CommentOptions): CommentResult {
  const message = reasonOf(error);
  if (!isRefusal(error)) {
    const reason = `The pull request comment was not written: ${message}`;
    context.log.warning(reason);
    return { action: 'skipped', reason };
  }
  const why = github.pullRequest?.fork
    ? 'it comes from a fork, so the token is read-only'
    : 'the job needs the permission `pull-requests: write`';
  const reason = `The pull request comment was not written: ${why} (${message})`;
  context.log.notice(reason);
  return { action: 'skipped', reason };
}

/** The user of a workflow's own token. */
const WORKFLOW_USER = 'github-actions[bot]';

/** The first line of a comment or issue, which identifies it. It is not displayed. */
export function hiddenMarker(marker: string): string {
  return `<!-- platform:${marker.replace(/[^\w./:]+/g, '-')} -->`;
}

/** The logins of tokens, by API URL and token: a run may write comments on many pull requests. */
const logins = new Map<string, string>();

async function cachedLogin(octokit: Octokit, key: string): Promise<string> {
  const login = logins.get(key) ?? (await ownLogin(octokit));
  logins.set(key, login);
  return login;
}

/** The login of the token. Tokens of apps, such as a workflow's own token, cannot use REST; GraphQL may be unavailable. */
export async function ownLogin(octokit: Octokit): Promise<string> {
  try {
    return (await octokit.rest.users.getAuthenticated()).data.login;
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  try {
    return (await octokit.graphql<{ viewer: { login: string } }>('query { viewer { login } }')).viewer.login;
  } catch {
    return WORKFLOW_USER;
  }
}
