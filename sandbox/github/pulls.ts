import { notFound, numberOf } from './call.ts';
import type { GitHubCall, Routes } from './call.ts';
import type { Pull } from './state.ts';

/** Pull requests, to read. */
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

  'GET /repos/{owner}/{repo}/pulls/{pull}': [
    'pulls/get',
    (call) => {
      const pull = call.state.pull(numberOf(call, 'pull'));
      if (!pull) throw notFound();
      return { body: pullJson(call, pull) };
    },
  ],
};

function pullJson({ state, repositoryUrl, htmlUrl }: GitHubCall, pull: Pull): object {
  const { number, title, head, base, sha, fork } = pull;
  const own = { full_name: state.repository, fork: false };
  return {
    number,
    title,
    state: pull.state,
    url: `${repositoryUrl}/pulls/${number}`,
    html_url: `${htmlUrl}/pull/${number}`,
    head: { ref: head, sha, repo: fork ? { full_name: 'someone/fork', fork: true } : own },
    base: { ref: base, repo: own },
  };
}
