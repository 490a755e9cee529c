import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import type { FaultRule, Sandbox } from '../../../../sandbox/index.ts';
import { DEV, STAGING, octokitOf, refusal, s3Of, sandboxOf, ssmOf, stsOf } from '../clients.ts';

const withFaults = (...faults: FaultRule[]) => sandboxOf({ scenario: { faults } });
const ask = (sandbox: Sandbox, account?: string) =>
  stsOf(sandbox, account).send(new GetCallerIdentityCommand());
const getRepo = (sandbox: Sandbox) => octokitOf(sandbox).rest.repos.get({ owner: 'org', repo: 'platform' });
const put = (ssm: SSMClient) =>
  ssm.send(new PutParameterCommand({ Name: '/a', Value: 'x', Type: 'String', Overwrite: true }));

/** The results of `count` calls: `.` for success, `x` for an error. */
async function pattern(count: number, call: () => Promise<unknown>): Promise<string> {
  let seen = '';
  for (let index = 0; index < count; index++) {
    seen += await call().then(
      () => '.',
      () => 'x',
    );
  }
  return seen;
}

const SERVICES: [string, (sandbox: Sandbox) => Promise<unknown>][] = [
  ['sts', (sandbox) => ask(sandbox)],
  ['ssm', (sandbox) => put(ssmOf(sandbox))],
  ['s3', (sandbox) => s3Of(sandbox).send(new ListBucketsCommand())],
  ['github', getRepo],
];

describe.each(SERVICES)('%s', (service, call) => {
  test.each<[FaultRule['kind'], Record<string, object>]>([
    [
      'throttle',
      {
        sts: { name: 'Throttling', message: 'Rate exceeded', status: 400 },
        ssm: { name: 'ThrottlingException', message: 'Rate exceeded', status: 400 },
        s3: { name: 'SlowDown', status: 503 },
        github: { status: 403, message: expect.stringContaining('secondary rate limit') },
      },
    ],
    [
      'error',
      {
        sts: { name: 'InternalFailure', status: 500 },
        ssm: { name: 'InternalServerError', status: 500 },
        s3: { name: 'InternalError', status: 500 },
        github: { status: 500, message: expect.stringContaining('Server Error') },
      },
    ],
  ])('%s has its own message, once', async (kind, expected) => {
    const sandbox = await withFaults({ kind, service });
    expect(await refusal(call(sandbox))).toMatchObject(expected[service]!);
    await call(sandbox);
    expect(sandbox.calls.all.map(({ fault }) => fault)).toEqual([kind, undefined]);
  });

  test('reset breaks the connection', async () => {
    const sandbox = await withFaults({ kind: 'reset' });
    await expect(call(sandbox)).rejects.toThrow(/ECONNRESET|socket hang up|other side closed|fetch failed/);
    expect(sandbox.calls.all).toMatchObject([{ status: 0, fault: 'reset' }]);
    await call(sandbox);
  });

  test('status has an unreadable body', async () => {
    const sandbox = await withFaults({ kind: 'status', status: 502 });
    expect((await refusal(call(sandbox))).status).toBe(502);
  });
});

test('a malformed response is a success that cannot be parsed', async () => {
  for (const after of [true, false]) {
    const sandbox = await withFaults({ kind: 'malformed', after }, { kind: 'malformed', after, nth: 2 });
    await expect(ask(sandbox)).rejects.toThrow();
    const ssm = ssmOf(sandbox);
    await expect(put(ssm)).rejects.toThrow(/JSON/);
    expect(sandbox.calls.all).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect((await put(ssm)).Version).toBe(after ? 2 : 1);
  }
});

test('a delay only delays the response', async () => {
  const sandbox = await withFaults({ kind: 'delay', delayMs: 200 });
  const before = performance.now();
  expect((await ask(sandbox)).Account).toBe(DEV);
  expect(performance.now() - before).toBeGreaterThanOrEqual(195);
});

