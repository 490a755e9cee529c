import {
  CreateChangeSetCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
} from '@aws-sdk/client-cloudformation';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { cloudFormationClient, s3Client, ssmClient } from '../../../src/aws/clients.ts';
import { send } from '../../../src/aws/send.ts';
import { classify, errorText } from '../../../src/aws/errors.ts';
import { CancelledError } from '../../../src/core/errors.ts';
import { RateBucket, RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { FakeClock } from '../core/fakes.ts';
import { cutShort, Endpoint, failure, reset, text, xml } from './endpoint.ts';
import type { Answer } from './endpoint.ts';

const endpoint = new Endpoint();
const before = { ...process.env };
const access = {
  region: 'eu-central-1',
  credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
};
const stacks = xml('<Stacks><member><StackName>vpc</StackName></member></Stacks>');

let clock: FakeClock;
let limiter: RateLimiter;
beforeAll(async () => {
  process.env['AWS_ENDPOINT_URL'] = await endpoint.start();
});
afterAll(async () => {
  process.env = before;
  await endpoint.stop();
});
beforeEach(() => {
  endpoint.requests.length = 0;
  clock = new FakeClock();
  limiter = new RateLimiter({ perSecond: 1000, burst: 1000, clock });
});
afterEach(() => {
  jest.restoreAllMocks();
});

async function describeStacks(answers: Answer[], signal = new AbortController().signal) {
  endpoint.answers = answers;
  const client = await cloudFormationClient(access, { clock, limiter });
  return send(client, new DescribeStacksCommand({ StackName: 'vpc' }), { signal });
}

describe('a call', () => {
  test('returns the output type of its command', async () => {
    const { Stacks } = await describeStacks([stacks]);
    expect(Stacks?.map(({ StackName }) => StackName)).toEqual(['vpc']);
    expect(endpoint.requests).toHaveLength(1);
  });

  test("a proxy's refusal is not treated as AWS's and is not retried", async () => {
    const error: unknown = await describeStacks([text('<html>Blocked</html>', 403)]).catch(
      (reason: unknown) => reason,
    );
    expect(errorText(error)).toBe('CloudFormation DescribeStacks returned HTTP 403 (HTML)');
    expect(classify(error)).toBe('other');
    expect(endpoint.requests).toHaveLength(1);
  });

  const transient: [string, Answer, RegExp][] = [
    ['throttling', failure('Throttling', 'Rate exceeded'), /^Throttling: Rate exceeded/],
    ['a 500', failure('InternalFailure', 'oops', 500), /^InternalFailure: oops/],
    [
      'the error page of a proxy',
      text('<!DOCTYPE html><html>busy</html>', 503),
      /^CloudFormation DescribeStacks returned HTTP 503 \(HTML\)$/,
    ],
    [
      'a 502 without a body',
      text('', 502),
      /^CloudFormation DescribeStacks returned HTTP 502 \(empty body\)$/,
    ],
    [
      'a truncated error',
      text('<ErrorResponse><Error><Code>Internal', 500),
      /^CloudFormation DescribeStacks returned HTTP 500 \(not an AWS response\)$/,
    ],
    ['a reset', reset, /ECONNRESET/],
    ['a truncated response', cutShort, /aborted/],
    ['an empty body', text(''), /^CloudFormation DescribeStacks returned HTTP 200 \(empty body\)$/],
    [
      'an HTML page',
      text('<html><body>Please log in</body></html>'),
      /^CloudFormation DescribeStacks returned HTTP 200 \(HTML\)$/,
    ],
    ['another response', text('<ListStacksResponse/>'), /returned HTTP 200 \(not an AWS response\)$/],
    ['text', text('oops'), /returned HTTP 200 \(not an AWS response\)$/],
    ['broken XML', text('<DescribeStacksResponse><DescribeStacksResult><Stacks>'), /./],
    ['an unreadable error', text('<ErrorResponse><Error>', 400), /./],
  ];
  test.each(transient)('is retried after %s', async (_name, answer) => {
    const { Stacks } = await describeStacks([answer, answer, stacks]);
    expect(Stacks).toHaveLength(1);
    expect(endpoint.requests).toHaveLength(3);
    expect(clock.sleeps).toHaveLength(2);
  });

  test.each(transient)('that always ends in %s fails with the reason', async (_name, answer, message) => {
    const error: unknown = await describeStacks([answer]).catch((reason: unknown) => reason);
    // Not by its class: a socket's error belongs to a different realm than the test, and the SDK wraps it only here.
    expect(errorText(error)).toMatch(message);
    expect(endpoint.requests.length).toBeGreaterThan(4);
    expect(endpoint.requests.length).toBeLessThan(14);
  });

  test.each([
    ['AccessDenied', 403, 'denied'],
    ['ValidationError', 400, 'validation'],
    ['LimitExceededException', 400, 'limit'],
    ['AlreadyExistsException', 400, 'conflict'],
    ['NotImplemented', 501, 'other'],
  ])('is not retried after %s', async (code, status, kind) => {
    const error: unknown = await describeStacks([failure(code, 'no', status)]).catch(
      (reason: unknown) => reason,
    );
    expect(classify(error)).toBe(kind);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('has the same token when it is retried', async () => {
    endpoint.answers = [cutShort, xml('<Id>arn</Id>')];
    const client = await cloudFormationClient(access, { clock, limiter });
    const command = new CreateChangeSetCommand({ StackName: 'vpc', ChangeSetName: 'c', ClientToken: 't' });
    await send(client, command, { signal: new AbortController().signal });
    expect(endpoint.requests.map(({ parameters }) => parameters.get('ClientToken'))).toEqual(['t', 't']);
  });

  test('with an empty result succeeds', async () => {
    endpoint.answers = [xml('')];
    const client = await cloudFormationClient(access, { clock, limiter });
    const command = new ExecuteChangeSetCommand({ ChangeSetName: 'c' });
    await send(client, command, { signal: new AbortController().signal });
    expect(endpoint.requests).toHaveLength(1);
  });

  test('waits for the limiter before each attempt, and slows it down after throttling', async () => {
    const take = jest.spyOn(RateBucket.prototype, 'take');
    const slow = jest.spyOn(RateBucket.prototype, 'throttled');
    await describeStacks([failure('Throttling'), reset, stacks]);
    expect(take).toHaveBeenCalledTimes(3);
    expect(slow).toHaveBeenCalledTimes(1);
  });

  test("uses its context's priority in the bucket of its account, region and operation", async () => {
    endpoint.answers = [stacks];
    const bucket = jest.spyOn(limiter, 'bucket');
    const take = jest.spyOn(RateBucket.prototype, 'take');
    const { signal } = new AbortController();
    for (const account of ['111111111111', undefined]) {
      const own = { ...access, ...(account !== undefined && { account }) };
      const client = await cloudFormationClient(own, { clock, limiter });
      await send(client, new DescribeStacksCommand({}), { signal, urgency: 7 });
    }
    expect(bucket.mock.calls.map(([name]) => name)).toEqual([
      '111111111111 eu-central-1 CloudFormation DescribeStacks',
      'own eu-central-1 CloudFormation DescribeStacks',
    ]);
    expect(take).toHaveBeenLastCalledWith({ signal, urgency: 7 });
  });

  test("is aborted by its signal with the signal's reason", async () => {
    const reason = new CancelledError('SIGTERM');
    await expect(describeStacks([stacks], AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(endpoint.requests).toEqual([]);
    const controller = new AbortController();
    const never: Answer = () => {
      controller.abort(reason);
    };
    await expect(describeStacks([never], controller.signal)).rejects.toBe(reason);
  });

  test('is aborted by its signal between two attempts', async () => {
    const reason = new CancelledError('SIGTERM');
    const controller = new AbortController();
    clock.onSleep = () => {
      controller.abort(reason);
    };
    await expect(describeStacks([reset], controller.signal)).rejects.toBe(reason);
    expect(endpoint.requests).toHaveLength(1);
  });

  test('has increasing delays with jitter', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    await describeStacks([failure('Throttling')]).catch(() => undefined);
    expect(clock.sleeps).toEqual([500, 1000, 2000, 4000, 8000, 16_000, ...Array<number>(6).fill(20_000)]);
  });
});

describe('other clients', () => {
  const signal = new AbortController().signal;

  test('SSM: an invalid response body is retried', async () => {
    endpoint.answers = [text('<html>'), text('{"Parameter":{"Value":"x"}}')];
    const client = await ssmClient(access, { clock, limiter });
    const { Parameter } = await send(client, new GetParameterCommand({ Name: '/x' }), { signal });
    expect(Parameter?.Value).toBe('x');
    expect(endpoint.requests).toHaveLength(2);
  });

  test('S3: throttling is retried', async () => {
    endpoint.answers = [
      text('<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>', 503),
      text(''),
    ];
    const client = await s3Client(access, { clock, limiter });
    const command = new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'text' });
    await send(client, command, { signal });
    expect(endpoint.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT']);
  });
});
