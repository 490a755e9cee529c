import { notFound, numberOf, unprocessable } from './call.ts';
import type { GitHubCall, Routes } from './call.ts';
import { now } from './state.ts';
import type { Issue } from './state.ts';
import { userJson } from './users.ts';

/** Issues that are no pull requests. */
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
