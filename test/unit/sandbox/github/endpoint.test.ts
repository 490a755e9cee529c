import { getOctokit } from '@actions/github';
import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../sandbox/index.ts';
import { octokitOf, refusal, sandboxOf } from '../clients.ts';

const repo = { owner: 'org', repo: 'platform' };
const bot = { login: 'github-actions[bot]', type: 'Bot' };
const ofGitHub = (github: Scenario['github']) => sandboxOf({ scenario: { ...(github && { github }) } });

describe('the viewer', () => {
  test.each([
    ['user', 'lead', { login: 'lead', type: 'User' }],
    ['installation', 'github-actions[bot]', undefined],
    ['readOnly', 'github-actions[bot]', undefined],
  ] as const)('with the token %s', async (kind, login, user) => {
    const octokit = octokitOf(await ofGitHub({ user: 'lead' }), kind);
    expect(await octokit.graphql('query { viewer { login } }')).toEqual({ viewer: { login } });
    const asked = octokit.rest.users.getAuthenticated();
    if (user) expect((await asked).data).toMatchObject(user);
    else expect((await refusal(asked)).message).toContain('Resource not accessible by integration');
  });

  test('with a token of the scenario', async () => {
    const sandbox = await ofGitHub({ tokens: { ghs_job: 'deployer[bot]' } });
    const octokit = getOctokit('ghs_job', { baseUrl: sandbox.githubUrl });
    const { data } = await octokit.rest.issues.createComment({ ...repo, issue_number: 7, body: 'x' });
    expect(data.user).toMatchObject({ login: 'deployer[bot]', type: 'Bot' });
  });

  test('another query is an error', async () => {
    const octokit = octokitOf(await sandboxOf());
    await expect(octokit.graphql('query { rateLimit { cost } }')).rejects.toThrow(
      'the sandbox supports only viewer',
    );
  });

  test('an unknown token, and none', async () => {
    const sandbox = await sandboxOf();
    const stranger = getOctokit('ghp_unknown', { baseUrl: sandbox.githubUrl });
    const refused = await refusal(stranger.rest.repos.get(repo));
    expect([refused.status, refused.message]).toEqual([401, expect.stringContaining('Bad credentials')]);
    expect((await fetch(`${sandbox.githubUrl}/user`)).status).toBe(401);
  });
});

describe('a comparison of commits', () => {
  const commits = [
    { sha: 'a' },
    { sha: 'b', message: 'Second\n\nMore', author: 'ada' },
    { sha: 'c' },
    { sha: 'side', parents: ['a'] },
    { sha: 'merge', parents: ['c', 'side'] },
    { sha: 'alone', parents: [] },
  ];
  const compare = async (basehead: string, permissions?: Record<string, 'read'>) => {
    const sandbox = await ofGitHub({ commits });
    const token = permissions && sandbox.jobEnv({ permissions, claims: {} })['GITHUB_TOKEN'];
    const octokit =
      token === undefined ? octokitOf(sandbox) : getOctokit(token, { baseUrl: sandbox.githubUrl });
    return octokit.rest.repos.compareCommitsWithBasehead({ ...repo, basehead });
  };

  test.each([
    ['a...a', 'identical', 0, 0, []],
    ['a...c', 'ahead', 2, 0, ['b', 'c']],
    ['c...a', 'behind', 0, 2, []],
    ['c...side', 'diverged', 1, 2, ['side']],
    ['merge...side', 'behind', 0, 3, []],
    ['b...merge', 'ahead', 3, 0, ['c', 'side', 'merge']],
  ])('%s is %s', async (basehead, status, ahead, behind, shas) => {
    const { data } = await compare(basehead);
    expect(data).toMatchObject({ status, ahead_by: ahead, behind_by: behind, total_commits: ahead });
    expect(data.commits.map(({ sha }) => sha)).toEqual(shas);
  });

  test('has the commit messages and authors', async () => {
    const { data } = await compare('a...b');
    expect(data.commits).toMatchObject([{ commit: { message: 'Second\n\nMore' }, author: { login: 'ada' } }]);
  });

  test.each([
    ['a...nowhere', 'Not Found'],
    ['a...alone', 'No common ancestor between a and alone.'],
  ])('%s is not found', async (basehead, message) => {
    const refused = await refusal(compare(basehead));
    expect([refused.status, refused.message]).toEqual([404, expect.stringContaining(message)]);
  });

  test('needs contents: read', async () => {
    expect((await refusal(compare('a...b', { actions: 'read' }))).status).toBe(403);
    expect((await compare('a...b', { contents: 'read' })).status).toBe(200);
  });
});

