import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { upsertComment } from '../../../src/github/comment.ts';
import type { CommentOptions } from '../../../src/github/comment.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { systemClock } from '../../../src/core/clock.ts';
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

  test('ignores markers of others, quoted ones and other markers', async () => {
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

  test('the limit is 65,536 characters, and secrets are masked', async () => {
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
    expect(body).toContain('Events truncated');
  });

  test('without a pull request or a token, nothing is written', async () => {
    const github = readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_API_URL: api.url });
    expect(await upsertComment({ ...options, github })).toMatchObject({ action: 'skipped' });
    expect(await upsertComment({ ...options, token: '' })).toMatchObject({ action: 'skipped' });
    expect(api.calls).toEqual([]);
  });
});

describe('several of our comments', () => {
  test('the oldest is kept, our others are deleted', async () => {
    const kept = api.comment('somebody', `${MARKER}\none`);
    api.comment('octocat', `${MARKER}\nnot ours`);
    api.comment('somebody', `${MARKER}\ntwo`);
    expect(await upsertComment(options)).toEqual({ action: 'updated', url: kept.html_url });
    expect(api.comments.map(({ user, body }) => [user.login, body])).toEqual([
      ['somebody', `${MARKER}\n### Plan\n\ntwo changes`],
      ['octocat', `${MARKER}\nnot ours`],
    ]);
  });

  test('one created by another job at the same time is kept, and ours deleted', async () => {
    const { comments } = api;
    const push = comments.push.bind(comments);
    // Older than ours, and not visible when ours was created.
    comments.push = (...added) => {
      comments.push = push;
      return push(
        { id: 0, body: `${MARKER}\nother`, user: { login: 'somebody' }, html_url: 'first' },
        ...added,
      );
    };
    expect(await upsertComment(options)).toEqual({ action: 'updated', url: 'first' });
    expect(comments.map(({ id, body }) => [id, body])).toEqual([[0, `${MARKER}\n### Plan\n\ntwo changes`]]);
  });
});

