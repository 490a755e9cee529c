import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { approversOf } from '../../../src/github/approvals.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { createDeployment, setDeploymentStatus } from '../../../src/github/deployments.ts';
import { FakeClock } from '../core/fakes.ts';
import { FakeGitHub } from './api.ts';

let api: FakeGitHub;
let access: Parameters<typeof approversOf>[0];
beforeEach(async () => {
  api = new FakeGitHub();
  await api.start();
  access = {
    token: 'ghs_token',
    github: readGitHubContext({
      GITHUB_REPOSITORY: 'org/platform',
      GITHUB_RUN_ID: '42',
      GITHUB_SHA: 'abc',
      GITHUB_API_URL: api.url,
    }),
    context: { clock: new FakeClock(), signal: new AbortController().signal },
  };
});
afterEach(async () => {
  await api.stop();
});

describe('approversOf', () => {
  test('who approved, for which environments', async () => {
    api.reviews = [
      { state: 'approved', comment: 'ship it', user: { login: 'octocat' }, environments: [{ name: 'prod' }] },
    ];
    expect(await approversOf(access)).toEqual([
      { user: 'octocat', state: 'approved', environments: ['prod'], comment: 'ship it' },
    ]);
    expect(api.calls[0]?.path).toBe('/repos/org/platform/actions/runs/42/approvals');
  });

  test('a refusal is an error', async () => {
    api.overrides.set('GET /approvals', [{ status: 403 }]);
    await expect(approversOf(access)).rejects.toMatchObject({ status: 403 });
  });
});

describe('deployments', () => {
  test('one is created for the commit, without waiting for its checks', async () => {
    api.overrides.set('POST /deployments', [{ status: 503 }]);
    expect(await createDeployment(access, { environment: 'preview', transient: true })).toBe(99);
    expect(api.calls.at(-1)?.body).toMatchObject({
      ref: 'abc',
      environment: 'preview',
      transient_environment: true,
      auto_merge: false,
      required_contexts: [],
    });
  });

  test('an answer that is no deployment is an error', async () => {
    api.overrides.set('POST /deployments', [{ status: 202, body: { message: 'Auto-merged' } }]);
    await expect(createDeployment(access, { environment: 'dev' })).rejects.toThrow(
      'GitHub made no deployment to dev: Auto-merged',
    );
  });

  test('a state is set with the run’s address', async () => {
    await setDeploymentStatus(access, 99, {
      state: 'success',
      environmentUrl: 'https://x',
      description: 'd'.repeat(200),
    });
    expect(api.calls[0]).toMatchObject({
      path: '/repos/org/platform/deployments/99/statuses',
      body: {
        state: 'success',
        environment_url: 'https://x',
        log_url: 'https://github.com/org/platform/actions/runs/42',
        description: 'd'.repeat(140),
      },
    });
  });
});