test('conditional writes are refused', async () => {
  const octokit = octokitOf(await ofGitHub({ comments: [{ issue: 1, body: 'one' }] }));
  const { data } = await octokit.rest.issues.listComments({ ...repo, issue_number: 1 });
  const comment = { ...repo, comment_id: data[0]?.id ?? 0, body: 'two' };
  for (const name of ['if-match', 'if-unmodified-since']) {
    const refused = await refusal(
      octokit.rest.issues.updateComment({ ...comment, headers: { [name]: '"x"' } }),
    );
    expect([refused.status, refused.message]).toEqual([
      400,
      expect.stringContaining('Conditional request headers are not allowed in unsafe requests'),
    ]);
  }
  expect((await octokit.rest.issues.updateComment(comment)).data.body).toBe('two');
});

describe('comments', () => {
  test('are created, changed, read and deleted', async () => {
    const sandbox = await sandboxOf();
    const { issues } = octokitOf(sandbox).rest;
    const made = await issues.createComment({ ...repo, issue_number: 1, body: 'first' });
    expect([made.status, made.data]).toMatchObject([201, { body: 'first', user: bot }]);
    expect(made.data.html_url).toBe(
      `${sandbox.env().GITHUB_SERVER_URL!}/org/platform/pull/1#issuecomment-${made.data.id}`,
    );
    const comment = { ...repo, comment_id: made.data.id };
    await issues.updateComment({ ...comment, body: 'second' });
    expect((await issues.getComment(comment)).data.body).toBe('second');
    expect((await issues.deleteComment(comment)).status).toBe(204);
    expect((await refusal(issues.getComment(comment))).status).toBe(404);
  });

  test('have pages that Octokit follows, and are of their own issue', async () => {
    const comments = Array.from({ length: 105 }, (_, index) => ({
      issue: 1,
      body: `c${index}`,
      user: 'someone',
    }));
    const sandbox = await ofGitHub({ comments: [...comments, { issue: 2, body: 'other' }] });
    const octokit = octokitOf(sandbox);
    const { listComments } = octokit.rest.issues;
    const all = await octokit.paginate(listComments, { ...repo, issue_number: 1, per_page: 50 });
    expect(all.map(({ body }) => body)).toEqual(comments.map(({ body }) => body));
    expect(sandbox.calls.of('issues/list-comments').map(({ input }) => input.page)).toEqual([
      undefined,
      '2',
      '3',
    ]);
    const usual = await listComments({ ...repo, issue_number: 1 });
    expect([usual.data.length, usual.headers.link]).toEqual([
      30,
      expect.stringContaining('page=4>; rel="last"'),
    ]);
    expect((await listComments({ ...repo, issue_number: 1, per_page: 500 })).data).toHaveLength(100);
    const last = await listComments({ ...repo, issue_number: 1, per_page: 100, page: 2 });
    expect([last.data.length, last.headers.link]).toEqual([5, expect.not.stringContaining('rel="next"')]);
  });

  test.each([
    ['too long', 'x'.repeat(65_537), 'Body is too long (maximum is 65536 characters)'],
    ['blank', ' ', "Body can't be blank"],
  ])('that are %s are refused', async (_, body, message) => {
    const { issues } = octokitOf(await sandboxOf()).rest;
    const refused = await refusal(issues.createComment({ ...repo, issue_number: 1, body }));
    expect([refused.status, refused.message]).toEqual([422, expect.stringContaining(message)]);
  });

  test('a body of the maximum length is accepted', async () => {
    const { issues } = octokitOf(await sandboxOf()).rest;
    expect((await issues.createComment({ ...repo, issue_number: 1, body: 'x'.repeat(65_536) })).status).toBe(
      201,
    );
  });

  test('a fork’s token can read but not write', async () => {
    const { issues } = octokitOf(await sandboxOf(), 'readOnly').rest;
    expect((await issues.listComments({ ...repo, issue_number: 1 })).data).toEqual([]);
    const refused = await refusal(issues.createComment({ ...repo, issue_number: 1, body: 'x' }));
    expect([refused.status, refused.message]).toEqual([
      403,
      expect.stringContaining('not accessible by integration'),
    ]);
  });

  test('of a missing issue, repository or path: not found', async () => {
    const octokit = octokitOf(await ofGitHub({ pulls: [{ number: 1 }], runs: [] }));
    for (const asked of [
      octokit.rest.actions.getWorkflowRun({ ...repo, run_id: 1 }),
      octokit.rest.issues.listComments({ ...repo, issue_number: 99 }),
      octokit.rest.issues.listComments({ owner: 'org', repo: 'other', issue_number: 1 }),
      octokit.request('GET /nothing/%zz'),
    ]) {
      const refused = await refusal(asked);
      expect([refused.status, refused.message]).toEqual([404, expect.stringContaining('Not Found')]);
    }
  });
});

