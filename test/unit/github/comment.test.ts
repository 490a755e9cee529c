import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { upsertComment } from '../../../src/github/comment.ts';
import type { CommentOptions } from '../../../src/github/comment.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { CancelledError } from '../../../src/core/errors.ts';
import { FakeClock, recordingLog } from '../core/fakes.ts';
import { FakeGitHub, RATE_LIMITED } from './api.ts';

const MARKER = '<!-- platform:deploy-stack/dev-vpc -->';
let api: FakeGitHub;
let lines: string[];
let clock: FakeClock;
let options: CommentOptions;
beforeEach(async () => {
  api = new FakeGitHub();
  await api.start();
  const recording = recordingLog();
  lines = recording.lines;
  clock = new FakeClock();
  options = {
    token: 'ghs_token',
    github: {
      ...readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_API_URL: api.url }),
      pullRequest: { number: 7, fork: false },
    },
    context: {
      clock,
      signal: new AbortController().signal,
      log: recording.log,
      redactor: recording.redactor,
    },
    marker: 'deploy-stack/dev-vpc',
    sections: [{ title: 'Plan', body: 'two changes', priority: 1 }],
  };
});
afterEach(async () => {
  await api.stop();
});

const written = (): string[] =>
  api.calls.filter(({ method }) => method !== 'GET').map(({ method }) => method);

describe('upsertComment', () => {
  test('creates the comment, then updates it, then leaves it', async () => {
    api.comment('octocat', 'hello');
    expect(await upsertComment(options)).toEqual({ action: 'created', url: 'https://github.com/comment-2' });
    expect(api.comments[1]?.body).toBe(`${MARKER}\n### Plan\n\ntwo changes`);
    options.sections = [{ title: 'Plan', body: 'three changes', priority: 1 }];
    expect(await upsertComment(options)).toEqual({ action: 'updated', url: 'https://github.com/comment-2' });
    expect(api.comments[1]?.body).toContain('three changes');
    expect(await upsertComment(options)).toEqual({
      action: 'unchanged',
      url: 'https://github.com/comment-2',
    });
    expect(api.comments).toHaveLength(2);
    expect(api.calls[0]?.authorization).toBe('token ghs_token');
  });

  test('finds it on a later page', async () => {
    for (let index = 0; index < 250; index++) api.comment('octocat', `comment ${index}`);
    const own = api.comment('somebody', `${MARKER}\nold`);
    expect(await upsertComment(options)).toEqual({ action: 'updated', url: own.html_url });
    expect(api.comments).toHaveLength(251);
  });

  test('somebody else’s marker, a quoted one and another marker are not ours', async () => {
    api.comment('octocat', `${MARKER}\nnot yours`);
    api.comment('somebody', `> ${MARKER}`);
    api.comment('somebody', '<!-- platform:deploy-stack/dev-vpc-2 -->\nother');
    expect(await upsertComment(options)).toMatchObject({ action: 'created' });
    expect(api.comments[0]?.body).toBe(`${MARKER}\nnot yours`);
  });

  test.each([
    ['the viewer of GraphQL', 'my-app[bot]', 'my-app[bot]'],
    ['the workflow’s own user', undefined, 'github-actions[bot]'],
  ])('a token without a user writes as %s', async (_name, viewer, author) => {
    api.login = undefined;
    api.viewer = viewer;
    const own = api.comment(author, `${MARKER}\nold`);
    expect(await upsertComment(options)).toEqual({ action: 'updated', url: own.html_url });
  });

  test('a marker cannot end its own comment', async () => {
    options.marker = 'a --> <b>';
    await upsertComment(options);
    expect(api.comments[0]?.body).toMatch(/^<!-- platform:a-b- -->\n/);
  });

  test('65,536 characters are the limit, and secrets are hidden', async () => {
    options.context.redactor.add('hunter22');
    options.sections = [
      { title: 'hunter22', body: 'hunter22', priority: 9 },
      { title: 'Events', body: 'äöü hunter22\n'.repeat(10_000), priority: 0 },
    ];
    await upsertComment(options);
    const body = api.comments[0]?.body ?? '';
    expect(body.length).toBeLessThanOrEqual(65_536);
    expect(body.length).toBeGreaterThan(60_000);
    expect(body).not.toContain('hunter22');
    expect(body).toContain('Events cut');
  });

  test('nothing to comment on, or with', async () => {
    const github = readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_API_URL: api.url });
    expect(await upsertComment({ ...options, github })).toMatchObject({ action: 'skipped' });
    expect(await upsertComment({ ...options, token: '' })).toMatchObject({ action: 'skipped' });
    expect(api.calls).toEqual([]);
  });
});

