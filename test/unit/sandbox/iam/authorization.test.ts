import {
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DescribeChangeSetCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DescribeRepositoriesCommand, ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, test } from '@jest/globals';
import { type Decision, decisionsOf } from '../../../../sandbox/iam/decisions.ts';
import { referenceOf } from '../../../../sandbox/iam/reference.ts';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { Stacks } from '../cloudformation/stacks.ts';
import { configOf, DEV, refusal, sandboxOf, ssmOf, stsOf } from '../clients.ts';

type Client<T> = new (config: ReturnType<typeof configOf>) => T;

const ROLE = `arn:aws:iam::${DEV}:role/worker`;
const SESSION = `arn:aws:sts::${DEV}:assumed-role/worker/me`;
const TRUST = {
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: `arn:aws:iam::${DEV}:root` } }],
};
const BUCKET = 'resources-of-tests';
const parameter = (name: string): string => `arn:aws:ssm:eu-west-1:${DEV}:parameter/${name}`;
const stack = (name: string): string => `arn:aws:cloudformation:eu-west-1:${DEV}:stack/${name}`;

/** A policy document with these statements. */
const policy = (...Statement: object[]): Record<string, unknown> => ({ Version: '2012-10-17', Statement });
const allow = (Action: string | string[], Resource: string | string[] = '*', Condition?: object): object => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});

/** A client with a session of a role. */
async function as<T>(sandbox: Sandbox, client: Client<T>, sessionPolicy?: object, role = ROLE): Promise<T> {
  const { Credentials } = await stsOf(sandbox, DEV).send(
    new AssumeRoleCommand({
      RoleArn: role,
      RoleSessionName: 'me',
      ...(sessionPolicy && { Policy: JSON.stringify(sessionPolicy) }),
    }),
  );
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  const credentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
  };
  return new client({ ...configOf(sandbox, DEV), credentials });
}

const withRole = (policies: Record<string, object>, more: object = {}) =>
  sandboxOf({ scenario: { roles: [{ arn: ROLE, trust: TRUST, policies: policies as never, ...more }] } });

describe('a role with policies', () => {
  const read = new GetParameterCommand({ Name: '/shop/dev/image' });
  const denied = (why: string) => ({
    name: 'AccessDeniedException',
    message: `User: ${SESSION} is not authorized to perform: ssm:GetParameter on resource: ${parameter('shop/dev/image')} ${why}`,
    status: 400,
  });

  test.each<[string, Record<string, object>, object, object | undefined, string | undefined]>([
    [
      'what a policy allows',
      { One: policy(allow('ssm:Get*', parameter('shop/*'))) },
      {},
      undefined,
      undefined,
    ],
    ['nothing', {}, {}, undefined, 'because no identity-based policy allows the ssm:GetParameter action'],
    [
      'an explicit deny beats an allow',
      { One: policy(allow('*')), Two: policy({ ...allow('ssm:*'), Effect: 'Deny' }) },
      {},
      undefined,
      'with an explicit deny in an identity-based policy',
    ],
    [
      'a boundary that does not allow',
      { One: policy(allow('*')) },
      { boundary: policy(allow('s3:*')) },
      undefined,
      'because no permissions boundary allows the ssm:GetParameter action',
    ],
    [
      'a boundary that denies',
      { One: policy(allow('*')) },
      { boundary: policy(allow('*'), { ...allow('ssm:*'), Effect: 'Deny' }) },
      undefined,
      'with an explicit deny in a permissions boundary',
    ],
    [
      'a session policy that does not allow',
      { One: policy(allow('*')) },
      {},
      policy(allow('s3:*')),
      'because no session policy allows the ssm:GetParameter action',
    ],
    [
      'a session policy grants nothing that the role does not have',
      { One: policy(allow('s3:*')) },
      {},
      policy(allow('*')),
      'because no identity-based policy allows the ssm:GetParameter action',
    ],
    [
      'tags of the role as variables',
      { One: policy(allow('ssm:*', parameter('${aws:PrincipalTag/project}/*'))) },
      { tags: { project: 'shop' } },
      undefined,
      undefined,
    ],
    [
      'a variable without a value',
      { One: policy(allow('ssm:*', parameter('${aws:PrincipalTag/project}/*'))) },
      {},
      undefined,
      'because no identity-based policy allows the ssm:GetParameter action',
    ],
  ])('%s', async (_, policies, more, session, why) => {
    const sandbox = await withRole(policies, more);
    await ssmOf(sandbox, DEV).send(
      new PutParameterCommand({ Name: '/shop/dev/image', Value: '1', Type: 'String' }),
    );
    const answer = (await as(sandbox, SSMClient, session)).send(read);
    if (why === undefined) expect((await answer).Parameter?.Value).toBe('1');
    else expect(await refusal(answer)).toEqual(denied(why));
    expect(decisionsOf(sandbox.world).all.at(-1)).toMatchObject({
      principalArn: SESSION,
      roleArn: ROLE,
      action: 'ssm:GetParameter',
      resource: parameter('shop/dev/image'),
      outcome: why === undefined ? 'allow' : why.startsWith('with') ? 'explicit deny' : 'implicit deny',
      ...(why === undefined && { policy: 'One' }),
    });
  });

  test('a role without policies, and the account itself, have all permissions, and nothing is recorded', async () => {
    const sandbox = await sandboxOf({ scenario: { roles: [{ arn: ROLE, trust: TRUST }] } });
    const ssm = await as(sandbox, SSMClient);
    await ssm.send(new PutParameterCommand({ Name: '/shop/dev/image', Value: '1', Type: 'String' }));
    expect(decisionsOf(sandbox.world).all).toEqual([]);
  });

  test('a session policy also applies to a role without policies', async () => {
    const sandbox = await sandboxOf();
    const ssm = await as(sandbox, SSMClient, policy(allow('s3:*')), ROLE);
    expect(await refusal(ssm.send(read))).toEqual(
      denied('because no session policy allows the ssm:GetParameter action'),
    );
  });

  test('GetCallerIdentity is always allowed', async () => {
    const sandbox = await withRole({});
    expect((await (await as(sandbox, STSClient)).send(new GetCallerIdentityCommand({}))).Arn).toBe(SESSION);
  });
});

