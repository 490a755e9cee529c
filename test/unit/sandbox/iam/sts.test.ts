import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import { describe, expect, test } from '@jest/globals';
import { identityStore } from '../../../../sandbox/iam/roles.ts';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { DEV, STAGING, configOf, refusal, sandboxOf, stsOf } from '../clients.ts';

const ROLE = `arn:aws:iam::${STAGING}:role/ci/deploy`;

function trustOf(condition: object, statement: object = {}): Record<string, unknown> {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRoleWithWebIdentity',
        Principal: { Federated: `arn:aws:iam::${STAGING}:oidc-provider/token.actions.githubusercontent.com` },
        Condition: condition,
        ...statement,
      },
    ],
  };
}

async function tokenOf(sandbox: Sandbox, audience = 'sts.amazonaws.com'): Promise<string> {
  const headers = { authorization: `Bearer ${sandbox.env().ACTIONS_ID_TOKEN_REQUEST_TOKEN!}` };
  const response = await fetch(`${sandbox.oidcUrl}&audience=${audience}`, { headers });
  return ((await response.json()) as { value: string }).value;
}

const assume = (sandbox: Sandbox, WebIdentityToken: string, more: object = {}) =>
  new STSClient({ endpoint: sandbox.url, region: 'eu-west-1', maxAttempts: 1 }).send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: ROLE,
      RoleSessionName: 'run-1',
      WebIdentityToken,
      ...more,
    }),
  );

