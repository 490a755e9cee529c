import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createSession, type Session } from '../../../src/aws/session.ts';
import { CancelledError, InputError, type PlatformError } from '../../../src/core/errors.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import type { Redactor } from '../../../src/core/redaction.ts';
import { FakeClock, recordingLog } from '../core/fakes.ts';
import { Endpoint, failure, reset, text, xml } from './endpoint.ts';
import type { Answer } from './endpoint.ts';

const sts = new Endpoint();
const github = new Endpoint();
const before = { ...process.env };
const region = 'eu-central-1';
const role = 'arn:aws:iam::111111111111:role/deploy';
const claims = {
  sub: 'repo:org/platform:environment:dev',
  aud: 'sts.amazonaws.com',
  iss: 'https://token.actions.githubusercontent.com',
  repository: 'org/platform',
  run_id: '42',
};
const jwt = ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'signature'].join('.');
const token = text(JSON.stringify({ value: jwt }));

let clock: FakeClock;
let lines: string[];
let redactor: Redactor;
let context: Parameters<typeof createSession>[0]['context'];
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  await github.start();
  process.env['AWS_ENDPOINT_URL'] = await sts.start();
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
});
afterAll(async () => {
  process.env = before;
  await Promise.all([sts.stop(), github.stop()]);
});
beforeEach(() => {
  sts.requests.length = 0;
  github.requests.length = 0;
  github.answers = [token];
  clock = new FakeClock();
  const recording = recordingLog();
  ({ lines, redactor } = recording);
  const limiter = new RateLimiter({ perSecond: 1000, burst: 1000, clock });
  context = { clock, limiter, log: recording.log, signal: new AbortController().signal };
  env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${github.url}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
  };
});

/** Credentials that are valid for an hour of the clock. */
const credentials: Answer = (response, request) => {
  const expiration = new Date(clock.now() + 3_600_000).toISOString();
  xml(
    `<Credentials><AccessKeyId>ASIAKEY${sts.requests.length}</AccessKeyId><SecretAccessKey>key-secret</SecretAccessKey>` +
      `<SessionToken>session-token</SessionToken><Expiration>${expiration}</Expiration></Credentials>`,
  )(response, request);
};

async function open() {
  const session = createSession({ region, roleToAssume: role, context, env });
  await provided(session);
  return session;
}

async function provided(session: Session) {
  if (typeof session.credentials !== 'function') throw new Error('the session has no provider');
  return session.credentials();
}