describe('deployments', () => {
  test('have statuses, and a success deactivates earlier deployments', async () => {
    const { repos } = octokitOf(await sandboxOf()).rest;
    const create = async (environment: string, more: object = {}) => {
      const { data } = await repos.createDeployment({
        ...repo,
        ref: 'main',
        environment,
        required_contexts: [],
        ...more,
      });
      return { ...repo, deployment_id: (data as { id: number }).id };
    };
    const first = await create('preview');
    const transient = await create('preview', { transient_environment: true });
    const second = await create('preview', { payload: { run: 7 } });
    await repos.createDeploymentStatus({ ...first, state: 'success' });
    const status = { state: 'success' as const, log_url: 'https://example.com/log', description: 'done' };
    await repos.createDeploymentStatus({ ...second, ...status });
    const states = async (deployment: typeof first) =>
      (await repos.listDeploymentStatuses(deployment)).data.map(({ state }) => state);
    expect(await states(first)).toEqual(['inactive', 'success']);
    expect(await states(transient)).toEqual([]);
    expect((await repos.listDeploymentStatuses(second)).data).toMatchObject([{ ...status, creator: bot }]);
    expect((await repos.getDeployment(second)).data.payload).toEqual({ run: 7 });
    await create('prod');
    const listed = (await repos.listDeployments({ ...repo, environment: 'preview' })).data;
    expect(listed.map(({ id }) => id)).toEqual([second, transient, first].map(({ deployment_id: id }) => id));
  });

  test.each([
    ['an invalid state', { state: 'done' }, 'State is not included in the list'],
    ['no state', {}, 'State is not included in the list'],
  ])('refused: %s', async (_, status, message) => {
    const octokit = octokitOf(await sandboxOf());
    const { data } = await octokit.rest.repos.createDeployment({ ...repo, ref: 'main' });
    const url = `POST /repos/org/platform/deployments/${(data as { id: number }).id}/statuses`;
    const refused = await refusal(octokit.request(url, status));
    expect([refused.status, refused.message]).toEqual([422, expect.stringContaining(message)]);
  });
});

