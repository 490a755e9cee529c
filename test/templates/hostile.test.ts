import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { clientOf, DEV } from '../unit/sandbox/clients.ts';

/** Templates with which their author tries to gain permissions: CloudFormation is denied what its role may not do. */
jest.setTimeout(120_000);

let sandbox: Sandbox;
let client: CloudFormationClient;
beforeAll(async () => {
  const stacks = bootstrapped({
    environments: { dev: DEV },
    previews: ['dev'],
    zones: { dev: 'Z0123456789DEVZONE' },
  });
  sandbox = await startSandbox({ timeScale: 100_000, scenario: { stacks } });
  client = clientOf(sandbox, CloudFormationClient, DEV);
});
afterAll(() => sandbox.close());

const TRUST = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
  ],
};
const boundary = (name: string): string => `arn:aws:iam::${DEV}:policy/platform-dev-${name}`;
const role = (properties: object) => ({
  Type: 'AWS::IAM::Role',
  Properties: { AssumeRolePolicyDocument: TRUST, ...properties },
});

interface Resource {
  Type: string;
  Properties?: object;
}

const HOSTILE: Record<string, Record<string, Resource>> = {
  execution: {
    'a role without the boundary': role({}),
    'a role with another boundary': role({
      PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
    }),
    'a role with a name of the bootstrap': role({
      RoleName: 'platform-dev-eve',
      PermissionsBoundary: boundary('boundary'),
    }),
    'a user': { Type: 'AWS::IAM::User' },
    'a managed policy': {
      Type: 'AWS::IAM::ManagedPolicy',
      Properties: { PolicyDocument: TRUST, Roles: ['platform-dev-plan'] },
    },
    'a policy attached to the deploying role': {
      Type: 'AWS::IAM::RolePolicy',
      Properties: { RoleName: 'platform-dev-deploy', PolicyName: 'Eve', PolicyDocument: TRUST },
    },
    'a record in another zone': {
      Type: 'AWS::Route53::RecordSet',
      Properties: {
        HostedZoneId: 'Z9999999999',
        Name: 'x.example.com',
        Type: 'A',
        TTL: '60',
        ResourceRecords: ['10.0.0.1'],
      },
    },
    'a bucket with another name': {
      Type: 'AWS::S3::Bucket',
      Properties: { BucketName: 'prod-platform-eve' },
    },
    'a parameter of another environment': {
      Type: 'AWS::SSM::Parameter',
      Properties: { Name: '/platform/prod/user-service/image', Type: 'String', Value: 'x' },
    },
    'a repository of another project': {
      Type: 'AWS::ECR::Repository',
      Properties: { RepositoryName: 'other/user-service' },
    },
    'a cluster of another environment': {
      Type: 'AWS::ECS::Service',
      Properties: { ServiceName: 'eve', Cluster: 'prod-platform', TaskDefinition: 'x:1' },
    },
  },
  'preview-execution': {
    'a role without a boundary': role({}),
    "a role with the environment's boundary": role({ PermissionsBoundary: boundary('boundary') }),
    'a role with another name': role({
      RoleName: 'dev-platform-eve',
      PermissionsBoundary: boundary('preview-boundary'),
    }),
    'a network': { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
    'a security group': {
      Type: 'AWS::EC2::SecurityGroup',
      Properties: { GroupDescription: 'x', VpcId: 'vpc-1' },
    },
    'a queue': { Type: 'AWS::SQS::Queue' },
    'a bucket': { Type: 'AWS::S3::Bucket' },
    'a topic': { Type: 'AWS::SNS::Topic' },
    'a key': { Type: 'AWS::KMS::Key', Properties: { KeyPolicy: TRUST } },
    'a secret': { Type: 'AWS::SecretsManager::Secret', Properties: { GenerateSecretString: {} } },
    'a parameter': {
      Type: 'AWS::SSM::Parameter',
      Properties: { Name: '/platform/dev/user-service/image', Type: 'String', Value: 'x' },
    },
    'a function': {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Role: `arn:aws:iam::${DEV}:role/dev-platform-vpc-LockRole-1`,
        Code: { ZipFile: 'x' },
        Handler: 'index.handler',
        Runtime: 'nodejs24.x',
      },
    },
    'a service with the name of another service': {
      Type: 'AWS::ECS::Service',
      Properties: { ServiceName: 'user-service', Cluster: 'dev-platform', TaskDefinition: 'x:1' },
    },
    'a cluster': { Type: 'AWS::ECS::Cluster' },
    'a listener': {
      Type: 'AWS::ElasticLoadBalancingV2::Listener',
      Properties: {
        LoadBalancerArn: `arn:aws:elasticloadbalancing:eu-west-1:${DEV}:loadbalancer/app/shared/0123`,
        Port: 8080,
        Protocol: 'HTTP',
        DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '200' } }],
      },
    },
    'a log group with another name': {
      Type: 'AWS::Logs::LogGroup',
      Properties: { LogGroupName: 'dev-platform-user-service-LogGroup-2' },
    },
    'a repository': { Type: 'AWS::ECR::Repository', Properties: { RepositoryName: 'platform/eve' } },
  },
};
/** Created by the same roles. */
const CONTROLS: Record<string, Resource> = {
  execution: role({ PermissionsBoundary: boundary('boundary') }),
  'preview-execution': role({ PermissionsBoundary: boundary('preview-boundary') }),
};

let made = 0;
/** The result of the resource, in CloudFormation's words. */
async function create(who: string, resource: Resource): Promise<string> {
  const StackName = `dev-platform-pr-${++made}-eve`;
  await client.send(
    new CreateStackCommand({
      StackName,
      RoleARN: `arn:aws:iam::${DEV}:role/platform-dev-${who}`,
      TemplateBody: JSON.stringify({ Resources: { Hostile: resource } }),
      Capabilities: ['CAPABILITY_NAMED_IAM'],
    }),
  );
  await waitUntilStackCreateComplete(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { StackName },
  ).catch(() => undefined);
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
  const events = StackEvents.filter(
    ({ LogicalResourceId, ResourceStatus }) =>
      LogicalResourceId === 'Hostile' && /^CREATE_(?:FAILED|COMPLETE)$/.test(ResourceStatus ?? ''),
  );
  return events
    .map(({ ResourceStatus, ResourceStatusReason = '' }) => `${ResourceStatus} ${ResourceStatusReason}`)
    .join();
}

describe.each(Object.entries(HOSTILE))('the role %s', (who, attempts) => {
  test.each(Object.entries(attempts))('cannot create %s', async (_what, resource) => {
    expect(await create(who, resource)).toMatch(/^CREATE_FAILED .*not authorized to perform/);
  });

  test('can create a role with its boundary', async () => {
    expect(await create(who, CONTROLS[who] ?? { Type: '' })).toMatch(/^CREATE_COMPLETE/);
  });
});
