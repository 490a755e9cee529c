import { DescribeStacksCommand, GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cloudFormationClient } from '../../../src/aws/clients.ts';
import { withLongTextsAsCdata } from '../../../src/aws/xml.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { send } from '../../../src/aws/send.ts';
import { FakeClock } from '../core/fakes.ts';
import { Endpoint, xml } from './endpoint.ts';

const endpoint = new Endpoint();
const before = { ...process.env };
beforeAll(async () => {
  process.env['AWS_ENDPOINT_URL'] = await endpoint.start();
});
afterAll(async () => {
  process.env = before;
  await endpoint.stop();
});

const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
const client = () =>
  cloudFormationClient(
    { region: 'eu-central-1', credentials },
    {
      clock: new FakeClock(),
      limiter: new RateLimiter({ perSecond: 1000, burst: 1000, clock: new FakeClock() }),
    },
  );
const { signal } = new AbortController();

/** What a text of AWS can contain, escaped, and its value. */
const PIECES: readonly [escaped: string, text: string][] = [
  ['{&quot;Key&quot;: ', '{"Key": '],
  ['&lt;b&gt;', '<b>'],
  ['a &amp;amp; b', 'a &amp; b'],
  ['&#65;&#x42;', 'AB'],
  ['&apos;', "'"],
  ['&#13;', '\r'],
  ['&unknown;', ''],
  [']]&gt;', ']]>'],
  ['ä€ \t\n', 'ä€ \t\n'],
  ['x'.repeat(1200), 'x'.repeat(1200)],
];
const CASES = 300;

test('texts of any length and content are parsed unchanged', async () => {
  let seed = 19;
  const random = (below: number): number => {
    seed = (seed * 48271) % 2147483647;
    return Math.floor((seed / 2147483647) * below);
  };
  let sections = 0;
  const aws = await client();
  for (let index = 0; index < CASES; index++) {
    const pieces = Array.from({ length: 1 + random(5) }, () => PIECES[random(PIECES.length)] ?? ['', '']);
    const escaped = pieces.map(([piece]) => piece).join('');
    const document = `<TemplateBody>begin ${escaped}</TemplateBody>`;
    if (withLongTextsAsCdata(document) !== document) sections++;
    endpoint.answers = [xml(document)];
    const { TemplateBody } = await send(aws, new GetTemplateCommand({ StackName: 'vpc' }), { signal });
    expect(TemplateBody).toBe(`begin ${pieces.map(([, piece]) => piece).join('')}`);
  }
  console.log(`${CASES} texts, ${sections} of them as CDATA`);
  expect(sections).toBeGreaterThan(CASES / 10);
});

test('a document with CDATA sections or comments is not changed', async () => {
  const long = 'x'.repeat(2000);
  endpoint.answers = [
    xml(
      `<Stacks><member><!-- <a>${long}</a> --><StackName><![CDATA[<a>${long}</a>]]></StackName></member></Stacks>`,
    ),
  ];
  const { Stacks } = await send(await client(), new DescribeStacksCommand({}), { signal });
  expect(Stacks?.[0]?.StackName).toBe(`<a>${long}</a>`);
});