test.each<[FaultRule['kind']]>([['throttle'], ['error'], ['reset'], ['malformed'], ['status']])(
  '%s after the call loses only the response; before it, the call too',
  async (kind) => {
    for (const after of [true, false]) {
      const sandbox = await withFaults({ kind, after, operation: 'PutParameter' });
      await expect(put(ssmOf(sandbox))).rejects.toThrow();
      const read = ssmOf(sandbox).send(new GetParameterCommand({ Name: '/a' }));
      if (after) expect((await read).Parameter?.Value).toBe('x');
      else expect((await refusal(read)).name).toBe('ParameterNotFound');
    }
  },
);

test('GitHub has retry-after, and may return 429', async () => {
  const sandbox = await withFaults({ kind: 'throttle', status: 429, delayMs: 2500 });
  await expect(getRepo(sandbox)).rejects.toMatchObject({
    status: 429,
    response: { headers: { 'retry-after': '3' } },
  });
});

test('a rule can have its own message', async () => {
  const sandbox = await withFaults({
    kind: 'error',
    code: 'TooManyUpdates',
    message: 'there are others',
    status: 400,
  });
  const refused = await refusal(put(ssmOf(sandbox)));
  expect(refused).toEqual({ name: 'TooManyUpdates', message: 'there are others', status: 400 });
});

test('the token endpoint can fail too', async () => {
  const sandbox = await withFaults(
    { kind: 'error', service: 'oidc' },
    { kind: 'throttle', operation: 'GetIDToken' },
  );
  const statuses = [await fetch(sandbox.oidcUrl), await fetch(sandbox.oidcUrl), await fetch(sandbox.oidcUrl)];
  expect(statuses.map(({ status }) => status)).toEqual([500, 429, 401]);
});

describe('affected calls', () => {
  test.each<[FaultRule, string]>([
    [{ kind: 'error' }, 'x.......'],
    [{ kind: 'error', nth: 3 }, '..x.....'],
    [{ kind: 'error', times: 2 }, 'xx......'],
    [{ kind: 'error', nth: 2, times: 3 }, '.xxx....'],
    [{ kind: 'error', probability: 0 }, '........'],
    [{ kind: 'error', probability: 1 }, 'xxxxxxxx'],
    [{ kind: 'error', probability: 1, times: 2 }, 'xx......'],
    [{ kind: 'error', operation: 'AssumeRole' }, '........'],
    [{ kind: 'error', service: 'ssm' }, '........'],
    [{ kind: 'error', account: STAGING }, '........'],
    [{ kind: 'error', account: DEV, service: 'sts', operation: 'GetCallerIdentity' }, 'x.......'],
  ])('%j: %s', async (rule, expected) => {
    const sandbox = await withFaults(rule);
    expect(await pattern(8, () => ask(sandbox))).toBe(expected);
  });

  test('by probability, the same in each run with a seed', async () => {
    const faults: FaultRule[] = [{ kind: 'error', probability: 0.5 }];
    const seen = async (seed: number) => {
      const sandbox = await sandboxOf({ scenario: { seed, faults } });
      return pattern(20, () => ask(sandbox));
    };
    const [first, again, other] = [await seen(7), await seen(7), await seen(8)];
    expect(first).toMatch(/x.*\..*x|\..*x.*\./);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test('only one rule applies to a call; later rules wait for the next', async () => {
    const sandbox = await withFaults({ kind: 'throttle', nth: 2 }, { kind: 'error', nth: 2 });
    expect(await pattern(4, () => ask(sandbox))).toBe('.xx.');
    sandbox.addFault({ kind: 'error', account: STAGING });
    expect(await pattern(2, () => ask(sandbox, DEV))).toBe('..');
    expect(await pattern(2, () => ask(sandbox, STAGING))).toBe('x.');
  });

  test('an invalid rule is refused', async () => {
    const sandbox = await sandboxOf();
    const rule = { kind: 'explode' } as unknown as FaultRule;
    expect(() => {
      sandbox.addFault(rule);
    }).toThrow('fault.kind: expected one of throttle, error, reset, delay, malformed, status, got "explode"');
  });
});
