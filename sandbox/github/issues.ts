import { type GitHubCall, notFound, numberOf, type Routes, unprocessable } from './call.ts';
import { type Comment, type Issue, now } from './state.ts';
import { userJson } from './users.ts';

/** Issues, without pull requests. */
export const issueRoutes: Routes = {
  'GET /repos/{owner}/{repo}/issues': [
    'issues/list-for-repo',
    (call) => {
      const state = call.query.get('state') ?? 'open';
      const issues = call.state.issues.filter((issue) => state === 'all' || issue.state === state);
      return { list: issues.toReversed().map((issue) => issueJson(call, issue)) };
    },
  ],

  'POST /repos/{owner}/{repo}/issues': [
    'issues/create',
    (call) => {
      const title = titleOf(call);
      if (title === undefined) throw unprocessable('Issue', 'title', 'title is missing');
      return {
        status: 201,
        body: issueJson(call, call.state.issue(title, textOf(call, 'body'), call.viewer)),
      };
    },
  ],

  'GET /repos/{owner}/{repo}/issues/{issue}': [
    'issues/get',
    (call) => ({ body: issueJson(call, issueOf(call)) }),
  ],

  'PATCH /repos/{owner}/{repo}/issues/{issue}': [
    'issues/update',
    (call) => {
      const issue = issueOf(call);
      const { state = issue.state } = call.body;
      if (state !== 'open' && state !== 'closed') throw unprocessable('Issue', 'state', 'state is invalid');
      const body = call.body.body === undefined ? issue.body : textOf(call, 'body');
      Object.assign(issue, { title: titleOf(call) ?? issue.title, body, state, updated: now() });
      return { body: issueJson(call, issue) };
    },
  ],
};

function issueOf(call: GitHubCall): Issue {
  const number = numberOf(call, 'issue');
  const issue = call.state.issues.find((candidate) => candidate.number === number);
  if (!issue) throw notFound();
  return issue;
}

function titleOf(call: GitHubCall): string | undefined {
  const title = textOf(call, 'title');
  return title.trim() === '' ? undefined : title;
}

function textOf({ body }: GitHubCall, field: string): string {
  const value = body[field];
  return typeof value === 'string' ? value : '';
}

function issueJson({ repositoryUrl, htmlUrl }: GitHubCall, issue: Issue): object {
  const { id, number, title, body, state, user, created, updated } = issue;
  return {
    id,
    number,
    title,
    body,
    state,
    url: `${repositoryUrl}/issues/${number}`,
    html_url: `${htmlUrl}/issues/${number}`,
    user: userJson(user),
    labels: [],
    created_at: created,
    updated_at: updated,
  };
}

const MAX_CHARACTERS = 65_536;

/** Comments of issues and pull requests. */
export const commentRoutes: Routes = {
  'GET /repos/{owner}/{repo}/issues/{issue}/comments': [
    'issues/list-comments',
    (call) => {
      const issue = commentedIssue(call);
      const comments = call.state.comments.filter((comment) => comment.issue === issue);
      return { list: comments.map((comment) => commentJson(call, comment)) };
    },
  ],

  'POST /repos/{owner}/{repo}/issues/{issue}/comments': [
    'issues/create-comment',
    (call) => {
      const comment = call.state.comment(commentedIssue(call), bodyOf(call), call.viewer);
      return { status: 201, body: commentJson(call, comment) };
    },
  ],

  'GET /repos/{owner}/{repo}/issues/comments/{comment}': [
    'issues/get-comment',
    (call) => ({ body: commentJson(call, commentOf(call)) }),
  ],

  'PATCH /repos/{owner}/{repo}/issues/comments/{comment}': [
    'issues/update-comment',
    (call) => {
      const comment = commentOf(call);
      Object.assign(comment, { body: bodyOf(call), updated: now() });
      return { body: commentJson(call, comment) };
    },
  ],

  'DELETE /repos/{owner}/{repo}/issues/comments/{comment}': [
    'issues/delete-comment',
    (call) => {
      call.state.comments.splice(call.state.comments.indexOf(commentOf(call)), 1);
      return { status: 204 };
    },
  ],
};

/** The number of an issue or pull request that exists. */
function commentedIssue(call: GitHubCall): number {
  const issue = numberOf(call, 'issue');
  const known = call.state.comments.some((comment) => comment.issue === issue) || call.state.pull(issue);
  if (!known) throw notFound();
  return issue;
}

function commentOf(call: GitHubCall): Comment {
  const id = numberOf(call, 'comment');
  const comment = call.state.comments.find((candidate) => candidate.id === id);
  if (!comment) throw notFound();
  return comment;
}

function bodyOf({ body: { body } }: GitHubCall): string {
  if (typeof body !== 'string' || body.trim() === '') {
    throw unprocessable('IssueComment', 'data', "Body can't be blank");
  }
  if (body.length > MAX_CHARACTERS) {
    throw unprocessable('IssueComment', 'data', `Body is too long (maximum is ${MAX_CHARACTERS} characters)`);
  }
  return body;
}

function commentJson({ repositoryUrl, htmlUrl }: GitHubCall, comment: Comment): object {
  const { id, issue, body, user, created, updated } = comment;
  return {
    id,
    url: `${repositoryUrl}/issues/comments/${id}`,
    html_url: `${htmlUrl}/pull/${issue}#issuecomment-${id}`,
    issue_url: `${repositoryUrl}/issues/${issue}`,
    body,
    user: userJson(user),
    created_at: created,
    updated_at: updated,
    author_association: user.type === 'Bot' ? 'NONE' : 'MEMBER',
  };
}
