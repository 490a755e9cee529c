import { describe, expect, test } from '@jest/globals';
import { gitHubState } from '../../../../sandbox/github/state.ts';
import { getOctokit } from '@actions/github';
import { octokitOf, refusal, sandboxOf } from '../clients.ts';

const repo = { owner: 'org', repo: 'platform' };
const teams = [
  { slug: 'leads', members: ['Ada'], invited: ['new'] },
  { slug: 'on-call', members: ['grace'], parent: 'leads' },
];

describe('a run', () => {
  test('has the actor and the triggering actor', async () => {
    const runs = [{ id: 7, attempt: 2, event: 'workflow_dispatch', actor: 'ada', triggeringActor: 'grace' }];
    const { actions } = octokitOf(await sandboxOf({ scenario: { github: { runs } } })).rest;
    const { data } = await actions.getWorkflowRunAttempt({ ...repo, run_id: 7, attempt_number: 2 });
    expect(data).toMatchObject({
      event: 'workflow_dispatch',
      run_attempt: 2,
      actor: { login: 'ada' },
      triggering_actor: { login: 'grace', type: 'User' },
    });
    expect((await actions.getWorkflowRun({ ...repo, run_id: 7 })).data.triggering_actor?.login).toBe('grace');
    const gone = await refusal(actions.getWorkflowRunAttempt({ ...repo, run_id: 7, attempt_number: 3 }));
    expect(gone.status).toBe(404);
  });

  // "Anyone with read access to the repository can use this endpoint": docs.github.com/rest/actions/workflow-runs.
  test('has its reviews, which a job can read with actions: read', async () => {
    const approvals = [{ run: 7, user: 'ada', environments: ['prod'], comment: 'Ship it' }];
    const sandbox = await sandboxOf({ scenario: { github: { runs: [{ id: 7 }], approvals } } });
    const jobOf = (permissions: Record<string, 'read'>) => {
      const env = sandbox.jobEnv({ permissions, claims: {} });
      return getOctokit(env['GITHUB_TOKEN'] ?? '', { baseUrl: sandbox.githubUrl }).rest.actions;
    };
    const { data } = await jobOf({ actions: 'read' }).getReviewsForRun({ ...repo, run_id: 7 });
    expect(data).toMatchObject([{ state: 'approved', comment: 'Ship it', user: { login: 'ada' } }]);
    expect(data[0]?.environments).toMatchObject([{ name: 'prod' }]);
    const refused = await refusal(jobOf({ contents: 'read' }).getReviewsForRun({ ...repo, run_id: 7 }));
    expect(refused.status).toBe(403);
  });
});

describe('a team', () => {
  test('has its members, those of child teams, and invited ones', async () => {
    const { teams: api } = octokitOf(await sandboxOf({ scenario: { github: { teams } } }), 'members').rest;
    const stateOf = async (team_slug: string, username: string) =>
      (await api.getMembershipForUserInOrg({ org: 'org', team_slug, username })).data.state;
    expect(await stateOf('leads', 'ada')).toBe('active');
    expect(await stateOf('leads', 'Grace')).toBe('active');
    expect(await stateOf('leads', 'new')).toBe('pending');
    await expect(stateOf('on-call', 'ada')).rejects.toMatchObject({ status: 404 });
    await expect(stateOf('gone', 'ada')).rejects.toMatchObject({ status: 404 });
    expect((await api.getByName({ org: 'org', team_slug: 'on-call' })).data.parent?.slug).toBe('leads');
  });

  // "The API returns 404 (not 403) when it can't see the membership": github.com/PostHog/posthog/pull/56869.
  test("is not visible for a job's token", async () => {
    const sandbox = await sandboxOf({ scenario: { github: { teams } } });
    const env = sandbox.jobEnv({ permissions: { actions: 'write', contents: 'write' }, claims: {} });
    for (const token of [env['GITHUB_TOKEN'] ?? '', sandbox.tokens.installation]) {
      const { teams: api } = getOctokit(token, { baseUrl: sandbox.githubUrl }).rest;
      const membership = { org: 'org', team_slug: 'leads', username: 'ada' };
      expect((await refusal(api.getMembershipForUserInOrg(membership))).status).toBe(404);
      expect((await refusal(api.getByName(membership))).status).toBe(404);
    }
  });
});

test('commits have their authors, with the co-authors that GraphQL resolves', async () => {
  const commits = [
    {
      sha: 'a',
      author: 'ada',
      committer: 'web-flow',
      coAuthors: ['grace', 'Tool <tool@example.com>'],
      signed: true,
    },
    { sha: 'b', author: 'dependabot[bot]' },
  ];
  const sandbox = await sandboxOf({ scenario: { github: { commits } } });
  const query = `query ($owner: String!, $repo: String!, $one: GitObjectID!, $two: GitObjectID!, $none: GitObjectID!) {
    repository(owner: $owner, name: $repo) {
      first: object(oid: $one) { ...written } second: object(oid: $two) { ...written } third: object(oid: $none) { ...written }
    }
  } fragment written on Commit { oid authors(first: 9) { nodes { user { login } } } }`;
  const asked = { ...repo, one: 'a', two: 'b', none: 'c' };
  const { repository } = await octokitOf(sandbox).graphql<{ repository: object }>(query, asked);
  expect(repository).toMatchObject({
    first: {
      authors: {
        nodes: [
          { user: { login: 'ada' } },
          { user: { login: 'grace' } },
          { email: 'tool@example.com', user: null },
        ],
      },
      committer: { email: 'noreply@github.com' },
      signature: { wasSignedByGitHub: true },
    },
    second: { authors: { nodes: [{ user: null }] }, parents: { totalCount: 1, nodes: [{ oid: 'a' }] } },
    third: null,
  });
  const other = octokitOf(sandbox).graphql(query, { ...asked, repo: 'other' });
  await expect(other).rejects.toThrow('Could not resolve to a Repository');
  expect(gitHubState(sandbox.world).commits.size).toBe(2);
});