describe('a shared comment', () => {
  const SHARED = '<!-- platform:deploy-environment/shop -->';
  const partOf = (name: string, run: string, sections = options.sections): CommentOptions => ({
    ...options,
    github: {
      ...options.github,
      runId: run,
      pullRequest: { number: 7, fork: false, headSha: run.repeat(10) },
    },
    marker: 'deploy-environment/shop',
    sections,
    part: { name, order: ['dev', 'staging', 'prod'], replaces: `deploy-environment/shop/${name}` },
  });

  test('each job writes its section, in the order of the manifest, with its commit and run', async () => {
    expect(await upsertComment(partOf('staging', '1001'))).toMatchObject({ action: 'created' });
    expect(await upsertComment(partOf('gone', '1002'))).toMatchObject({ action: 'updated' });
    expect(await upsertComment(partOf('dev', '1003'))).toMatchObject({ action: 'updated' });
    expect(api.comments).toHaveLength(1);
    const at = String.raw`\.1\.\d+`;
    const runs = 'https://github.com/org/platform/actions/runs';
    const outdated = '⚠️ Outdated: the newest commit is `1003100`';
    expect(api.comments[0]?.body.replace(new RegExp(at, 'g'), '.1.0')).toBe(
      [
        SHARED,
        `<!-- platform:part dev 1003.1.0 ${'1003'.repeat(10)} -->`,
        `Commit \`1003100\` · [Run](${runs}/1003)`,
        '',
        '### Plan\n\ntwo changes',
        '',
        `<!-- platform:part staging 1001.1.0 ${'1001'.repeat(10)} -->`,
        `${outdated} · Commit \`1001100\` · [Run](${runs}/1001)`,
        '',
        '### Plan\n\ntwo changes',
        '',
        `<!-- platform:part gone 1002.1.0 ${'1002'.repeat(10)} -->`,
        `⚠️ No longer in the manifest · ${outdated} · Commit \`1002100\` · [Run](${runs}/1002)`,
        '',
        '### Plan\n\ntwo changes',
      ].join('\n'),
    );
  });

  test('the comment in the old format is deleted; those of other environments and authors are kept', async () => {
    api.comment('somebody', '<!-- platform:deploy-environment/shop/dev -->\nold');
    api.comment('somebody', '<!-- platform:deploy-environment/shop/prod -->\nold');
    api.comment('octocat', '<!-- platform:deploy-environment/shop/dev -->\ncopied');
    await upsertComment(partOf('dev', '1001'));
    expect(api.comments.map(({ body }) => body.split('\n')[0])).toEqual([
      '<!-- platform:deploy-environment/shop/prod -->',
      '<!-- platform:deploy-environment/shop/dev -->',
      SHARED,
    ]);
  });

  test.each<[string, 'lost' | { status: number }]>([
    ['a lost response', 'lost'],
    ['a 502', { status: 502 }],
    ['a comment that was deleted in the meantime', { status: 404 }],
  ])('recovers from %s', async (_name, answer) => {
    await upsertComment(partOf('dev', '1001'));
    const id = api.comments[0]?.id ?? 0;
    api.overrides.set(`PATCH /comments/${id}`, [answer]);
    expect(await upsertComment(partOf('prod', '1001'))).toMatchObject({ action: 'updated' });
    expect(api.comments.map(({ body }) => body.match(/platform:part \w+/g))).toEqual([
      ['platform:part dev', 'platform:part prod'],
    ]);
  });

  test('after waiting for a rate limit, the comment is read again', async () => {
    const alone = (name: string): CommentOptions => ({
      ...partOf(name, '1001'),
      context: { ...options.context, clock: systemClock },
      part: { name, order: [name], replaces: 'none' },
    });
    await upsertComment(alone('dev'));
    const limited = { status: 403, headers: { 'retry-after': '6' }, body: RATE_LIMITED };
    api.overrides.set('PATCH /comments/1', [limited]);
    const waiting = upsertComment(alone('prod'));
    while (!written().includes('PATCH')) await systemClock.sleep(10);
    await upsertComment(alone('staging'));
    expect(await waiting).toMatchObject({ action: 'updated' });
    expect(api.comments.map(({ body }) => body.match(/platform:part \w+/g))).toEqual([
      ['platform:part prod', 'platform:part dev', 'platform:part staging'],
    ]);
  });

  test.each([403, 422])('a refusal (%d) is a notice without a retry', async (status) => {
    await upsertComment(partOf('dev', '1001'));
    api.calls.length = 0;
    api.overrides.set('PATCH /comments/1', [{ status }]);
    expect(await upsertComment(partOf('prod', '1001'))).toMatchObject({ action: 'skipped' });
    expect(written()).toEqual(['PATCH']);
    expect(lines.at(-1)).toMatch(/^::notice::The pull request comment was not written: /);
  });
});

describe('a failure of GitHub', () => {
  test.each([401, 403, 404, 410, 422])('a refusal (%d) is a notice without a retry', async (status) => {
    api.overrides.set('POST /comments', [{ status }]);
    expect(await upsertComment(options)).toMatchObject({ action: 'skipped' });
    expect(written()).toEqual(['POST']);
    expect(lines.at(-1)).toMatch(
      /^::notice::The pull request comment was not written: the job needs the permission `pull-requests: write/,
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
  )('%s recovers from %s', async (call, _name, answer) => {
    api.overrides.set(call, [answer]);
    expect(await upsertComment(options)).toMatchObject({ action: 'created' });
    expect(api.comments).toHaveLength(1);
  });

  test("a rate limit's delay is respected", async () => {
    const limited = { status: 403, headers: { 'retry-after': '7' }, body: RATE_LIMITED };
    api.overrides.set('POST /comments', [limited]);
    await upsertComment(options);
    expect(clock.sleeps).toEqual([7000]);
  });

  test('a comment with a lost response is not written twice', async () => {
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
    expect(lines.at(-1)).toMatch(/^::warning::The pull request comment was not written: /);
  });

  test('an invalid list is an outage too', async () => {
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
