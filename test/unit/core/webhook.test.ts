import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SLACK_WEBHOOKS, slackMessages } from '../../../sandbox/slack/endpoint.ts';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { CancelledError } from '../../../src/core/errors.ts';
import { notify } from '../../../src/core/notification/notification.ts';
import { webhookSecrets } from '../../../src/core/notification/webhook.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import { FakeClock, recordingLog } from './fakes.ts';

const FAILED: Outcome = {
  verdict: 'failed',
  ok: false,
  reason: 'Tasks < 2 & failed.',
  subject: 'api in dev',
  outputs: {},
  result: {},
  error: { code: 'command-failed', message: 'failed', fix: 'Fix the command.' },
};
const ENV = {
  GITHUB_SERVER_URL: 'https://github.example',
  GITHUB_REPOSITORY: 'org/shop',
  GITHUB_RUN_ID: '1001',
  GITHUB_ACTOR: 'octocat',
  GITHUB_TRIGGERING_ACTOR: 'hubot',
  GITHUB_REF_NAME: 'main',
  GITHUB_SHA: '0123456789abcdef',
};

let sandbox: Sandbox;
let lines: string[];
let clock: FakeClock;
beforeEach(async () => {
  sandbox = await startSandbox();
  clock = new FakeClock();
});
afterEach(async () => {
  await sandbox.close();
});

/** Posts an outcome to a webhook. The log must not contain the URL. */
async function tell(
  webhook: string,
  given: Partial<Outcome> = {},
  signal = new AbortController().signal,
): Promise<void> {
  const recording = recordingLog();
  lines = recording.lines;
  recording.log.secret(webhook);
  for (const secret of webhookSecrets(webhook)) recording.log.secret(secret);
  const { log, redactor } = recording;
  await notify(
    {
      name: 'deploy',
      verdicts: { failed: { ok: false }, held: { ok: false, quiet: true }, done: { ok: true } },
    },
    { ...FAILED, ...given },
    { log, redactor, clock, signal },
    { webhook, env: ENV },
  );
  const shown = lines.filter((line) => !line.startsWith('::add-mask::')).join('\n');
  for (const part of [webhook, new URL(webhook, 'http://none').pathname]) {
    if (part.length > 10) expect(shown).not.toContain(part);
  }
}

const warning = (): string => lines.find((line) => line.startsWith('::warning::')) ?? '';

test('Slack gets the subject, reason, fix, actor and links', async () => {
  await tell(sandbox.webhookUrl, {
    approvedBy: ['lead'],
    links: [{ text: 'Service', url: 'https://console.example/?a&b' }],
  });
  expect(slackMessages(sandbox.world)).toEqual([
    [
      '❌ *deploy: failed* api in dev',
      'Tasks &lt; 2 &amp; failed.',
      '*Fix:* Fix the command.',
      '<https://github.example/org/shop/actions/runs/1001|Run> · <https://console.example/?a&amp;b|Service> · ' +
        'by hubot · approved by lead · org/shop · main · 0123456',
    ].join('\n'),
  ]);
  expect(lines.at(-1)).toBe('Posted the verdict to the webhook of notify.');
});

test('an announcement has its own text', async () => {
  const announcement = {
    icon: '⏳',
    title: 'Waiting for approval',
    subject: 'prod',
    text: 'Reviewers: lead.',
  };
  await tell(sandbox.webhookUrl, { ok: true, verdict: 'done', announcement });
  expect(slackMessages(sandbox.world)[0]).toMatch(
    /^⏳ \*Waiting for approval\* prod\nReviewers: lead\.\n\*Fix:\* Fix the command\.\n</,
  );
});

test.each<[string, Partial<Outcome>]>([
  ['a green verdict', { ok: true, verdict: 'done' }],
  ['a verdict in which a rule applied', { verdict: 'held' }],
])('%s is not posted', async (_name, outcome) => {
  await tell(sandbox.webhookUrl, outcome);
  expect([slackMessages(sandbox.world), lines.filter((line) => !line.startsWith('::add-mask::'))]).toEqual([
    [],
    [],
  ]);
});

test.each([
  ['<!channel> <@U1> &lt;', '&lt;!channel&gt; &lt;@\u200BU1&gt; &amp;lt;'],
  ['@everyone, @here and a@example.com', '@\u200Beveryone, @\u200Bhere and a@example.com'],
  ['[click](https://evil.example)', '[click]\u200B(https://evil.example)'],
  ['two\r\nlines', 'two lines'],
  ['arn:aws:iam::111111111111:role/a', 'arn:aws:iam::…:role/a'],
])('the text %j mentions no one and stays on its line', async (reason, said) => {
  await tell(sandbox.webhookUrl, { reason });
  expect(slackMessages(sandbox.world)[0]?.split('\n')[1]).toBe(said);
});

test('the limit is 2000 characters, even if everything is escaped and long', async () => {
  const long = '<&> @all '.repeat(5000);
  const links = Array.from({ length: 9 }, () => ({
    text: 'Page',
    url: `https://example.com/${'a&'.repeat(150)}`,
  }));
  await tell(sandbox.webhookUrl, {
    reason: long,
    subject: long,
    links,
    approvedBy: [long],
    error: { code: 'command-failed', message: 'failed', fix: `now ${long}` },
  });
  const [message = ''] = slackMessages(sandbox.world);
  expect(message.length).toBeLessThanOrEqual(2000);
  expect(message).toContain('<https://github.example/org/shop/actions/runs/1001|Run>');
  expect(message.split('\n')).toHaveLength(4);
});