describe('environments and approvals', () => {
  const github = {
    user: 'lead',
    environments: [{ name: 'prod/eu', reviewers: ['lead', 'second'], waitMinutes: 5 }, { name: 'dev' }],
    runs: [{ id: 42, attempt: 2, pending: ['prod/eu'] }],
    approvals: [{ run: 42, user: 'second', environments: ['dev'], comment: 'fine' }],
  };

  test('an environment has its protection rules', async () => {
    const { repos } = octokitOf(await ofGitHub(github)).rest;
    const { data } = await repos.getAllEnvironments(repo);
    expect([data.total_count, data.environments!.map(({ name }) => name)]).toEqual([2, ['prod/eu', 'dev']]);
    const prod = (await repos.getEnvironment({ ...repo, environment_name: 'prod/eu' })).data;
    expect(prod.protection_rules).toMatchObject([
      {
        type: 'required_reviewers',
        reviewers: [{ reviewer: { login: 'lead' } }, { reviewer: { login: 'second' } }],
      },
      { type: 'wait_timer', wait_timer: 5 },
    ]);
    expect((await repos.getEnvironment({ ...repo, environment_name: 'dev' })).data.protection_rules).toEqual(
      [],
    );
    expect((await refusal(repos.getEnvironment({ ...repo, environment_name: 'prd' }))).status).toBe(404);
  });

  test('a run waits until a reviewer approves it, and records who did', async () => {
    const sandbox = await ofGitHub(github);
    const run = { ...repo, run_id: 42 };
    const { actions } = octokitOf(sandbox, 'user').rest;
    expect((await actions.getWorkflowRun(run)).data).toMatchObject({ status: 'waiting', run_attempt: 2 });
    const [pending] = (await actions.getPendingDeploymentsForRun(run)).data;
    const review = {
      ...run,
      environment_ids: [pending!.environment.id!],
      state: 'approved' as const,
      comment: 'read the plan',
    };
    const byBot = await refusal(octokitOf(sandbox).rest.actions.reviewPendingDeploymentsForRun(review));
    expect(byBot.status).toBe(403);
    await actions.reviewPendingDeploymentsForRun(review);
    expect((await actions.getPendingDeploymentsForRun(run)).data).toEqual([]);
    expect((await actions.getWorkflowRun(run)).data.status).toBe('in_progress');
    expect((await actions.getReviewsForRun(run)).data).toMatchObject([
      { state: 'approved', user: { login: 'second' }, environments: [{ name: 'dev' }], comment: 'fine' },
      {
        state: 'approved',
        user: { login: 'lead' },
        environments: [{ name: 'prod/eu' }],
        comment: 'read the plan',
      },
    ]);
    expect((await refusal(actions.reviewPendingDeploymentsForRun(review))).status).toBe(422);
  });

  test('only a reviewer can approve', async () => {
    const { actions } = octokitOf(await ofGitHub({ ...github, user: 'stranger' }), 'user').rest;
    const [pending] = (await actions.getPendingDeploymentsForRun({ ...repo, run_id: 42 })).data;
    expect(pending!.current_user_can_approve).toBe(false);
    const environment_ids = [pending!.environment.id!];
    const review = { ...repo, run_id: 42, environment_ids, state: 'approved' as const, comment: '' };
    expect((await refusal(actions.reviewPendingDeploymentsForRun(review))).status).toBe(422);
  });

  test('an approval of a missing run is an error of the scenario', async () => {
    const sandbox = await ofGitHub({ runs: [], approvals: [{ run: 7, user: 'x', environments: [] }] }).catch(
      (error: unknown) => error,
    );
    expect(String(sandbox)).toContain('scenario.github.approvals: there is no run 7');
  });
});

test('pull requests are listed by state and head, and show forks', async () => {
  const { pulls } = octokitOf(
    await ofGitHub({
      pulls: [
        { number: 1, head: 'topic' },
        { number: 2, state: 'closed' },
        { number: 3, fork: true, head: 'patch' },
      ],
    }),
  ).rest;
  const numbers = async (query: object) =>
    (await pulls.list({ ...repo, ...query })).data.map(({ number }) => number);
  expect([await numbers({}), await numbers({ state: 'all' }), await numbers({ head: 'org:topic' })]).toEqual([
    [1, 3],
    [1, 2, 3],
    [1],
  ]);
  const { data } = await pulls.get({ ...repo, pull_number: 3 });
  expect(data.head.repo.full_name).not.toBe(data.base.repo.full_name);
  expect((await refusal(pulls.get({ ...repo, pull_number: 9 }))).status).toBe(404);
});

