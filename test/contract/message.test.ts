import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { Annotations } from '../../src/core/log.ts';
import { Unstopped } from '../../src/core/cancellation.ts';
import { conclude, type Outcome, type Verdicts } from '../../src/core/outcome.ts';
import type { OutputContract } from '../../src/core/outputs/write.ts';
import { testWith } from '../support/software.ts';
import { recordingLog } from '../unit/core/fakes.ts';

const root = resolve(import.meta.dirname, '../..');

interface Contract {
  outputs: OutputContract;
  verdicts: Verdicts;
}

const contracts = await Promise.all(
  readdirSync(join(root, 'actions')).map(async (name) => {
    const { contract } = (await import(join(root, 'actions', name, 'contract.ts'))) as { contract: Contract };
    return { name, ...contract };
  }),
);
const verdicts = contracts.flatMap(({ name, outputs, verdicts: all }) =>
  Object.entries(all).map(([verdict, { ok }]) => ({ name, outputs, verdict, ok })),
);

const RUN = {
  GITHUB_OUTPUT: 'output',
  GITHUB_SERVER_URL: 'https://github.example',
  GITHUB_REPOSITORY: 'org/shop',
  GITHUB_RUN_ID: '1001',
};
const SECRET = 'correct-horse&battery';

/** The outputs of an action. */
function end(name: string, outputs: OutputContract, outcome: Outcome): Record<string, string> {
  const written: Record<string, string> = {};
  const { log, redactor } = recordingLog();
  log.secret(SECRET);
  const runner = { setOutput: (key: string, value: unknown) => (written[key] = String(value)) };
  conclude(
    { name, outputs },
    outcome,
    { log, redactor, annotations: new Annotations(), unstopped: new Unstopped() },
    { env: RUN, runner },
  );
  return written;
}

test.each(verdicts)('$name has a message of one line for the verdict $verdict', (one) => {
  const { name, outputs, verdict, ok } = one;
  const { message = '' } = end(name, outputs, {
    verdict,
    ok,
    reason: 'Tasks < 2 & "failed":\nSee a.\r\nb',
    subject: 'api in dev (eu-west-1)',
    links: [{ text: 'Service', url: 'https://console.example/?a=1&b=2' }],
    outputs: {},
    result: {},
  });
  expect(message).toBe(
    `${ok ? '✅' : '❌'} *${name}: ${verdict}* api in dev (eu-west-1) · Tasks &lt; 2 &amp; "failed": See a. b · ` +
      '<https://github.example/org/shop/actions/runs/1001|Run> · <https://console.example/?a=1&amp;b=2|Service>',
  );
});

test.each<[string, Partial<Outcome>, string]>([
  ['a secret', { reason: `It is ${SECRET}.` }, '✅ *a: done* · It is ***. · '],
  [
    'an account id',
    { reason: 'arn:aws:iam::111111111111:role/a' },
    '✅ *a: done* · arn:aws:iam::…:role/a · ',
  ],
  ['a mention', { reason: '<!channel> <@U123>' }, '✅ *a: done* · &lt;!channel&gt; &lt;@\u200BU123&gt; · '],
  [
    'its own link',
    { subject: '<https://evil.example|here>' },
    '✅ *a: done* &lt;https://evil.example|here&gt; · ',
  ],
])('a message has no %s', (_, outcome, start) => {
  const given = { verdict: 'done', ok: true, reason: 'Done.', outputs: {}, result: {}, ...outcome };
  expect(end('a', { message: {} }, given)['message']?.slice(0, start.length)).toBe(start);
});

test('a message is limited in length, even after escaping', () => {
  const long = '<&>'.repeat(5000);
  const given = { verdict: 'done', ok: true, reason: long, subject: long, outputs: {}, result: {} };
  expect(end('a', { message: {} }, given)['message']?.length).toBeLessThan(3000);
});

testWith(
  'bash',
  'curl',
  'jq',
)('the recipe posts the message as it is, and shows the address to no other process', async () => {
  const page = readFileSync(join(root, 'docs/guides/notifications.md'), 'utf8');
  const recipes = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, recipe = '']) => recipe);
  const recipe = recipes.find((text) => text.includes('name: Notify')) ?? '';
  const step = (parse(recipe) as { name?: string; run?: string }[]).find(({ name }) => name === 'Notify');
  expect(step?.run).not.toContain('${{');
  const posted: unknown[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      posted.push(request.url, request.headers['content-type'], JSON.parse(body));
      response.end('ok');
    });
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as AddressInfo;
  const message = '✅ *a: done* "quoted" $(id) `id` \\ <https://github.example|Run>';
  try {
    await promisify(execFile)('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step?.run ?? ''], {
      env: {
        PATH: process.env['PATH'],
        WEBHOOK: `http://127.0.0.1:${port}/services/T0/B0/x`,
        MESSAGE: message,
      },
    });
  } finally {
    server.close();
  }
  expect(posted).toEqual(['/services/T0/B0/x', 'application/json', { text: message }]);
});
