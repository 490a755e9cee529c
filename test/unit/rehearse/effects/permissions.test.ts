import { describe, expect, test } from '@jest/globals';
import { newPermissions } from '../../../../src/rehearse/effects/permissions.ts';
import type { JsonObject, Resource } from '../../../../src/rehearse/effects/resources.ts';

const ROLE = 'AWS::IAM::Role';
const role = (properties: JsonObject): Resource => ({
  stack: 'app',
  logicalId: 'Role',
  type: ROLE,
  physicalId: 'role',
  properties,
});
const allow = (
  Action: string | string[],
  Resource: string | string[],
  more: JsonObject = {},
): JsonObject => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const policy = (...Statement: JsonObject[]): Resource =>
  role({ Policies: [{ PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement } }] });

const BUCKET = 'arn:aws:s3:::shop/*';

interface Widening {
  what: string;
  before: Resource[];
  after: Resource;
  /** Actions and resources, as `actions on resources`. */
  found: string[];
}

const cases: Widening[] = [
  {
    what: 'nothing for the same policy',
    before: [policy(allow('s3:GetObject', BUCKET))],
    after: policy(allow('s3:GetObject', BUCKET)),
    found: [],
  },
  {
    what: 'nothing for another form and order of the same policy',
    before: [policy(allow(['s3:GetObject', 's3:PutObject'], [BUCKET]))],
    after: policy(allow('S3:putobject', BUCKET), allow('s3:GetObject', BUCKET)),
    found: [],
  },
  {
    what: 'nothing for fewer permissions',
    before: [policy(allow('s3:*', '*'))],
    after: policy(allow(['s3:Get*', 's3:PutObject'], BUCKET)),
    found: [],
  },
  {
    what: 'a new action',
    before: [policy(allow('s3:GetObject', BUCKET))],
    after: policy(allow(['s3:GetObject', 's3:DeleteObject'], BUCKET)),
    found: [`s3:DeleteObject on ${BUCKET}`],
  },
  {
    what: 'a wildcard in an action',
    before: [policy(allow('s3:GetObject', BUCKET))],
    after: policy(allow('s3:Get*', BUCKET)),
    found: [`s3:Get* on ${BUCKET}`],
  },
  {
    what: 'a single-character wildcard',
    before: [policy(allow('s3:GetObject', 'arn:aws:s3:::a/1'))],
    after: policy(allow('s3:GetObject', 'arn:aws:s3:::a/?')),
    found: ['s3:GetObject on arn:aws:s3:::a/?'],
  },
  {
    what: 'a wider resource',
    before: [policy(allow('s3:GetObject', BUCKET))],
    after: policy(allow('s3:GetObject', '*')),
    found: ['s3:GetObject on *'],
  },
  {
    what: 'a removed condition',
    before: [
      policy(allow('s3:GetObject', BUCKET, { Condition: { Bool: { 'aws:SecureTransport': 'true' } } })),
    ],
    after: policy(allow('s3:GetObject', BUCKET)),
    found: [`s3:GetObject on ${BUCKET}`],
  },
  {
    what: 'nothing for an added condition',
    before: [policy(allow('s3:GetObject', BUCKET))],
    after: policy(allow('s3:GetObject', BUCKET, { Condition: { Bool: { 'aws:SecureTransport': 'true' } } })),
    found: [],
  },
  {
    what: 'a removed denial',
    before: [policy({ Effect: 'Deny', Action: 's3:DeleteObject', Resource: '*' })],
    after: policy(),
    found: ['no longer denied: s3:DeleteObject on *'],
  },
  {
    what: 'a denial that became narrower',
    before: [policy({ Effect: 'Deny', Action: 's3:*', Resource: '*' })],
    after: policy({ Effect: 'Deny', Action: 's3:Delete*', Resource: '*' }),
    found: ['no longer denied: s3:* on *'],
  },
  {
    what: 'a negated action, which no other statement covers',
    before: [policy(allow('iam:*', '*'))],
    after: policy({ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }),
    found: ['all but iam:* on *'],
  },
  {
    what: 'a managed policy',
    before: [role({ ManagedPolicyArns: [] })],
    after: role({ ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] }),
    found: ['every action of the managed policy on arn:aws:iam::aws:policy/AdministratorAccess'],
  },
  {
    what: 'a removed permissions boundary',
    before: [role({ PermissionsBoundary: 'arn:aws:iam::111111111111:policy/limit' })],
    after: role({}),
    found: ['no longer limited by the permissions boundary on arn:aws:iam::111111111111:policy/limit'],
  },
  {
    what: 'all permissions of a new role',
    before: [],
    after: policy(allow('sqs:SendMessage', ['arn:q1', 'arn:q2'])),
    found: ['sqs:SendMessage on arn:q1, arn:q2'],
  },
  {
    what: 'the policies of another resource of the same type as new',
    before: [{ ...policy(allow('sqs:*', '*')), logicalId: 'Other' }],
    after: policy(allow('sqs:SendMessage', '*')),
    found: ['sqs:SendMessage on *'],
  },
];

test.each(cases)('finds $what', ({ before, after, found }) => {
  const permissions = newPermissions(before, [after]);
  expect(permissions.map(({ actions, on }) => `${actions.join(', ')} on ${on.join(', ')}`)).toEqual(found);
  for (const { resource, type } of permissions)
    expect({ resource, type }).toEqual({ resource: 'app/Role', type: ROLE });
});

describe('principals', () => {
  const trust = (Principal: JsonObject | string): Resource =>
    role({
      AssumeRolePolicyDocument: { Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal }] },
    });

  test('a new one is named', () => {
    const ci = 'arn:aws:iam::222222222222:root';
    const before = trust({ Service: 'ecs-tasks.amazonaws.com' });
    const after = trust({ Service: 'ecs-tasks.amazonaws.com', AWS: [ci] });
    expect(newPermissions([before], [after])).toEqual([
      { resource: 'app/Role', type: ROLE, actions: ['sts:AssumeRole'], on: [], principal: ci },
    ]);
  });

  test('all principals cover each of them', () => {
    expect(newPermissions([trust('*')], [trust({ AWS: '111111111111' })])).toEqual([]);
    expect(newPermissions([trust({ AWS: '111111111111' })], [trust('*')])).toHaveLength(1);
  });
});

test('a statement with very many combinations is compared as a whole', () => {
  const many = Array.from({ length: 100 }, (_, index) => `s3:Action${index}`);
  const statement = allow(
    many,
    many.map((name) => `arn:${name}`),
  );
  expect(newPermissions([policy(statement)], [policy(statement)])).toEqual([]);
  expect(newPermissions([policy()], [policy(statement)])).toHaveLength(1);
});
