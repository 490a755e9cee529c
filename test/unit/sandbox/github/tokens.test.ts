import { getOctokit } from '@actions/github';
import { describe, expect, test } from '@jest/globals';
import type { Permissions } from '../../../../sandbox/github/tokens.ts';
import { readToken } from '../../../../sandbox/iam/oidc.ts';
import { refusal, sandboxOf } from '../clients.ts';

const repo = { owner: 'org', repo: 'platform' };
const octokitOfJob = ({ GITHUB_TOKEN, GITHUB_API_URL }: Record<string, string>) =>
  getOctokit(GITHUB_TOKEN!, { baseUrl: GITHUB_API_URL! }).rest;

describe("a job's tokens", () => {
  test('have exactly its permissions', async () => {
    const sandbox = await sandboxOf();
    const env = sandbox.jobEnv({ permissions: { 'pull-requests': 'write', actions: 'read' }, claims: {} });
    const { issues, repos, actions } = octokitOfJob(env);
    expect((await issues.createComment({ ...repo, issue_number: 1, body: 'x' })).status).toBe(201);
    expect((await actions.getWorkflowRun({ ...repo, run_id: 1 })).status).toBe(200);
    expect((await repos.get(repo)).status).toBe(200);
    const refused = await refusal(repos.createDeployment({ ...repo, ref: 'main' }));
    expect([refused.status, refused.message]).toEqual([
      403,
      expect.stringContaining('not accessible by integration'),
    ]);
  });

  test('can merge a pull request only with contents: write', async () => {
    const sandbox = await sandboxOf();
    const merged = (permissions: Permissions) =>
      octokitOfJob(sandbox.jobEnv({ permissions, claims: {} })).pulls.merge({ ...repo, pull_number: 1 });
    expect((await refusal(merged({ 'pull-requests': 'write', contents: 'read' }))).status).toBe(403);
    expect((await merged({ contents: 'write' })).status).toBe(200);
  });

  test('that may read may not write', async () => {
    const sandbox = await sandboxOf();
    const { issues } = octokitOfJob(sandbox.jobEnv({ permissions: { issues: 'read' }, claims: {} }));
    expect((await issues.listComments({ ...repo, issue_number: 1 })).data).toEqual([]);
    const refused = await refusal(issues.createComment({ ...repo, issue_number: 1, body: 'x' }));
    expect(refused.status).toBe(403);
  });

  test('have its own claims, also next to another job', async () => {
    const sandbox = await sandboxOf();
    const subjects = ['dev', 'prod'].map(async (environment) => {
      const env = sandbox.jobEnv({ permissions: { 'id-token': 'write' }, claims: { environment } });
      const headers = { authorization: `bearer ${env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']!}` };
      const answer = await fetch(env['ACTIONS_ID_TOKEN_REQUEST_URL']!, { headers });
      return (await readToken(((await answer.json()) as { value: string }).value))?.claims['sub'];
    });
    expect(await Promise.all(subjects)).toEqual([
      'repo:org/platform:environment:dev',
      'repo:org/platform:environment:prod',
    ]);
  });

  test('are not available without id-token: write', async () => {
    const sandbox = await sandboxOf();
    expect(Object.keys(sandbox.jobEnv({ permissions: {}, claims: {} }))).not.toContain(
      'ACTIONS_ID_TOKEN_REQUEST_URL',
    );
  });
});
