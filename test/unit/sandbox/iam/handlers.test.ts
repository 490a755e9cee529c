import {
  CloudFormationClient,
  CreateStackCommand,
  DetectStackDriftCommand,
  DescribeStackDriftDetectionStatusCommand,
} from '@aws-sdk/client-cloudformation';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from '@jest/globals';
import { decisionsOf } from '../../../../sandbox/iam/decisions.ts';
import { referenceOf } from '../../../../sandbox/iam/reference.ts';
import { Stacks } from '../cloudformation/stacks.ts';
import { configOf, DEV, refusal, stsOf } from '../clients.ts';

const EXECUTION = `arn:aws:iam::${DEV}:role/execution`;
const CALLER = `arn:aws:iam::${DEV}:role/caller`;
const SERVICE = {
  Statement: [
    { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'cloudformation.amazonaws.com' } },
  ],
};
const ACCOUNT = {
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: `arn:aws:iam::${DEV}:root` } }],
};
const LOGS = `Resources: { Log: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: shop, RetentionInDays: 7 } } }`;
const allow = (...actions: string[]) => ({
  P: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] },
});

const start = (execution: object, caller: object = allow('*')) =>
  Stacks.start({
    scenario: {
      roles: [
        { arn: EXECUTION, trust: SERVICE, policies: execution as never },
        { arn: CALLER, trust: ACCOUNT, policies: caller as never },
      ],
    },
  });

async function callerOf(stacks: Stacks): Promise<CloudFormationClient> {
  const { Credentials } = await stsOf(stacks.sandbox, DEV).send(
    new AssumeRoleCommand({ RoleArn: CALLER, RoleSessionName: 'me' }),
  );
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  return new CloudFormationClient({
    ...configOf(stacks.sandbox, DEV),
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
  });
}

const failures = async (stacks: Stacks, name: string) =>
  (await stacks.events(name))
    .filter(({ ResourceStatus }) => ResourceStatus?.endsWith('_FAILED'))
    .map(({ ResourceStatusReason }) => ResourceStatusReason);

describe('a service role', () => {
  const ALL = [
    'logs:CreateLogGroup',
    'logs:Describe*',
    'logs:GetDataProtectionPolicy',
    'logs:PutRetentionPolicy',
    'logs:DeleteLogGroup',
  ];

  test('with all permissions of the handler creates the resource', async () => {
    const stacks = await start(allow(...ALL));
    expect((await stacks.deploy('s', LOGS, { RoleARN: EXECUTION })).StackStatus).toBe('CREATE_COMPLETE');
    expect((await stacks.delete('s')).StackStatus).toBe('DELETE_COMPLETE');
    expect(decisionsOf(stacks.sandbox.world).denied()).toEqual([]);
  });

  test.each(ALL.filter((action) => !action.includes('Delete')))(
    "without %s fails with the service's message",
    async (missing) => {
      const stacks = await start(allow(...ALL.filter((action) => action !== missing)));
      expect((await stacks.deploy('s', LOGS, { RoleARN: EXECUTION })).StackStatus).toBe('ROLLBACK_COMPLETE');
      const [denied] = decisionsOf(stacks.sandbox.world).denied();
      expect(denied?.action).toMatch(new RegExp(`^${missing.replace('*', '.*')}$`));
      const user = `arn:aws:sts::${DEV}:assumed-role/execution/AWSCloudFormation`;
      expect((await failures(stacks, 's'))[0]).toMatch(
        new RegExp(
          `^Resource handler returned message: "User: ${user} is not authorized to perform: ${denied?.action} on resource: .* because no identity-based policy allows the ${denied?.action} action \\(Service: Logs, Status Code: 403, Request ID: .*\\)" \\(RequestToken: .*, HandlerErrorCode: AccessDenied\\)$`,
        ),
      );
    },
  );

  test('fails for a type with unknown handlers', async () => {
    const stacks = await start(allow('*'));
    const template = 'Resources: { Stream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } } }';
    expect((await stacks.deploy('s', template, { RoleARN: EXECUTION })).StackStatus).toMatch(
      /FAILED|ROLLBACK_/,
    );
    expect((await failures(stacks, 's'))[0]).toContain('no handler permissions for AWS::Kinesis::Stream');
  });

  test('that does not trust CloudFormation cannot be used', async () => {
    const stacks = await start({});
    const answer = stacks.client.send(
      new CreateStackCommand({ StackName: 's', TemplateBody: LOGS, RoleARN: CALLER }),
    );
    expect(await refusal(answer)).toMatchObject({
      message: `Role ${CALLER} is invalid or cannot be assumed`,
    });
  });
});

describe('without a service role, the caller', () => {
  test('needs the permissions itself', async () => {
    const stacks = await start({}, allow('cloudformation:*', 'logs:Describe*'));
    await (await callerOf(stacks)).send(new CreateStackCommand({ StackName: 's', TemplateBody: LOGS }));
    expect((await stacks.settled('s')).StackStatus).toBe('ROLLBACK_COMPLETE');
    expect((await failures(stacks, 's'))[0]).toContain(
      `User: arn:aws:sts::${DEV}:assumed-role/caller/me is not authorized`,
    );
  });

  test.each<[string, string, string | undefined]>([
    ['AWS::EC2::VPC::Id', 'vpc-0123456789abcdef0', 'ec2:DescribeVpcs'],
    ['List<AWS::EC2::Subnet::Id>', 'subnet-0123456789abcdef0', 'ec2:DescribeSubnets'],
    ['String', 'a', undefined],
  ])('needs permission to read a parameter of type %s', async (type, value, action) => {
    const stacks = await start({}, allow('cloudformation:*', 'logs:*'));
    const body = `Parameters: { P: { Type: '${type}', Default: ${value} } }\n${LOGS}`;
    const answer = (await callerOf(stacks)).send(
      new CreateStackCommand({ StackName: 's', TemplateBody: body }),
    );
    if (action === undefined) await answer;
    else
      expect((await refusal(answer)).message).toContain(
        `is not authorized to perform: ${action} on resource: *`,
      );
  });

  test('reads for drift detection', async () => {
    const stacks = await start(allow('*'), allow('cloudformation:*', 'logs:DescribeLogGroups'));
    await stacks.deploy('s', LOGS);
    const caller = await callerOf(stacks);
    const { StackDriftDetectionId } = await caller.send(new DetectStackDriftCommand({ StackName: 's' }));
    const command = new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId });
    const ended = await stacks.until(
      () => caller.send(command),
      ({ DetectionStatus }) => DetectionStatus !== 'DETECTION_IN_PROGRESS',
    );
    expect(ended).toMatchObject({
      DetectionStatus: 'DETECTION_FAILED',
      DetectionStatusReason: expect.stringContaining('Failed to detect drift on resource [Log]'),
    });
  });
});

test('all required actions exist on AWS', () => {
  expect(referenceOf('logs:createloggroup')?.name).toBe('CreateLogGroup');
  expect(referenceOf('s3:PutBucketReplication')).toBeUndefined();
});