describe('the caller', () => {
  test('the access key determines the account', async () => {
    const sandbox = await sandboxOf();
    const { Account, Arn } = await stsOf(sandbox, STAGING).send(new GetCallerIdentityCommand());
    expect([Account, Arn]).toEqual([STAGING, `arn:aws:iam::${STAGING}:user/sandbox`]);
  });

  test('an unknown key is refused', async () => {
    const sandbox = await sandboxOf();
    const sts = new STSClient({
      ...configOf(sandbox),
      credentials: { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' },
    });
    expect(await refusal(sts.send(new GetCallerIdentityCommand()))).toEqual({
      name: 'InvalidClientTokenId',
      message: 'The security token included in the request is invalid.',
      status: 403,
    });
  });

  test('an unsigned call is refused', async () => {
    const sandbox = await sandboxOf();
    const body = new URLSearchParams({ Action: 'GetCallerIdentity', Version: '2011-06-15' });
    const response = await fetch(sandbox.url, { method: 'POST', body });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('<Code>MissingAuthenticationToken</Code>');
  });

  test('an account that does not exist has no environment', async () => {
    const sandbox = await sandboxOf({ accounts: [DEV] });
    expect(() => sandbox.env(STAGING)).toThrow(`account: expected one of ${DEV}, got "${STAGING}"`);
  });
});

describe('a role by web identity', () => {
  test('that was deleted cannot be assumed', async () => {
    const sandbox = await sandboxOf();
    identityStore(sandbox.world).deleteRole(ROLE);
    const refused = await refusal(assume(sandbox, await tokenOf(sandbox)));
    expect([refused.name, refused.message]).toEqual([
      'AccessDenied',
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    ]);
  });

  test('returns valid credentials of the role', async () => {
    const sandbox = await sandboxOf();
    const before = Date.now();
    const { Credentials, SubjectFromWebIdentityToken } = await assume(sandbox, await tokenOf(sandbox));
    expect(SubjectFromWebIdentityToken).toBe('repo:org/platform:ref:refs/heads/main');
    expect(Credentials!.Expiration!.getTime()).toBeGreaterThanOrEqual(before + 3_599_000);
    const credentials = {
      accessKeyId: Credentials!.AccessKeyId!,
      secretAccessKey: Credentials!.SecretAccessKey!,
      sessionToken: Credentials!.SessionToken!,
    };
    const sts = new STSClient({ ...configOf(sandbox), credentials });
    expect((await sts.send(new GetCallerIdentityCommand())).Arn).toBe(
      `arn:aws:sts::${STAGING}:assumed-role/deploy/run-1`,
    );
    const forged = new STSClient({
      ...configOf(sandbox),
      credentials: { ...credentials, sessionToken: 'forged' },
    });
    expect((await refusal(forged.send(new GetCallerIdentityCommand()))).name).toBe('InvalidClientTokenId');
  });

  test.each([
    [
      'the audience differs',
      { audience: 'elsewhere' },
      {},
      'InvalidIdentityToken',
      'Incorrect token audience',
    ],
    [
      'the token has expired',
      {},
      { exp: 1_700_000_000 },
      'ExpiredTokenException',
      /^Token expired: current date\/time \d+ must/,
    ],
    [
      'the issuer differs',
      {},
      { iss: 'https://example.com' },
      'InvalidIdentityToken',
      'No OpenIDConnect provider found in your account for https://example.com',
    ],
    [
      'the owner differs',
      {},
      { repository: 'other/platform' },
      'AccessDenied',
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    ],
  ])('refused: %s', async (_, { audience }: { audience?: string }, claims, name, message) => {
    const sandbox = await sandboxOf();
    Object.assign(sandbox.claims, claims);
    const refused = await refusal(assume(sandbox, await tokenOf(sandbox, audience)));
    expect(refused.name).toBe(name);
    expect(refused.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  test('refused: a token signed with another key, and an invalid token', async () => {
    const sandbox = await sandboxOf();
    const [header, payload] = (await tokenOf(sandbox)).split('.');
    const forged = await refusal(
      assume(sandbox, `${header!}.${payload!}.${Buffer.from('forged').toString('base64url')}`),
    );
    expect([forged.name, forged.message]).toEqual([
      'InvalidIdentityToken',
      expect.stringContaining('verification key'),
    ]);
    expect((await refusal(assume(sandbox, 'nonsense'))).message).toContain('not a valid JWT');
  });

  test.each([
    ['a name with a space', { RoleSessionName: 'run 1' }, "Value 'run 1' at 'roleSessionName' failed"],
    [
      'a session that is too long',
      { DurationSeconds: 7200 },
      'exceeds the MaxSessionDuration set for this role',
    ],
    ['a session that is too short', { DurationSeconds: 60 }, "Value '60' at 'durationSeconds' failed"],
    ['an invalid role', { RoleArn: 'arn:aws:iam::222222222222:user/x' }, 'is invalid'],
  ])('refused: %s', async (_, input, message) => {
    const sandbox = await sandboxOf();
    const refused = await refusal(assume(sandbox, await tokenOf(sandbox), input));
    expect([refused.name, refused.message]).toEqual(['ValidationError', expect.stringContaining(message)]);
  });
});

describe("a role's trust policy", () => {
  const key = 'token.actions.githubusercontent.com';
  const aud = { [`${key}:aud`]: 'sts.amazonaws.com' };

  test.each([
    [
      'the exact subject',
      trustOf({ StringEquals: { ...aud, [`${key}:sub`]: 'repo:org/platform:environment:prod' } }),
      true,
    ],
    [
      'another environment',
      trustOf({ StringEquals: { [`${key}:sub`]: 'repo:org/platform:environment:dev' } }),
      false,
    ],
    [
      'a pattern',
      trustOf({ StringLike: { [`${key}:sub`]: ['repo:other/*', 'repo:org/*:environment:pr?d'] } }),
      true,
    ],
    ['another claim', trustOf({ StringEquals: { [`${key}:repository_id`]: '700000001' } }), true],
    ['a missing claim', trustOf({ StringEquals: { [`${key}:enterprise`]: 'org' } }), false],
    ['an optional claim', trustOf({ StringEqualsIfExists: { [`${key}:enterprise`]: 'org' } }), true],
    ['a negated claim', trustOf({ StringNotEquals: { [`${key}:environment`]: 'prod' } }), false],
    ['a number', trustOf({ NumericEquals: { [`${key}:run_id`]: '1' } }), true],
    ['another number', trustOf({ NumericEquals: { [`${key}:run_id`]: '2' } }), false],
    ['another action', trustOf({}, { Action: 'sts:AssumeRole' }), false],
    [
      'another provider',
      trustOf({}, { Principal: { Federated: 'arn:aws:iam::222222222222:oidc-provider/example.com' } }),
      false,
    ],
    ['a denial', trustOf({}, { Effect: 'Deny' }), false],
  ])('%s', async (_, trust, allowed) => {
    const sandbox = await sandboxOf({
      scenario: { claims: { environment: 'prod' }, roles: [{ arn: ROLE, trust }] },
    });
    const assumed = assume(sandbox, await tokenOf(sandbox));
    if (allowed) expect((await assumed).AssumedRoleUser).toBeDefined();
    else expect((await refusal(assumed)).name).toBe('AccessDenied');
  });

  test('a Deny overrides an Allow', async () => {
    const sandbox = await sandboxOf();
    const allowed = trustOf({}).Statement as object[];
    const denied = trustOf({}, { Effect: 'Deny' }).Statement as object[];
    identityStore(sandbox.world).putRole(ROLE, { Statement: [...allowed, ...denied] });
    expect((await refusal(assume(sandbox, await tokenOf(sandbox)))).name).toBe('AccessDenied');
  });

  test('a role assumed by a session is valid for at most an hour, whatever its own limit', async () => {
    const sandbox = await sandboxOf();
    const statement = { Action: 'sts:AssumeRole', Principal: { AWS: '*' } };
    identityStore(sandbox.world).putRole(ROLE, trustOf({}, statement), 43_200);
    const command = new AssumeRoleCommand({
      RoleArn: ROLE,
      RoleSessionName: 'chained',
      DurationSeconds: 3601,
    });
    const { Credentials } = await stsOf(sandbox, DEV).send(command);
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    const sts = new STSClient({
      ...configOf(sandbox),
      credentials: {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
      },
    });
    expect(await refusal(sts.send(command))).toEqual({
      name: 'ValidationError',
      message:
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
      status: 400,
    });
  });

  test('also applies to AssumeRole', async () => {
    const sandbox = await sandboxOf();
    const statement = { Action: 'sts:AssumeRole', Principal: { AWS: `arn:aws:iam::${DEV}:root` } };
    identityStore(sandbox.world).putRole(ROLE, trustOf({}, statement));
    const command = new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'chained' });
    const { AssumedRoleUser } = await stsOf(sandbox, DEV).send(command);
    expect(AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${STAGING}:assumed-role/deploy/chained`);
    expect(await refusal(stsOf(sandbox, '333333333333').send(command))).toEqual({
      name: 'AccessDenied',
      message: `User: arn:aws:iam::333333333333:user/sandbox is not authorized to perform: sts:AssumeRole on resource: ${ROLE}`,
      status: 403,
    });
  });
});

describe('the OIDC issuer', () => {
  test('publishes its signing key', async () => {
    const sandbox = await sandboxOf();
    const get = async (path: string) => (await fetch(`${sandbox.url}/oidc/.well-known/${path}`)).json();
    const configuration = (await get('openid-configuration')) as { issuer: string; jwks_uri: string };
    expect(configuration.issuer).toBe('https://token.actions.githubusercontent.com');
    expect(configuration.jwks_uri).toBe(`${sandbox.url}/oidc/.well-known/jwks`);
    const { keys } = (await get('jwks')) as { keys: { kid: string }[] };
    const [header] = (await tokenOf(sandbox)).split('.');
    expect(JSON.parse(Buffer.from(header!, 'base64url').toString())).toMatchObject({
      alg: 'RS256',
      kid: keys[0]!.kid,
    });
  });

  test('requires the request token', async () => {
    const sandbox = await sandboxOf();
    expect((await fetch(sandbox.oidcUrl)).status).toBe(401);
  });

  test.each([
    [{ environment: 'prod' }, 'repo:org/platform:environment:prod'],
    [{ event_name: 'pull_request' }, 'repo:org/platform:pull_request'],
    [{ sub: 'repo:org@1/platform@2:ref:refs/heads/main' }, 'repo:org@1/platform@2:ref:refs/heads/main'],
  ])('%j has the subject %s', async (claims, sub) => {
    const sandbox = await sandboxOf();
    Object.assign(sandbox.claims, claims);
    const [, payload] = (await tokenOf(sandbox)).split('.');
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({
      sub,
      aud: 'sts.amazonaws.com',
    });
  });
});