test('a pull request is closed, reopened and merged, and then stays closed', async () => {
  const { pulls } = octokitOf(
    await ofGitHub({ pulls: [{ number: 1, head: 'topic', sha: 'b'.repeat(40) }] }),
  ).rest;
  const pull = { ...repo, pull_number: 1 };
  for (const state of ['closed', 'open'] as const) {
    expect((await pulls.update({ ...pull, state })).data).toMatchObject({ state, merged: false });
  }
  const other = await refusal(pulls.merge({ ...pull, sha: 'c'.repeat(40) }));
  expect([other.status, other.message]).toEqual([409, expect.stringContaining('Head branch was modified')]);
  const { data: merged } = await pulls.merge(pull);
  expect(merged).toMatchObject({ merged: true, message: 'Pull Request successfully merged' });
  expect((await pulls.get(pull)).data).toMatchObject({
    state: 'closed',
    merged: true,
    merge_commit_sha: merged.sha,
  });
  const again = await refusal(pulls.merge(pull));
  expect([again.status, again.message]).toEqual([405, expect.stringContaining('not mergeable')]);
  const reopened = await refusal(pulls.update({ ...pull, state: 'open' }));
  expect([reopened.status, reopened.message]).toEqual([422, expect.stringContaining('cannot be reopened')]);
  expect((await refusal(pulls.update({ ...pull, title: '' }))).status).toBe(422);
});

describe('a dispatch of a workflow', () => {
  const dispatch = { ...repo, workflow_id: 'deploy.yml', ref: 'main' };

  test('is a run with its inputs', async () => {
    const { actions } = octokitOf(await sandboxOf(), 'user').rest;
    const inputs = { environment: 'staging' };
    expect((await actions.createWorkflowDispatch({ ...dispatch, inputs })).status).toBe(204);
    const told = await actions.createWorkflowDispatch({ ...dispatch, return_run_details: true });
    expect(told.status).toBe(200);
    const { data } = await actions.listWorkflowRuns({ ...repo, workflow_id: 'deploy.yml' });
    expect(data.workflow_runs).toMatchObject([
      { id: (told.data as { workflow_run_id?: number }).workflow_run_id, event: 'workflow_dispatch' },
      { head_branch: 'main', actor: { login: 'octocat' } },
    ]);
  });

  test.each([
    ['no ref', { ref: '' }],
    [
      '26 inputs',
      { inputs: Object.fromEntries(Array.from({ length: 26 }, (_, index) => [`i${index}`, ''])) },
    ],
  ])('with %s is refused', async (_, wrong) => {
    const { actions } = octokitOf(await sandboxOf(), 'user').rest;
    const refused = await refusal(actions.createWorkflowDispatch({ ...dispatch, ...wrong }));
    expect(refused.status).toBe(422);
  });
});

test('every response has the rate limit', async () => {
  const { headers } = await octokitOf(await sandboxOf()).rest.repos.get(repo);
  expect(headers).toMatchObject({ 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999' });
});

test('a body that is not JSON is refused', async () => {
  const sandbox = await sandboxOf();
  const headers = { authorization: `Bearer ${sandbox.tokens.installation}` };
  const url = `${sandbox.githubUrl}/repos/org/platform/issues/1/comments`;
  const response = await fetch(url, { method: 'POST', headers, body: '{"body":' });
  expect([response.status, await response.json()]).toMatchObject([400, { message: 'Problems parsing JSON' }]);
});

test.each([
  ['403', 403],
  ['429', 429],
] as const)(
  'the primary rate limit is a %s without retry-after, until its reset',
  async (status, expected) => {
    const sandbox = await ofGitHub({ rateLimit: { limit: 2, windowSeconds: 1, status } });
    const ask = () =>
      fetch(`${sandbox.githubUrl}/user`, { headers: { authorization: `Bearer ${sandbox.tokens.user}` } });
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
    const refused = await ask();
    expect(refused.status).toBe(expected);
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-used': '3',
      'x-ratelimit-resource': 'core',
    });
    expect(refused.headers.get('retry-after')).toBeNull();
    expect(await refused.json()).toMatchObject({
      message: expect.stringMatching(/^API rate limit exceeded for installation\./),
    });
    const resetMs = Number(refused.headers.get('x-ratelimit-reset')) * 1000;
    await new Promise((resolve) => setTimeout(resolve, resetMs - Date.now() + 10));
    expect((await ask()).status).toBe(200);
  },
);