describe('a webhook that rejects the message', () => {
  test.each([
    ['removed', '404 no_service'],
    ['archived', '410 channel_is_archived'],
    ['prohibited', '403 action_prohibited'],
  ] as const)('one that is %s is a warning without a retry', async (which, said) => {
    await tell(`${sandbox.url}${SLACK_WEBHOOKS[which]}`);
    expect(warning()).toBe(
      `::warning::notify: cannot post to the webhook: the webhook returned HTTP ${said}. The verdict does not change.`,
    );
    expect(sandbox.calls.of('IncomingWebhook')).toHaveLength(1);
  });

  test.each([
    ['http://hooks.example.com/services/T0/B0/secret-token'],
    ['ftp://hooks.example.com/services/T0/B0/secret-token'],
    ['https://user:password@hooks.example.com/services/T0/B0/secret-token'],
    ['hooks.example.com/services/T0/B0/secret-token'],
    ['secret-token'],
  ])('the URL %s is a warning that does not show it', async (address) => {
    await tell(address);
    expect(warning()).toBe(
      '::warning::notify: cannot post to the webhook: expected the HTTPS URL of an incoming webhook. The verdict does not change.',
    );
  });

  test('an unknown host is tried three times', async () => {
    await tell('http://127.0.0.1:1/services/T00000000/B00000000/secret');
    expect(warning()).toContain('the webhook is not reachable (');
    expect(clock.sleeps).toHaveLength(2);
  });

  test.each([
    ['a server error', { kind: 'error' }, 1],
    ['a rate limit', { kind: 'throttle', delayMs: 3000 }, 1],
    ['a lost connection', { kind: 'reset' }, 1],
  ] as const)('retries %s', async (_name, rule, times) => {
    sandbox.addFault({ ...rule, service: 'slack', times });
    await tell(sandbox.webhookUrl);
    expect([slackMessages(sandbox.world).length, warning()]).toEqual([1, '']);
    if (rule.kind === 'throttle') expect(clock.sleeps[0]).toBeGreaterThanOrEqual(3000);
  });

  test.each([
    ['several server errors', { kind: 'error', times: 9 }, '500 rollup_error', 3],
    ['limits that ask for a minute', { kind: 'throttle', times: 9, delayMs: 60_000 }, '429 rate_limited', 1],
    ['pages of a proxy', { kind: 'status', times: 9, status: 502 }, '502', 3],
  ] as const)('%s are a warning', async (_name, rule, said, tries) => {
    sandbox.addFault({ ...rule, service: 'slack' });
    await tell(sandbox.webhookUrl);
    expect(warning()).toContain(`: the webhook returned HTTP ${said}. The verdict`);
    expect(sandbox.calls.of('IncomingWebhook')).toHaveLength(tries);
  });

  test('after a cancellation it is tried once, with a short timeout', async () => {
    const signal = AbortSignal.abort(new CancelledError('SIGINT'));
    await tell(sandbox.webhookUrl, {}, signal);
    expect(slackMessages(sandbox.world)).toHaveLength(1);
    sandbox.addFault({ kind: 'delay', service: 'slack', delayMs: 600_000 });
    await tell(sandbox.webhookUrl, {}, signal);
    expect(warning()).toContain('the webhook is not reachable (timed out)');
    expect(clock.sleeps).toEqual([]);
  });

  test('a redirect is not followed, and a response with the URL is not shown', async () => {
    const asked: string[] = [];
    const port = await serve((request, response) => {
      void text(request).then(() => {
        asked.push(request.url ?? '');
        const isFirst = request.url?.endsWith('redirect') === true;
        response.writeHead(isFirst ? 302 : 400, { location: `http://127.0.0.1:${port}/elsewhere` });
        response.end(`no such webhook: ${request.url ?? ''}`);
      });
    });
    const base = `http://127.0.0.1:${port}/services/T00000000/B00000000`;
    await tell(`${base}/redirect`);
    expect(warning()).toContain('the webhook returned HTTP 302. The verdict');
    await tell(`${base}/repeats`);
    expect(warning()).toContain('the webhook returned HTTP 400. The verdict');
    expect(asked).toEqual([
      '/services/T00000000/B00000000/redirect',
      '/services/T00000000/B00000000/repeats',
    ]);
  });
});

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((listening) => server.once('listening', listening));
  return (server.address() as AddressInfo).port;
}

describe("Slack's webhook in the sandbox", () => {
  test.each([
    ['{"text":"hello"}', 'application/json', 200, 'ok'],
    ['payload=%7B%22text%22%3A%22hello%22%7D', 'application/x-www-form-urlencoded', 200, 'ok'],
    ['{"text":""}', 'application/json', 400, 'no_text'],
    ['{}', 'application/json', 400, 'no_text'],
    ['{"text":', 'application/json', 400, 'invalid_payload'],
    ['"text"', 'application/json', 400, 'invalid_payload'],
    ['{"text":{}}', 'application/json', 400, 'invalid_payload'],
    ['{"text":"hello"}', 'text/plain', 400, 'invalid_payload'],
  ])('%s as %s returns %d %s', async (body, type, status, word) => {
    const response = await fetch(sandbox.webhookUrl, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    expect([response.status, await response.text()]).toEqual([status, word]);
    expect(slackMessages(sandbox.world)).toEqual(status === 200 ? ['hello'] : []);
  });
});
