import type { Context } from '../core/context.ts';
import { fitSections, redactSections } from '../core/markdown/sections.ts';
import type { Section } from '../core/markdown/sections.ts';
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
import { hiddenMarker, ownLogin } from './comment.ts';

/** GitHub's limit. */
const LIMIT_CHARACTERS = 65_536;

export interface IssueOptions {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal' | 'log' | 'redactor'>;
  /** Identifies the issue: there is one open issue for each marker and author. */
  marker: string;
  title: string;
  /** The problem; undefined if there is none, so that the issue is closed. */
  sections: readonly Section[] | undefined;
}

type IssueResult =
  | { action: 'opened' | 'updated' | 'unchanged' | 'closed'; url: string }
  /** There is neither an issue nor a problem. */
  | { action: 'none' }
  | { action: 'skipped'; reason: string };

/**
 * Keeps one issue in sync with a problem: opens it, updates it, and closes it when the problem is solved. It is the open
 * issue with the hidden marker that was written by the user of the token. A failure to write it is a warning, because the
 * job's summary has the same content.
 *
 * @see https://docs.github.com/rest/issues/issues
 */
export async function syncIssue(options: IssueOptions): Promise<IssueResult> {
  const { github, context, token } = options;
  if (token === '') return skipped('github-token is empty', context);
  context.log.secret(token);
  try {
    return await sync(await createOctokit(token, github.apiUrl, context), options);
  } catch (error) {
    context.signal.throwIfAborted();
    const permission = isRefusal(error) ? 'the job needs the permission `issues: write`: ' : '';
    return skipped(`${permission}${reasonOf(error)}`, context);
  }
}

async function sync(octokit: Octokit, options: IssueOptions): Promise<IssueResult> {
  const target = ownerAndName(options.github.repository);
  const marker = hiddenMarker(options.marker);
  const found = await findIssue(octokit, target, marker);
  if (options.sections === undefined) {
    if (!found) return { action: 'none' };
    const closing = { ...target, issue_number: found.number, state: 'closed' } as const;
    const { data } = await octokit.rest.issues.update({ ...closing, state_reason: 'completed' });
    return { action: 'closed', url: data.html_url };
  }
  const { title } = options;
  const body = bodyOf(marker, options.sections, options.context);
  if (!found) {
    const issue = { ...target, title, body, request: NOT_REPEATED };
    const { value, created } = await createOnce(
      options.context,
      async () => (await octokit.rest.issues.create(issue)).data,
      () => findIssue(octokit, target, marker),
    );
    return { action: created ? 'opened' : 'unchanged', url: value.html_url };
  }
  if (found.body === body && found.title === title) return { action: 'unchanged', url: found.html_url };
  const { data } = await octokit.rest.issues.update({ ...target, issue_number: found.number, title, body });
  return { action: 'updated', url: data.html_url };
}

async function findIssue(octokit: Octokit, target: { owner: string; repo: string }, marker: string) {
  const author = await ownLogin(octokit);
  const open = { ...target, state: 'open', per_page: 100 } as const;
  for await (const { data } of octokit.paginate.iterator(octokit.rest.issues.listForRepo, open)) {
    if (!Array.isArray(data)) throw new GitHubError('GitHub did not return a list of issues');
    const own = data.find(
      ({ user, body, pull_request: pull }) =>
        pull === undefined && user?.login === author && body?.startsWith(marker) === true,
    );
    if (own) return own;
  }
  return undefined;
}

function bodyOf(
  marker: string,
  sections: readonly Section[],
  { redactor }: Pick<Context, 'redactor'>,
): string {
  const redacted = redactSections(sections, redactor);
  return `${marker}\n${fitSections(redacted, LIMIT_CHARACTERS - marker.length - 1, 'characters')}`;
}

function skipped(reason: string, { log }: Pick<Context, 'log'>): IssueResult {
  log.warning(`The issue was not written: ${reason}`);
  return { action: 'skipped', reason };
}