describe('a role to assume', () => {
  test('shares the rate limits of its account with other roles', () => {
    const open = (arn: string) => createSession({ region, roleToAssume: arn, context, env }).account;
    expect(open('arn:aws:iam::111111111111:role/deploy')).toBe('111111111111');
    expect(open('arn:aws:iam::111111111111:role/plan')).toBe('111111111111');
    expect(open('')).toBeUndefined();
  });

  test('is assumed by the first call, with the job’s own token', async () => {
    sts.answers = [credentials];
    const session = await open();
    expect(github.requests.map(({ path }) => path)).toEqual([
      '/token?api-version=2.0&audience=sts.amazonaws.com',
    ]);
    expect(github.requests[0]?.headers.authorization).toBe('Bearer request-token');
    expect(Object.fromEntries(sts.requests[0]!.parameters)).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      RoleArn: role,
      RoleSessionName: 'org-platform-42',
      WebIdentityToken: jwt,
    });
    expect(sts.requests[0]?.headers.authorization).toBeUndefined();
    expect(await provided(session)).toMatchObject({ accessKeyId: 'ASIAKEY1', sessionToken: 'session-token' });
    expect(await session.accountId()).toBe('111111111111');
    expect(sts.requests).toHaveLength(1);
  });

  test('keeps its credentials in memory and masks them', async () => {
    sts.answers = [credentials];
    await open();
    for (const secret of ['request-token', jwt, 'ASIAKEY1', 'key-secret', 'session-token']) {
      expect(redactor.redact(secret)).toBe('***');
      expect(lines).toContain(`::add-mask::${secret}`);
      expect(Object.values(process.env)).not.toContain(secret);
    }
  });

  test('is assumed again before its credentials expire, once for all callers', async () => {
    sts.answers = [credentials];
    const session = await open();
    clock.advance(53 * 60_000);
    expect(await provided(session)).toMatchObject({ accessKeyId: 'ASIAKEY1' });
    clock.advance(2 * 60_000);
    const renewed = await Promise.all([provided(session), provided(session), provided(session)]);
    expect(new Set(renewed.map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(['ASIAKEY2']));
    expect(sts.requests).toHaveLength(2);
    expect(github.requests).toHaveLength(2);
  });

  test('that could not be renewed is retried by the next call', async () => {
    sts.answers = [credentials];
    const session = await open();
    clock.advance(3_600_000);
    sts.answers = [failure('AccessDenied', 'no', 403), credentials];
    await expect(provided(session)).rejects.toThrow('Not authorized to assume');
    expect(await provided(session)).toMatchObject({ accessKeyId: 'ASIAKEY3' });
  });

  test.each<[string, () => void]>([
    ['by GitHub', () => (github.answers = [text('no', 403), token])],
    ['by STS', () => (sts.answers = [failure('AccessDenied', 'no', 403), credentials])],
  ])('that could not be renewed %s while its credentials are valid is retried', async (_, fail) => {
    sts.answers = [credentials];
    const session = await open();
    clock.advance(55 * 60_000);
    fail();
    expect(await provided(session)).toMatchObject({ accessKeyId: 'ASIAKEY1' });
    expect(lines.join('\n')).toMatch(/could not be renewed and expire in 5 min: /);
    const asked = github.requests.length;
    expect(await provided(session)).toMatchObject({ accessKeyId: 'ASIAKEY1' });
    expect(github.requests).toHaveLength(asked);
    clock.advance(20_000);
    expect(await provided(session)).toMatchObject({ accessKeyId: expect.stringMatching(/^ASIAKEY[23]$/) });
  });

  test('is still used to stop operations after the job was cancelled', async () => {
    const controller = new AbortController();
    context = { ...context, signal: controller.signal };
    sts.answers = [credentials];
    const session = await open();
    clock.advance(55 * 60_000);
    controller.abort(new CancelledError('SIGTERM'));
    expect(await provided(session)).toMatchObject({ accessKeyId: 'ASIAKEY1' });
  });

  test('that is denied shows the claims and a matching trust policy', async () => {
    sts.answers = [failure('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403)];
    const error: unknown = await open().catch((reason: unknown) => reason);
    const { message, fix = '' } = error as PlatformError;
    expect(message).toMatch(new RegExp(`^Not authorized to assume ${role}: .+$`));
    expect(fix).toMatch(/^ {2}sub +repo:org\/platform:environment:dev$/m);
    expect(fix).toContain('"token.actions.githubusercontent.com:sub": "repo:org/platform:environment:dev"');
    expect(message + fix).not.toContain(jwt);
    expect(sts.requests).toHaveLength(1);
  });

  test('in an account without an OIDC provider is an error with the fix', async () => {
    sts.answers = [failure('InvalidIdentityToken', 'No OpenIDConnect provider found in your account')];
    await expect(open()).rejects.toMatchObject({
      code: 'access-denied',
      message: expect.stringContaining('No OpenIDConnect provider found in your account'),
      fix: 'Check that account 111111111111 has an OIDC provider for https://token.actions.githubusercontent.com with the audience sts.amazonaws.com.',
    });
  });

  test.each<[string, Answer]>([
    ['throttling', failure('Throttling')],
    ['a 500', failure('InternalFailure', 'no', 500)],
    ['a failed check of the issuer', failure('IDPCommunicationError', 'no')],
    ['a reset', reset],
  ])('retries %s of STS', async (_name, answer) => {
    sts.answers = [answer, credentials];
    await open();
    expect(sts.requests).toHaveLength(2);
  });

  test('is abandoned with the reason if the job is cancelled', async () => {
    const controller = new AbortController();
    const reason = new CancelledError('SIGTERM');
    context = { ...context, signal: controller.signal };
    sts.answers = [
      () => {
        controller.abort(reason);
      },
    ];
    await expect(open()).rejects.toBe(reason);
  });

  test('without credentials in the response is an error', async () => {
    sts.answers = [xml('<Credentials><AccessKeyId>ASIA</AccessKeyId></Credentials>')];
    await expect(open()).rejects.toThrow('returned no credentials');
  });

  test.each(['deploy', '111111111111', 'arn:aws:iam::1:role/x', 'arn:aws:iam::111111111111:user/x'])(
    'must be the ARN of a role: %s',
    (roleToAssume) => {
      const opened = (): Session => createSession({ region, roleToAssume, context, env });
      expect(opened).toThrow(InputError);
      expect(opened).toThrow(/^role-to-assume: .*expected an ARN such as/);
      expect(github.requests).toEqual([]);
    },
  );
});

describe('a role to assume with the credentials in the environment', () => {
  const HUB = { AWS_ACCESS_KEY_ID: 'AKIDHUB', AWS_SECRET_ACCESS_KEY: 'hub-secret' };
  const DENIED =
    'User: arn:aws:sts::222222222222:assumed-role/hub/run is not authorized to perform: sts:AssumeRole';
  const actions = (): (string | undefined)[] => sts.requests.map(({ action }) => action);
  beforeEach(() => {
    Object.assign(process.env, HUB);
  });
  afterEach(() => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
  });
  const withoutToken = { ...HUB, GITHUB_REPOSITORY: 'org/platform', GITHUB_RUN_ID: '42' };

  test('is assumed for an hour if the job may not request a token, and renewed before it expires', async () => {
    env = withoutToken;
    sts.answers = [credentials];
    const session = await open();
    const asked = Object.fromEntries(sts.requests[0]!.parameters);
    expect(asked).toEqual({
      Action: 'AssumeRole',
      RoleArn: role,
      RoleSessionName: 'org-platform-42',
      Version: '2011-06-15',
    });
    expect(sts.requests[0]?.headers.authorization).toContain('Credential=AKIDHUB/');
    expect(lines).toContain(`::debug::Assumed ${role} with the credentials in the environment.`);
    clock.advance(55 * 60_000);
    expect(await provided(session)).toMatchObject({ accessKeyId: 'ASIAKEY2' });
    expect(redactor.redact('session-token')).toBe('***');
    expect(github.requests).toEqual([]);
  });

  test('is tried second if the job may request a token', async () => {
    env = { ...env, ...HUB };
    sts.answers = [credentials];
    await open();
    expect(actions()).toEqual(['AssumeRoleWithWebIdentity']);
    expect(lines).toContain(`::debug::Assumed ${role} with the job's OIDC token.`);
  });

  test.each<[string, Answer]>([
    ['does not trust the token', failure('AccessDenied', 'Not authorized', 403)],
    ['is in an account without the provider', failure('InvalidIdentityToken', 'No OpenIDConnect provider')],
  ])('is tried if the role %s', async (_, answer) => {
    env = { ...env, ...HUB };
    sts.answers = [answer, credentials];
    await open();
    expect(actions()).toEqual(['AssumeRoleWithWebIdentity', 'AssumeRole']);
    expect(lines.join('\n')).toContain(`${role} does not trust the job's OIDC token. Assuming it with`);
  });

  test('is not tried if GitHub issues no token, or STS fails', async () => {
    env = { ...env, ...HUB };
    github.answers = [text('no', 403)];
    await expect(open()).rejects.toThrow('GitHub did not issue an OIDC token: HTTP 403');
    github.answers = [token];
    sts.answers = [failure('ExpiredTokenException', 'Token expired')];
    await expect(open()).rejects.toThrow('Token expired');
    expect(actions()).toEqual(['AssumeRoleWithWebIdentity']);
  });

  test.each<[string, Answer, RegExp, RegExp]>([
    [
      'denies both',
      failure('AccessDenied', DENIED, 403),
      /^arn:aws:iam::111111111111:role\/deploy could not be assumed with the credentials in the environment: "User: .* sts:AssumeRole"$/,
      /^Allow sts:AssumeRole on arn:aws:iam::111111111111:role\/deploy for this principal/,
    ],
    [
      'has expired credentials',
      failure('ExpiredToken', 'The security token included in the request is expired', 403),
      /which have expired: ExpiredToken: The security token included in the request is expired/,
      /^Give the job the permission `id-token: write`.*: the action then renews its credentials while it runs\.$/,
    ],
  ])('that %s is an error with the reason and the fix', async (_, answer, message, fix) => {
    env = withoutToken;
    sts.answers = [answer];
    const error = await open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      message: expect.stringMatching(message),
      fix: expect.stringMatching(fix),
    });
  });

  test('that neither the token nor the credentials can assume is reported with both reasons', async () => {
    env = { ...env, ...HUB };
    sts.answers = [failure('AccessDenied', 'Not authorized', 403), failure('AccessDenied', DENIED, 403)];
    const error = await open().catch((reason: unknown) => reason as Error);
    expect((error as Error).message).toContain(`"${DENIED}"`);
    expect((error as Error).message).toContain('Not authorized to assume');
  });
});

