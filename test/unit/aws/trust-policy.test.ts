import { expect, test } from '@jest/globals';
import { acceptsToken, readTrustPolicy } from '../../../src/aws/trust-policy.ts';

const ISSUER = 'token.actions.githubusercontent.com';
const claims = {
  aud: 'sts.amazonaws.com',
  sub: 'repo:org/shop:environment:dev',
  job_workflow_ref: 'org/platform/.github/workflows/deploy.yml@refs/tags/v1',
  repository_owner: 'org',
};

type Condition = Record<string, Record<string, string | string[]>>;

const statement = (condition: Condition | undefined, more: object = {}): object => ({
  Effect: 'Allow',
  Action: 'sts:AssumeRoleWithWebIdentity',
  Principal: { Federated: `arn:aws:iam::111111111111:oidc-provider/${ISSUER}` },
  ...(condition && { Condition: condition }),
  ...more,
});
const of = (claim: string): string => `${ISSUER}:${claim}`;
const own = statement({ StringEquals: { [of('sub')]: claims.sub } });

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
const CASES: readonly [string, object[], boolean | undefined][] = [
  ['no condition', [statement(undefined)], true],
  ['the subject', [own], true],
  [
    'another subject',
    [statement({ StringEquals: { [of('sub')]: 'repo:org/shop:environment:prod' } })],
    false,
  ],
  ['one of several subjects', [statement({ StringEquals: { [of('sub')]: ['a', claims.sub] } })], true],
  ['a pattern with StringEquals', [statement({ StringEquals: { [of('sub')]: 'repo:org/*' } })], false],
  ['a pattern with StringLike', [statement({ StringLike: { [of('sub')]: 'repo:org/*' } })], true],
  ['one character with StringLike', [statement({ StringLike: { [of('sub')]: 'repo:or?/shop:*' } })], true],
  ['a literal dot', [statement({ StringLike: { [of('aud')]: 'sts?amazonaws.com' } })], true],
  [
    'several keys, one of which fails',
    [statement({ StringEquals: { [of('sub')]: claims.sub, [of('aud')]: 'x' } })],
    false,
  ],
  [
    'several operators, one of which fails',
    [
      statement({
        StringEquals: { [of('sub')]: claims.sub },
        StringLike: { [of('job_workflow_ref')]: 'evil/*' },
      }),
    ],
    false,
  ],
  ['a key in another case', [statement({ StringEquals: { [of('sub').toUpperCase()]: claims.sub } })], true],
  [
    'a claim that the token does not have',
    [statement({ StringEquals: { [of('environment')]: 'dev' } })],
    false,
  ],
  ['the same, if it exists', [statement({ StringEqualsIfExists: { [of('environment')]: 'dev' } })], true],
  [
    'the same, of all values',
    [statement({ 'ForAllValues:StringEquals': { [of('environment')]: 'dev' } })],
    true,
  ],
  ['any of its values', [statement({ 'ForAnyValue:StringLike': { [of('sub')]: ['repo:org/*'] } })], true],
  ['not another subject', [statement({ StringNotEquals: { [of('sub')]: 'a' } })], true],
  ['not this subject', [statement({ StringNotLike: { [of('sub')]: 'repo:*' } })], false],
  ['in any case', [statement({ StringEqualsIgnoreCase: { [of('sub')]: claims.sub.toUpperCase() } })], true],
  ['another action', [statement(undefined, { Action: 'sts:AssumeRole' })], false],
  ['every action of STS', [statement(undefined, { Action: ['sts:*'] })], true],
  [
    'another provider',
    [statement(undefined, { Principal: { Federated: 'cognito-identity.amazonaws.com' } })],
    false,
  ],
  ['everybody', [statement(undefined, { Principal: '*' })], true],
  ['an additional denial', [own, statement(undefined, { Effect: 'Deny' })], false],
  [
    'a denial of others',
    [own, statement({ StringLike: { [of('sub')]: 'repo:evil/*' } }, { Effect: 'Deny' })],
    true,
  ],
  ['no statement', [], false],
  ['an unsupported operator', [statement({ Bool: { [of('sub')]: 'true' } })], undefined],
  ['a key of another provider', [statement({ StringEquals: { 'aws:SourceIp': '1' } })], undefined],
  [
    'a claim that AWS does not evaluate',
    [statement({ StringEquals: { [of('repository_owner')]: 'org' } })],
    undefined,
  ],
  [
    'an unsupported condition, and a failing one',
    [statement({ Bool: { a: 'true' }, StringEquals: { [of('sub')]: 'x' } })],
    false,
  ],
  ['an unsupported condition, and a true one', [own, statement({ Bool: { a: 'true' } })], true],
  [
    'a denial with an unsupported condition',
    [own, statement({ Bool: { a: 'true' } }, { Effect: 'Deny' })],
    undefined,
  ],
];

test.each(CASES)(`%s (one of ${CASES.length} policies): %p`, (_name, statements, expected) => {
  expect(acceptsToken({ Statement: statements }, ISSUER, claims)).toBe(expected);
});

test('a single statement is a list of one', () => {
  expect(acceptsToken({ Statement: own }, ISSUER, claims)).toBe(true);
});

test('GetRole returns the policy URL-encoded', () => {
  expect(readTrustPolicy(encodeURIComponent(JSON.stringify({ Statement: [own] })))).toEqual({
    Statement: [own],
  });
});