describe('the message of each service', () => {
  const because = (action: string, resource: string): string =>
    `User: ${SESSION} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;

  test.each<[string, (sandbox: Sandbox) => Promise<unknown>, string, string, string, number]>([
    [
      'CloudFormation, a stack that does not exist',
      async (s) => (await as(s, CloudFormationClient)).send(new DescribeStacksCommand({ StackName: 'shop' })),
      'cloudformation:DescribeStacks',
      `${stack('shop')}/*`,
      'AccessDenied',
      403,
    ],
    [
      'ECR',
      async (s) => (await as(s, ECRClient)).send(new GetAuthorizationTokenCommand({})),
      'ecr:GetAuthorizationToken',
      '*',
      'AccessDeniedException',
      400,
    ],
    [
      'ECR, all repositories',
      async (s) => (await as(s, ECRClient)).send(new DescribeRepositoriesCommand({})),
      'ecr:DescribeRepositories',
      `arn:aws:ecr:eu-west-1:${DEV}:repository/*`,
      'AccessDeniedException',
      400,
    ],
    [
      'IAM',
      async (s) => (await as(s, IAMClient)).send(new GetRoleCommand({ RoleName: 'other' })),
      'iam:GetRole',
      'role other',
      'AccessDenied',
      403,
    ],
    [
      'S3',
      async (s) => (await as(s, S3Client)).send(new GetObjectCommand({ Bucket: BUCKET, Key: 'a' })),
      's3:GetObject',
      `"arn:aws:s3:::${BUCKET}/a"`,
      'AccessDenied',
      403,
    ],
  ])('%s', async (_, call, action, resource, name, status) => {
    const sandbox = await withRole({});
    expect(await refusal(call(sandbox))).toEqual({ name, message: because(action, resource), status });
  });
});

/** Actions and condition keys that AWS's service authorization reference does not contain. */
function unknownTo(decisions: readonly Decision[]): string[] {
  return decisions.flatMap(({ action, context }) => {
    const reference = referenceOf(action);
    if (!reference) return [action];
    const known = (reference.keys ?? []).map((key) => new RegExp(`^${key.replace(/\$\{.*\}|<.*>/, '.+')}$`));
    const own = Object.keys(context).filter((key) => !GLOBAL.test(key));
    return own.filter((key) => !known.some((pattern) => pattern.test(key))).map((key) => `${action} ${key}`);
  });
}

/** Keys of every request. */
const GLOBAL = /^aws:(Principal|Requested|Secure|Via|Current|Epoch)/;

describe('required permissions of a call', () => {
  /** The permissions that a call requires of a role that may do everything. */
  async function asked(call: (sandbox: Sandbox) => Promise<unknown>): Promise<object[]> {
    const sandbox = await withRole({ All: policy(allow('*')) });
    await call(sandbox).catch(() => undefined);
    expect(unknownTo(decisionsOf(sandbox.world).all)).toEqual([]);
    return decisionsOf(sandbox.world).all.map(({ action, resource, context }) => ({
      action,
      resource,
      context: Object.fromEntries(Object.entries(context).filter(([key]) => !GLOBAL.test(key))),
    }));
  }
  test('all stacks: ListStacks as well', async () => {
    const asks = await asked(async (s) =>
      (await as(s, CloudFormationClient)).send(new DescribeStacksCommand({})),
    );
    expect(asks).toEqual([
      { action: 'cloudformation:DescribeStacks', resource: '*', context: {} },
      { action: 'cloudformation:ListStacks', resource: `${stack('*')}/*`, context: {} },
    ]);
  });

  test('a change set by its own and its stack name, and by its ARN', async () => {
    const changeSet = `arn:aws:cloudformation:eu-west-1:${DEV}:changeSet/plan-1/00000000-0000-4000-8000-000000000000`;
    const byName = { StackName: 'shop', ChangeSetName: 'plan-1' };
    const send = async (s: Sandbox, command: DescribeChangeSetCommand) =>
      (await as(s, CloudFormationClient)).send(command);
    expect(await asked((s) => send(s, new DescribeChangeSetCommand(byName)))).toEqual([
      {
        action: 'cloudformation:DescribeChangeSet',
        resource: `${stack('shop')}/*`,
        context: { 'cloudformation:ChangeSetName': 'plan-1' },
      },
    ]);
    const byArn = new DeleteChangeSetCommand({ ChangeSetName: changeSet });
    expect(await asked(async (s) => (await as(s, CloudFormationClient)).send(byArn))).toMatchObject([
      { action: 'cloudformation:DeleteChangeSet', resource: changeSet },
    ]);
  });

  test('a change set with tags, a role, a transform and a template in S3', async () => {
    const command = new CreateChangeSetCommand({
      StackName: 'shop',
      ChangeSetName: 'plan-1',
      RoleARN: `arn:aws:iam::${DEV}:role/execution`,
      Tags: [{ Key: 'Team', Value: 'a' }],
      TemplateURL: `https://${BUCKET}.s3.eu-west-1.amazonaws.com/platform/t.yml`,
    });
    const asks = await asked(async (s) => (await as(s, CloudFormationClient)).send(command));
    expect(asks).toEqual([
      {
        action: 'cloudformation:CreateChangeSet',
        resource: `${stack('shop')}/*`,
        context: {
          'cloudformation:ChangeSetName': 'plan-1',
          'cloudformation:RoleArn': `arn:aws:iam::${DEV}:role/execution`,
          'cloudformation:TemplateUrl': `https://${BUCKET}.s3.eu-west-1.amazonaws.com/platform/t.yml`,
          'aws:RequestTag/Team': 'a',
          'aws:TagKeys': ['Team'],
        },
      },
      {
        action: 'cloudformation:TagResource',
        resource: `${stack('shop')}/*`,
        context: {
          'aws:RequestTag/Team': 'a',
          'aws:TagKeys': ['Team'],
          'cloudformation:CreateAction': 'CreateChangeSet',
        },
      },
      { action: 's3:GetObject', resource: `arn:aws:s3:::${BUCKET}/platform/t.yml`, context: {} },
      {
        action: 'iam:PassRole',
        resource: `arn:aws:iam::${DEV}:role/execution`,
        context: { 'iam:PassedToService': 'cloudformation.amazonaws.com' },
      },
    ]);
  });

  test('a missing object needs ListBucket; an upload has its precondition', async () => {
    const asks = await asked(async (s) => {
      s.objects(DEV).createBucket(BUCKET);
      const s3 = await as(s, S3Client);
      await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a', Body: '1', IfNoneMatch: '*' }));
      await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'a' }));
      await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'b' }));
    });
    expect(asks).toMatchObject([
      { action: 's3:PutObject', resource: `arn:aws:s3:::${BUCKET}/a`, context: { 's3:if-none-match': '*' } },
      { action: 's3:GetObject', resource: `arn:aws:s3:::${BUCKET}/a` },
      { action: 's3:GetObject', resource: `arn:aws:s3:::${BUCKET}/b` },
      { action: 's3:ListBucket', resource: `arn:aws:s3:::${BUCKET}` },
    ]);
  });

  test('a task definition: its roles are passed, its tags need a separate permission', async () => {
    const command = new RegisterTaskDefinitionCommand({
      family: 'shop',
      containerDefinitions: [{ name: 'app', image: 'x' }],
      executionRoleArn: `arn:aws:iam::${DEV}:role/execution`,
      tags: [{ key: 'Team', value: 'a' }],
    });
    const definition = `arn:aws:ecs:eu-west-1:${DEV}:task-definition/shop:*`;
    expect(await asked(async (s) => (await as(s, ECSClient)).send(command))).toMatchObject([
      { action: 'ecs:RegisterTaskDefinition', resource: definition },
      {
        action: 'ecs:TagResource',
        resource: definition,
        context: { 'ecs:CreateAction': 'RegisterTaskDefinition' },
      },
      { action: 'iam:PassRole', context: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    ]);
  });
});

