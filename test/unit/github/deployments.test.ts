import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startSandbox } from '../../../sandbox/index.ts';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { CancelledError } from '../../../src/core/errors.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { type GitHubError, isRefusal } from '../../../src/github/client.ts';
import { compareCommits } from '../../../src/github/compare.ts';
import { createDeployment, setDeploymentStatus } from '../../../src/github/deployments.ts';
import { FakeClock } from '../core/fakes.ts';
import { FakeGitHub, RATE_LIMITED } from './api.ts';

let api: FakeGitHub;
let clock: FakeClock;
let access: Parameters<typeof createDeployment>[0];
beforeEach(async () => {
  api = new FakeGitHub();
  await api.start();
  clock = new FakeClock();
  access = {
    token: 'ghs_token',
    github: readGitHubContext({
      GITHUB_REPOSITORY: 'org/platform',
      GITHUB_RUN_ID: '42',
      GITHUB_SHA: 'abc',
      GITHUB_API_URL: api.url,
    }),
    context: { clock, signal: new AbortController().signal },
  };
});
afterEach(async () => {
  await api.stop();
});

describe('deployments', () => {
  test('is created for the commit without waiting for its checks', async () => {
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

  test('an invalid response is an error', async () => {
    api.overrides.set('POST /deployments', [{ status: 202, body: { message: 'Auto-merged' } }]);
    await expect(createDeployment(access, { environment: 'dev' })).rejects.toThrow(
      'GitHub did not create a deployment to dev: Auto-merged',
    );
  });

  test('a state is set with the run’s URL', async () => {
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

describe('a deployment whose creation response was lost', () => {
  const posts = () => api.calls.filter(({ method }) => method === 'POST').length;

  test('is found, and not created twice', async () => {
    api.deployments.push({ environment: 'dev', payload: { request: 'of another run' } });
    api.overrides.set('POST /deployments', ['lost']);
    expect(await createDeployment(access, { environment: 'dev', payload: { from: 'dev' } })).toBe(100);
    expect(api.deployments).toHaveLength(2);
    expect(api.deployments[1]).toMatchObject({ payload: { from: 'dev' } });
    expect(posts()).toBe(1);
    const list = api.calls.find(({ method }) => method === 'GET');
    expect(list?.path).toContain('sha=abc&environment=dev&task=deploy');
  });

  test('is created by a retry if it does not exist', async () => {
    api.overrides.set('POST /deployments', ['reset', { status: 502 }]);
    expect(await createDeployment(access, { environment: 'dev' })).toBe(99);
    expect(api.deployments).toHaveLength(1);
    expect(posts()).toBe(3);
  });

  test('is found even if the payload is returned as text', async () => {
    const answers = () => [
      { id: 7, payload: 'no JSON' },
      { id: 8, payload: JSON.stringify(api.calls[0]?.body['payload']) },
    ];
    api.overrides.set('POST /deployments', [{ status: 500 }]);
    api.overrides.set('GET /deployments', [
      {
        status: 200,
        get body() {
          return answers();
        },
      },
    ]);
    expect(await createDeployment(access, { environment: 'dev' })).toBe(8);
  });

  test('is created once in the sandbox too', async () => {
    const sandbox = await startSandbox();
    try {
      sandbox.addFault({ kind: 'reset', operation: 'repos/create-deployment', after: true });
      const github = { ...access.github, apiUrl: sandbox.githubUrl };
      const own = { ...access, github, token: sandbox.tokens.installation };
      const id = await createDeployment(own, { environment: 'dev', task: 'preview-7' });
      expect(gitHubState(sandbox.world).deployments).toMatchObject([{ id, environment: 'dev' }]);
    } finally {
      await sandbox.close();
    }
  });
});

describe('the client', () => {
  const compare = () => compareCommits(access, 'a', 'b');
  const answers = (answer: { status: number; headers?: Record<string, string>; body?: unknown }) => {
    api.overrides.set(
      'GET /compare/a...b',
      Array.from({ length: 9 }, () => answer),
    );
  };

  test.each([
    [401, 'access-denied'],
    [403, 'access-denied'],
    [404, 'not-found'],
    [409, 'conflict'],
    [410, 'not-found'],
    [422, 'request-rejected'],
    [500, 'service-unavailable'],
    [503, 'service-unavailable'],
  ])('a response with %d is an error with the code %s', async (status, code) => {
    answers({ status });
    await expect(compare()).rejects.toMatchObject({ name: 'GitHubError', status, code });
    expect(api.calls).toHaveLength(status >= 500 ? 4 : 1);
  });

  test('a missing response is an error without a status', async () => {
    await api.stop();
    const error: unknown = await compare().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'GitHubError', code: 'service-unavailable' });
    expect((error as GitHubError).status).toBeUndefined();
    expect(clock.sleeps).toHaveLength(3);
    await api.start();
  });

  test('the delays between attempts double, with jitter', async () => {
    answers({ status: 502 });
    await expect(compare()).rejects.toThrow();
    expect(clock.sleeps).toHaveLength(3);
    for (const [index, ms] of clock.sleeps.entries()) expect(ms).toBeLessThanOrEqual(1000 * 2 ** index);
  });

  test("a server's Retry-After is respected", async () => {
    api.overrides.set('GET /compare/a...b', [{ status: 503, headers: { 'retry-after': '9' } }]);
    await compare().catch(() => undefined);
    expect(clock.sleeps).toEqual([9000]);
  });

  test.each([403, 429])(
    'a %d for a secondary rate limit of more than 90 s is not waited for',
    async (status) => {
      answers({ status, headers: { 'retry-after': '91' }, body: RATE_LIMITED });
      await expect(compare()).rejects.toMatchObject({
        code: 'throttled',
        status,
        message: `GitHub's secondary rate limit is exceeded for 91 s: "${RATE_LIMITED.message}"`,
      });
      expect(api.calls).toHaveLength(1);
      expect(clock.sleeps).toEqual([]);
    },
  );

  test('without retry-after, waits a minute for a secondary rate limit, once', async () => {
    answers({ status: 403, body: RATE_LIMITED });
    await expect(compare()).rejects.toMatchObject({ code: 'throttled' });
    expect(clock.sleeps).toEqual([60_000]);
  });

  /** An error as quoted in conbench/conbench#660. */
  const primary = (seconds: number, status = 403) => {
    const reset = Math.floor(Date.now() / 1000) + seconds;
    const headers = {
      'x-ratelimit-limit': '1000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-used': '1001',
      'x-ratelimit-reset': String(reset),
      'x-ratelimit-resource': 'core',
    };
    const body = { message: 'API rate limit exceeded for installation ID 19416693.' };
    return {
      answer: { status, headers, body },
      instant: new Date(reset * 1000).toISOString().slice(0, 19) + 'Z',
    };
  };

  test.each([403, 429])('a %d for the primary rate limit is waited for until its reset', async (status) => {
    api.overrides.set('GET /compare/a...b', [primary(20, status).answer]);
    // The fake does not support this call: what matters is that it was repeated.
    await expect(compare()).rejects.toMatchObject({ status: 404 });
    expect(clock.sleeps).toHaveLength(1);
    expect(clock.sleeps[0]).toBeGreaterThanOrEqual(19_000);
    expect(clock.sleeps[0]).toBeLessThanOrEqual(22_000);
    expect(api.calls).toHaveLength(2);
  });

  test.each([403, 429])(
    'a %d for a primary rate limit whose reset is far away is an error at once',
    async (status) => {
      const { answer, instant } = primary(1800, status);
      answers(answer);
      await expect(compare()).rejects.toMatchObject({
        code: 'throttled',
        message: `GitHub's rate limit is exceeded until ${instant}: "API rate limit exceeded for installation ID 19416693."`,
        fix: `Run the job again after ${instant}.`,
      });
      expect(api.calls).toHaveLength(1);
      expect(clock.sleeps).toEqual([]);
    },
  );

  test('a cancellation ends the wait for a rate limit', async () => {
    const controller = new AbortController();
    const reason = new CancelledError('SIGINT');
    clock.onSleep = () => {
      controller.abort(reason);
    };
    access.context = { clock, signal: controller.signal };
    answers(primary(20).answer);
    await expect(compare()).rejects.toBe(reason);
    expect(api.calls).toHaveLength(1);
  });

  test.each(['4999', '0'])(
    'a missing permission is not a rate limit, with %s requests left',
    async (left) => {
      const headers = { 'x-ratelimit-remaining': left, 'x-ratelimit-reset': '4000000000' };
      answers({ status: 403, headers, body: { message: 'Resource not accessible by integration' } });
      const error: unknown = await compare().catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'access-denied',
        message: 'Resource not accessible by integration',
      });
      expect(isRefusal(error)).toBe(true);
      answers(primary(1800).answer);
      expect(isRefusal(await compare().catch((reason: unknown) => reason))).toBe(false);
    },
  );

  test('a persistent rate limit is an error after four attempts', async () => {
    answers({ status: 429, headers: { 'retry-after': '2' }, body: RATE_LIMITED });
    await expect(compare()).rejects.toMatchObject({ code: 'throttled', status: 429 });
    expect(clock.sleeps).toEqual([2000, 2000, 2000]);
    expect(api.calls).toHaveLength(4);
  });

  test('a timeout of the caller ends a call with a presentable error', async () => {
    const signal = AbortSignal.timeout(1);
    await once(signal, 'abort');
    access.context = { clock, signal };
    answers({ status: 500 });
    await expect(compare()).rejects.toMatchObject({ code: 'timed-out' });
  });

  test('a cancellation ends the wait with its reason', async () => {
    const controller = new AbortController();
    const reason = new CancelledError('SIGINT');
    clock.onSleep = () => {
      controller.abort(reason);
    };
    access.context = { clock, signal: controller.signal };
    answers({ status: 500 });
    await expect(compare()).rejects.toBe(reason);
    expect(api.calls).toHaveLength(1);
  });
});
