import type { Context } from '../core/context.ts';
import { fitSections, redactSections, type Section } from '../core/markdown/sections.ts';
import { reasonOf } from '../core/errors.ts';
import {
  createOctokit,
  createOnce,
  GitHubError,
  isRefusal,
  NOT_REPEATED,
  type Octokit,
  ownerAndName,
} from './client.ts';
import type { GitHubContext } from './context.ts';

/** GitHub refuses a longer comment: "body is too long (maximum is 65536 characters)". */
const LIMIT_CHARACTERS = 65_536;

export interface CommentOptions {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal' | 'log' | 'redactor'>;
  /** Tells our comments apart: one comment for each marker, author and pull request. */
  marker: string;
  sections: readonly Section[];
}

export type CommentResult =
  | { action: 'created' | 'updated' | 'unchanged'; url: string }
  /** There is no pull request, the token may not write (a fork), or GitHub is down: never a failure. */
  | { action: 'skipped'; reason: string };

/**
 * Writes the sticky comment of a pull request: ours is the one with the hidden marker that the token's own user
 * wrote; anybody can copy a marker. A refusal is told as a notice, an outage as a warning. Only a cancelled job
 * throws.
 */
export async function upsertComment(options: CommentOptions): Promise<CommentResult> {
  const { github, context, token } = options;
  if (!github.pullRequest) return { action: 'skipped', reason: 'this run is not about a pull request' };
  if (token === '') return { action: 'skipped', reason: 'there is no token to comment with' };
  context.log.secret(token);
  try {
    const octokit = await createOctokit(token, github.apiUrl, context);
    const target = { ...ownerAndName(github.repository), issue_number: github.pullRequest.number };
    return await upsert(octokit, target, options);
  } catch (error) {
    context.signal.throwIfAborted();
    return skipped(error, options);
  }
}

interface Target {
  owner: string;
  repo: string;
  issue_number: number;
}

async function upsert(octokit: Octokit, target: Target, options: CommentOptions): Promise<CommentResult> {
  const marker = hiddenMarker(options.marker);
  const body = commentBody(marker, options);
  const found = await findComment(octokit, target, marker);
  if (!found) {
    const comment = { ...target, body, request: NOT_REPEATED };
    const { value, created } = await createOnce(
      options.context,
      async () => (await octokit.rest.issues.createComment(comment)).data,
      () => findComment(octokit, target, marker),
    );
    return { action: created ? 'created' : 'unchanged', url: value.html_url };
  }
  if (found.body === body) return { action: 'unchanged', url: found.html_url };
  const { owner, repo } = target;
  const { data } = await octokit.rest.issues.updateComment({ owner, repo, comment_id: found.id, body });
  return { action: 'updated', url: data.html_url };
}

async function findComment(octokit: Octokit, target: Target, marker: string) {
  const author = await ownLogin(octokit);
  const pages = octokit.paginate.iterator(octokit.rest.issues.listComments, { ...target, per_page: 100 });
  for await (const { data } of pages) {
    if (!Array.isArray(data)) throw new GitHubError('GitHub answered without a list of comments');
    const own = data.find(({ user, body }) => user?.login === author && body?.startsWith(marker) === true);
    if (own) return own;
  }
  return undefined;
}

function commentBody(marker: string, { sections, context }: CommentOptions): string {
  const redacted = redactSections(sections, context.redactor);
  return `${marker}\n${fitSections(redacted, LIMIT_CHARACTERS - marker.length - 1, 'characters')}`;
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
