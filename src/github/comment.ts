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
import { type CommentStore, isMarked, keepPart, type StoredComment } from './shared-comment.ts';

export interface CommentOptions {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal' | 'log' | 'redactor'>;
  /** Tells our comments apart: one comment for each marker, author and pull request. */
  marker: string;
  sections: readonly Section[];
  /** Given where jobs share the comment: which part of it the sections are. Without it they are all of it. */
  part?: CommentPart;
}

interface CommentPart {
  name: string;
  /** The names of all parts, in the order in which they are shown. */
  order: readonly string[];
  /** The marker of a comment of the part alone, which is removed. */
  replaces: string;
}

export type CommentResult =
  | { action: 'created' | 'updated' | 'unchanged'; url: string }
  /** There is no pull request, the token may not write (a fork), or GitHub is down: never a failure. */
  | { action: 'skipped'; reason: string };

/**
 * Writes the sticky comment of a pull request: ours is the oldest one with the hidden marker that the token's own user
 * wrote; anybody can copy a marker. Another one of ours with that marker was created at the same moment, and is
 * removed. A refusal is told as a notice, an outage as a warning. Only a cancelled job throws.
 */
export async function upsertComment(options: CommentOptions): Promise<CommentResult> {
  const { github, context, token } = options;
  if (!github.pullRequest) return { action: 'skipped', reason: 'this run is not about a pull request' };
  if (token === '') return { action: 'skipped', reason: 'there is no token to comment with' };
  context.log.secret(token);
  try {
    const octokit = await createOctokit(token, github.apiUrl, context);
    const target = { ...ownerAndName(github.repository), issue_number: github.pullRequest.number };
    const marker = hiddenMarker(options.marker);
    const store = commentStore(octokit, target, marker, context, () =>
      knownLogin(octokit, `${github.apiUrl} ${token}`),
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
  // Another job may have found none at the same moment.
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
  return keepPart(
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
      if (!Array.isArray(data)) throw new GitHubError('GitHub answered without a list of comments');
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
    const reason = `the comment could not be written: ${message}`;
    context.log.warning(reason);
    return { action: 'skipped', reason };
  }
  const why = github.pullRequest?.fork
    ? 'the pull request comes from a fork, whose token may only read'
    : 'the token may not write comments; give the job `permissions: pull-requests: write`';
  const reason = `no comment: ${why} (${message})`;
  context.log.notice(reason);
  return { action: 'skipped', reason };
}

/** The user that a workflow's own token writes as. */
const WORKFLOW_USER = 'github-actions[bot]';

/** The first line of what we write, by which it is found again. It shows nothing. */
export function hiddenMarker(marker: string): string {
  return `<!-- platform:${marker.replace(/[^\w./:]+/g, '-')} -->`;
}

/** Whose the tokens are, by the API's address and the token: a run may write the comments of many pull requests. */
const logins = new Map<string, string>();

async function knownLogin(octokit: Octokit, key: string): Promise<string> {
  const login = logins.get(key) ?? (await ownLogin(octokit));
  logins.set(key, login);
  return login;
}

/** Who the token is. An app's token, the workflow's own among them, may not ask REST; GraphQL may not be there. */
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
