import { notFound, numberOf, unprocessable } from './call.ts';
import type { GitHubCall, Routes } from './call.ts';
import { now } from './state.ts';
import type { Comment } from './state.ts';
import { userJson } from './users.ts';

const MOST_CHARACTERS = 65_536;

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
  if (body.length > MOST_CHARACTERS) {
    throw unprocessable(
      'IssueComment',
      'data',
      `Body is too long (maximum is ${MOST_CHARACTERS} characters)`,
    );
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