describe('GitHub’s token', () => {
  test.each([
    ['both variables', {}],
    ['the token', { ACTIONS_ID_TOKEN_REQUEST_URL: 'http://x' }],
    ['the address', { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' }],
  ])('without %s the error is the fix', async (_name, variables) => {
    env = variables;
    await expect(open()).rejects.toThrow(
      /^Cannot assume arn:aws:iam::.*: the job does not have the permission id-token: write/,
    );
    expect(sts.requests).toEqual([]);
  });

  test.each<[string, Answer]>([
    ['a 500', text('oops', 500)],
    ['a 429', text('slow down', 429)],
    ['a reset', reset],
    ['an unreadable body', text('<html>')],
    ['no token', text('{"value": null}')],
  ])('retries %s, and fails eventually', async (_name, answer) => {
    sts.answers = [credentials];
    github.answers = [answer, answer, token];
    await open();
    expect(github.requests).toHaveLength(3);
    github.requests.length = 0;
    github.answers = [answer];
    await expect(open()).rejects.toThrow(/^GitHub did not issue an OIDC token: /);
    expect(github.requests).toHaveLength(5);
  });

  test('a refusal is not retried', async () => {
    github.answers = [text('no', 403)];
    await expect(open()).rejects.toThrow('GitHub did not issue an OIDC token: HTTP 403');
    expect(github.requests).toHaveLength(1);
  });

  test('unreadable claims are ignored', async () => {
    sts.answers = [credentials];
    github.answers = [text(JSON.stringify({ value: 'a.b.c' }))];
    await open();
    expect(sts.requests[0]?.parameters.get('RoleSessionName')).toBe('github-actions');
  });
});

describe('no role', () => {
  test("uses the SDK's credentials without a call", () => {
    const session = createSession({ region, context, env });
    expect(session.credentials).toBeUndefined();
    expect(sts.requests).toEqual([]);
    expect(github.requests).toEqual([]);
  });

  test('the account is read once, and again after a failure', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' });
    const session = createSession({ region, roleToAssume: '', context, env });
    sts.answers = [failure('AccessDenied', 'no', 403), xml('<Account>222222222222</Account>')];
    await expect(session.accountId()).rejects.toThrow('no');
    expect(await Promise.all([session.accountId(), session.accountId()])).toEqual([
      '222222222222',
      '222222222222',
    ]);
    expect(sts.requests.map(({ action }) => action)).toEqual(['GetCallerIdentity', 'GetCallerIdentity']);
  });

  test.each(['', 'eu', 'EU-CENTRAL-1', 'eu-central-1a', 'eu central 1'])('%j is not a region', (wrong) => {
    expect(() => createSession({ region: wrong, context, env })).toThrow(
      /^aws-region: .*such as eu-central-1/,
    );
  });
});