describe('a role of a template', () => {
  const body = (actions: string, rest = ''): string => `
Resources:
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: most
      PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: Allow, Action: 'ssm:*', Resource: '*' }] }
  Reads:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: { Version: '2012-10-17', Statement: [{ Sid: Reads, Effect: Allow, Action: ${actions}, Resource: '*' }] }
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: worker
      PermissionsBoundary: !Ref Boundary
      ManagedPolicyArns: [!Ref Reads]
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Action: 'sts:AssumeRole', Principal: { AWS: !Sub 'arn:aws:iam::\${AWS::AccountId}:root' } }]
${rest}`;
  const inline = `  Inline:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: inline
      Roles: [!Ref Role]
      PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: Allow, Action: 'ssm:Put*', Resource: '*' }] }
`;

  test('has the permissions of its current policies within its boundary', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', body("['ssm:Get*', 's3:*']", inline));
    const ssm = await as(stacks.sandbox, SSMClient);
    const put = new PutParameterCommand({ Name: '/shop/a', Value: '1', Type: 'String', Overwrite: true });
    const get = new GetParameterCommand({ Name: '/shop/a' });
    await ssm.send(put);
    expect((await ssm.send(get)).Parameter?.Value).toBe('1');
    const s3 = await as(stacks.sandbox, S3Client);
    expect((await refusal(s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'a' })))).message).toMatch(
      /because no permissions boundary allows the s3:GetObject action$/,
    );
    await stacks.deploy('s', body("['ssm:Describe*']"));
    expect((await refusal(ssm.send(get))).message).toMatch(
      /no identity-based policy allows the ssm:GetParameter/,
    );
    expect((await refusal(ssm.send(put))).message).toMatch(
      /no identity-based policy allows the ssm:PutParameter/,
    );
  });

  test('a policy that IAM refuses fails its resource', async () => {
    const stacks = await Stacks.start();
    const bad = body("['ssm:Get*']").replace(
      "Resource: '*' }] }\n  Reads",
      "Resource: '*', Condition: { StringIs: { 'aws:PrincipalTag/a': b } } }] }\n  Reads",
    );
    expect((await stacks.deploy('s', bad)).StackStatus).toBe('ROLLBACK_COMPLETE');
    const reasons = (await stacks.events('s'))
      .map(({ ResourceStatusReason }) => ResourceStatusReason)
      .join('\n');
    expect(reasons).toContain('Invalid Condition type : StringIs.');
  });
});
