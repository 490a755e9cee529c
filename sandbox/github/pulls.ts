import { createHash } from 'node:crypto';
import { AwsError } from '../protocols/service.ts';
import { notFound, numberOf, unprocessable } from './call.ts';
import type { GitHubCall, Routes } from './call.ts';
import type { Pull } from './state.ts';

/** The repository and its pull requests. */
export const pullRoutes: Routes = {
  'GET /repos/{owner}/{repo}': [
    'repos/get',
    ({ state, htmlUrl }) => ({
      body: {
        id: 700_000_001,
        full_name: state.repository,
        html_url: htmlUrl,
        private: true,
        default_branch: 'main',
      },
    }),
  ],

  'GET /repos/{owner}/{repo}/pulls': [
    'pulls/list',
    (call) => {
      const state = call.query.get('state') ?? 'open';
      const head = call.query.get('head')?.split(':').at(-1);
      const pulls = call.state.pulls.filter(
        (pull) => (state === 'all' || pull.state === state) && (head === undefined || pull.head === head),
      );
      return { list: pulls.map((pull) => pullJson(call, pull)) };
    },
  ],

  'GET /repos/{owner}/{repo}/pulls/{pull}': ['pulls/get', (call) => ({ body: pullJson(call, pullOf(call)) })],

  /** @see https://docs.github.com/rest/pulls/pulls#update-a-pull-request */
  'PATCH /repos/{owner}/{repo}/pulls/{pull}': [
    'pulls/update',
    (call) => {
      const pull = pullOf(call);
      const { state = pull.state, title = pull.title } = call.body;
      if (state !== 'open' && state !== 'closed') {
        throw unprocessable('PullRequest', 'state', 'state must be one of: open, closed');
      }
      if (typeof title !== 'string' || title === '') {
        throw unprocessable('PullRequest', 'title', "title can't be blank");
      }
      if (state === 'open' && pull.mergeCommit !== undefined) {
        // GitHub's message, as in https://github.com/openlinker-project/openlinker/pull/3242.
        const message = 'state cannot be changed. The pull request cannot be reopened.';
        throw unprocessable('PullRequest', 'state', message);
      }
      Object.assign(pull, { state, title });
      return { body: pullJson(call, pull) };
    },
  ],

  /** @see https://docs.github.com/rest/pulls/pulls#merge-a-pull-request */
  'PUT /repos/{owner}/{repo}/pulls/{pull}/merge': [
    'pulls/merge',
    (call) => {
      const pull = pullOf(call);
      const { sha = pull.sha } = call.body;
      if (pull.state === 'closed') {
        throw new AwsError('MethodNotAllowed', 'Pull Request is not mergeable', 405);
      }
      if (sha !== pull.sha) {
        throw new AwsError('Conflict', 'Head branch was modified. Review and try the merge again.', 409);
      }
      pull.state = 'closed';
      pull.mergeCommit = createHash('sha1').update(`merge ${pull.number} ${pull.sha}`).digest('hex');
      return {
        body: { sha: pull.mergeCommit, merged: true, message: 'Pull Request successfully merged' },
      };
    },
  ],
};

function pullOf(call: GitHubCall): Pull {
  const pull = call.state.pull(numberOf(call, 'pull'));
  if (!pull) throw notFound();
  return pull;
}

function pullJson({ state, repositoryUrl, htmlUrl }: GitHubCall, pull: Pull): object {
  const { number, title, head, base, sha, fork } = pull;
  const own = { full_name: state.repository, fork: false };
  return {
    number,
    title,
    state: pull.state,
    created_at: pull.created,
    merged: pull.mergeCommit !== undefined,
    merge_commit_sha: pull.mergeCommit ?? null,
    url: `${repositoryUrl}/pulls/${number}`,
    html_url: `${htmlUrl}/pull/${number}`,
    head: { ref: head, sha, repo: fork ? { full_name: 'someone/fork', fork: true } : own },
    base: { ref: base, repo: own },
  };
}
