import { describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../../sandbox/protocols/service.ts';
import { parsePolicy } from '../../../../sandbox/iam/policies/document.ts';
import { evaluate } from '../../../../sandbox/iam/policies/evaluation.ts';
import type { Context } from '../../../../sandbox/iam/policies/policy.ts';

const RESOURCE = 'arn:aws:s3:::bucket/home/alice/a.txt';

function says(
  statement: object,
  context: Context = {},
  more: { resource?: string; isPartial?: boolean } = {},
): string {
  const document = {
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: 's3:GetObject', Resource: '*', ...statement },
  };
  const principal = { kind: 'AWS' as const, names: ['arn:aws:iam::111111111111:role/worker'] };
  return evaluate(document, { principal, action: 's3:GetObject', resource: RESOURCE, context, ...more })
    .effect;
}

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
describe('conditions, as in the User Guide', () => {
  test.each<[string, object, Context, string]>([
    [
      '"not present … the values do not match and the condition is false"',
      { StringEquals: { 'aws:a': 'b' } },
      {},
      'none',
    ],
    [
      '"requires that the key is not matched … the condition is true"',
      { StringNotLike: { 'aws:a': 'b' } },
      {},
      'allow',
    ],
    ['ArnNotLike too', { ArnNotLike: { 'aws:a': 'arn:aws:s3:::b' } }, {}, 'allow'],
    [
      'IfExists: "if the key is not present, evaluate the condition element as true"',
      { StringEqualsIfExists: { 'aws:a': 'b' } },
      {},
      'allow',
    ],
    ['IfExists, present', { StringEqualsIfExists: { 'aws:a': 'b' } }, { 'aws:a': 'c' }, 'none'],
    [
      '"Context key names are not case-sensitive"',
      { StringEquals: { 'AWS:A': 'b' } },
      { 'aws:a': 'b' },
      'allow',
    ],
    ['StringEquals is case-sensitive', { StringEquals: { 'aws:a': 'B' } }, { 'aws:a': 'b' }, 'none'],
    ['StringEqualsIgnoreCase', { StringEqualsIgnoreCase: { 'aws:a': 'B' } }, { 'aws:a': 'b' }, 'allow'],
    ['StringEquals has no wildcards', { StringEquals: { 'aws:a': 'b*' } }, { 'aws:a': 'bc' }, 'none'],
    ['values of a key: any of them', { StringEquals: { 'aws:a': ['x', 'b'] } }, { 'aws:a': 'b' }, 'allow'],
    [
      'values of a negated key: none of them',
      { StringNotEquals: { 'aws:a': ['x', 'b'] } },
      { 'aws:a': 'b' },
      'none',
    ],
    [
      'keys and operators: all of them',
      { StringEquals: { 'aws:a': 'b', 'aws:c': 'd' } },
      { 'aws:a': 'b' },
      'none',
    ],
    ['Null true: "the key must not be present"', { Null: { 'aws:a': 'true' } }, {}, 'allow'],
    ['Null false: "the key must be present"', { Null: { 'aws:a': 'false' } }, {}, 'none'],
    [
      'ForAllValues: "returns true if there are no context keys in the request"',
      { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['A'] } },
      {},
      'allow',
    ],
    [
      'ForAllValues: "every value in the request matches"',
      { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['A', 'B'] } },
      { 'aws:TagKeys': ['A', 'C'] },
      'none',
    ],
    [
      'ForAnyValue: "at least one"',
      { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['A', 'B'] } },
      { 'aws:TagKeys': ['A', 'C'] },
      'allow',
    ],
    [
      'ForAnyValue: "for no matching context key … returns false"',
      { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['A'] } },
      {},
      'none',
    ],
    ['Bool', { Bool: { 'aws:SecureTransport': 'true' } }, { 'aws:SecureTransport': 'true' }, 'allow'],
    ['numbers', { NumericLessThanEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': '9' }, 'allow'],
    [
      'dates',
      { DateLessThan: { 'aws:CurrentTime': '2026-06-01T00:00:00Z' } },
      { 'aws:CurrentTime': '2026-05-01T00:00:00Z' },
      'allow',
    ],
    [
      'dates as seconds',
      { DateGreaterThan: { 'aws:EpochTime': '2026-01-01T00:00:00Z' } },
      { 'aws:EpochTime': '1780000000' },
      'allow',
    ],
    [
      'networks',
      { IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } },
      { 'aws:SourceIp': '203.0.113.9' },
      'allow',
    ],
    [
      'networks of IPv6',
      { IpAddress: { 'aws:SourceIp': '2001:db8::/32' } },
      { 'aws:SourceIp': '2001:db8::9' },
      'allow',
    ],
    [
      'another address family',
      { NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } },
      { 'aws:SourceIp': '2001:db8::9' },
      'allow',
    ],
    [
      '"Each of the six colon-delimited components of the ARN is checked separately"',
      { ArnLike: { 'aws:a': 'arn:aws:s3*:b' } },
      { 'aws:a': 'arn:aws:s3:::b' },
      'none',
    ],
    [
      '"ArnEquals and ArnLike behave identically"',
      { ArnEquals: { 'aws:a': 'arn:aws:iam::*:role/x*' } },
      { 'aws:a': 'arn:aws:iam::111111111111:role/xy' },
      'allow',
    ],
    ['a variable', { StringEquals: { 'aws:a': '${aws:b}' } }, { 'aws:a': 'x', 'aws:b': 'x' }, 'allow'],
    ['a default', { StringEquals: { 'aws:a': "${aws:b, 'x'}" } }, { 'aws:a': 'x' }, 'allow'],
  ])('%s', (_, Condition, context, effect) => {
    expect(says({ Condition }, context)).toBe(effect);
  });
});