describe('a failure of GitHub', () => {
  test.each([401, 403, 404, 410, 422])('a refusal (%d) is a notice, and asked once', async (status) => {
    api.overrides.set('POST /comments', [{ status }]);
    expect(await upsertComment(options)).toMatchObject({ action: 'skipped' });
    expect(written()).toEqual(['POST']);
    expect(lines.at(-1)).toMatch(
      /^::notice::no comment: the token may not write comments; .*pull-requests: write/,
    );
  });

  test('a fork is named as the reason', async () => {
    options.github.pullRequest = { number: 7, fork: true };
    api.overrides.set('POST /comments', [{ status: 403 }]);
    expect(await upsertComment(options)).toMatchObject({
      action: 'skipped',
      reason: expect.stringContaining('comes from a fork') as unknown,
    });
  });

  test.each<[string, string, 'reset' | { status: number; headers?: Record<string, string>; body?: unknown }]>(
    [
      ['GET /comments', 'a 500', { status: 500 }],
      ['POST /comments', 'a 502', { status: 502 }],
      ['GET /comments', 'a reset', 'reset'],
      ['GET /user', 'a 503', { status: 503 }],
      [
        'POST /comments',
        'a secondary rate limit',
        { status: 403, headers: { 'retry-after': '7' }, body: RATE_LIMITED },
      ],
      ['POST /comments', 'a 429', { status: 429, headers: { 'retry-after': '1' }, body: RATE_LIMITED }],
    ],
  )('%s survives %s', async (call, _name, answer) => {
    api.overrides.set(call, [answer]);
    expect(await upsertComment(options)).toMatchObject({ action: 'created' });
    expect(api.comments).toHaveLength(1);
  });

  test('the wait that a rate limit asks for is kept', async () => {
    const limited = { status: 403, headers: { 'retry-after': '7' }, body: RATE_LIMITED };
    api.overrides.set('POST /comments', [limited]);
    await upsertComment(options);
    expect(clock.sleeps).toEqual([7000]);
  });

  test('a comment whose answer was lost is not written twice', async () => {
    api.overrides.set('POST /comments', ['lost']);
    expect(await upsertComment(options)).toMatchObject({ action: 'unchanged' });
    expect(api.comments).toHaveLength(1);
  });

  test('an outage is a warning, never a failure', async () => {
    api.overrides.set(
      'GET /comments',
      Array.from({ length: 9 }, () => ({ status: 500 })),
    );
    expect(await upsertComment(options)).toMatchObject({ action: 'skipped' });
    expect(api.calls.filter(({ path }) => path.includes('/comments'))).toHaveLength(4);
    expect(lines.at(-1)).toMatch(/^::warning::the comment could not be written: /);
  });

  test('a list that is none is an outage too', async () => {
    api.overrides.set(
      'GET /comments',
      Array.from({ length: 9 }, () => ({ status: 200, body: '<html>' })),
    );
    expect(await upsertComment(options)).toMatchObject({ action: 'skipped' });
    expect(api.comments).toEqual([]);
  });

  test('a cancelled job ends it with the reason', async () => {
    const reason = new CancelledError('SIGINT');
    const context = { ...options.context, signal: AbortSignal.abort(reason) };
    await expect(upsertComment({ ...options, context })).rejects.toBe(reason);
  });
});