describe('actions and resources', () => {
  test.each<[string, object, Context, string]>([
    ['a wildcard', { Action: 's3:Get*' }, {}, 'allow'],
    ['without regard to case', { Action: 'S3:getobject' }, {}, 'allow'],
    ['one character', { Action: 's3:GetObjec?' }, {}, 'allow'],
    ['NotAction', { Action: undefined, NotAction: 's3:Put*' }, {}, 'allow'],
    ['NotResource', { Resource: undefined, NotResource: 'arn:aws:s3:::bucket/*' }, {}, 'none'],
    ['case of resources', { Resource: 'arn:aws:s3:::Bucket/*' }, {}, 'none'],
    [
      'a variable',
      { Resource: 'arn:aws:s3:::bucket/home/${aws:PrincipalTag/user}/*' },
      { 'aws:PrincipalTag/user': 'alice' },
      'allow',
    ],
    [
      'no wildcards from a variable',
      { Resource: 'arn:aws:s3:::bucket/home/${aws:PrincipalTag/user}/*' },
      { 'aws:PrincipalTag/user': '*' },
      'none',
    ],
    ['a variable without a value', { Resource: 'arn:aws:s3:::bucket/${aws:PrincipalTag/user}*' }, {}, 'none'],
    ['a literal character', { Resource: 'arn:aws:s3:::bucket/home/${*}/*' }, {}, 'none'],
  ])('%s', (_, statement, context, effect) => {
    expect(says(statement, context)).toBe(effect);
  });

  test('for an unknown resource, an Allow of any such resource allows, and a Deny must match all of them', () => {
    const partial = { resource: 'arn:aws:s3:::bucket/*', isPartial: true };
    expect(says({ Resource: 'arn:aws:s3:::bucket/home/*' }, {}, partial)).toBe('allow');
    expect(says({ Resource: 'arn:aws:s3:::other/*' }, {}, partial)).toBe('none');
    expect(says({ Effect: 'Deny', Resource: 'arn:aws:s3:::bucket/home/*' }, {}, partial)).toBe('none');
    expect(says({ Effect: 'Deny', Resource: 'arn:aws:s3:::bucket/*' }, {}, partial)).toBe('deny');
  });

  test('a policy of 2008 has no variables', () => {
    const Statement = { Effect: 'Allow', Action: '*', Resource: 'arn:aws:s3:::bucket/${aws:a}*' };
    const question = {
      principal: { kind: 'AWS' as const, names: [] },
      action: 's3:GetObject',
      resource: RESOURCE,
    };
    expect(evaluate({ Statement }, { ...question, context: { 'aws:a': 'home' } }).effect).toBe('none');
  });
});

test.each([
  ['no effect', { Statement: [{ Action: '*', Resource: '*' }] }],
  ['no action', { Statement: [{ Effect: 'Allow', Resource: '*' }] }],
  [
    'an action and its negation',
    { Statement: [{ Effect: 'Allow', Action: '*', NotAction: '*', Resource: '*' }] },
  ],
  [
    'an operator that IAM does not have',
    { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*', Condition: { StringIs: { a: 'b' } } }] },
  ],
  ['no JSON', '{'],
])('malformed: %s', (_, document) => {
  expect(() => parsePolicy(document)).toThrow(AwsError);
});
