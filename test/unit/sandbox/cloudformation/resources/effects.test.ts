import { DescribeEventsCommand } from '@aws-sdk/client-cloudformation';
import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from '@jest/globals';
import { repositoriesOf } from '../../../../../sandbox/registry/registry.ts';
import { clientOf, DEV, logsOf, refusal, s3Of, ssmOf, STAGING, stsOf } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

const reasons = async (stacks: Stacks, name: string) =>
  (await stacks.events(name)).map(({ ResourceStatusReason }) => ResourceStatusReason).join('\n');
const parameter = (value: string, name = '/shop/url'): string =>
  `Resources: { P: { Type: AWS::SSM::Parameter, Properties: { Name: ${name}, Type: String, Value: ${value} } } }`;
const bucket = (name: string): string =>
  `Resources: { B: { Type: AWS::S3::Bucket, Properties: { BucketName: ${name} } } }`;

/** Taken names are reported before anything is created. */
async function refusedEarly(stacks: Stacks, body: string, name: string): Promise<void> {
  const plan = await stacks.plan('early', body, { ChangeSetType: 'CREATE' });
  expect(plan).toMatchObject({
    Status: 'FAILED',
    StatusReason: expect.stringContaining('[AWS::EarlyValidation::ResourceExistenceCheck]'),
  });
  const { OperationEvents } = await stacks.client.send(
    new DescribeEventsCommand({ ChangeSetName: plan.ChangeSetId, Filters: { FailedEvents: true } }),
  );
  expect(OperationEvents).toMatchObject([
    {
      EventType: 'VALIDATION_ERROR',
      ValidationName: 'NAME_CONFLICT_VALIDATION',
      ValidationStatusReason: expect.stringContaining(name),
    },
  ]);
}

describe('effects of stacks on other services', () => {
  test('a policy of a role that does not exist fails', async () => {
    const stacks = await Stacks.start();
    const statement = "{ Effect: Allow, Action: 's3:*', Resource: '*' }";
    const policy = `Resources: { P: { Type: AWS::IAM::ManagedPolicy, Properties: { Roles: [nobody], PolicyDocument: { Version: '2012-10-17', Statement: [${statement}] } } } }`;
    expect((await stacks.deploy('policies', policy)).StackStatus).toBe('ROLLBACK_COMPLETE');
    expect(await reasons(stacks, 'policies')).toContain('The role with name nobody cannot be found.');
  });

  test.each([
    [
      'AWS::RDS::DBCluster',
      "Engine: aurora-postgresql, MasterUsername: app, ManageMasterUserPassword: true, DeletionProtection: 'true'",
      'Cannot delete protected Cluster, please disable deletion protection and try again.',
    ],
    [
      'AWS::ElasticLoadBalancingV2::LoadBalancer',
      'Subnets: [subnet-1, subnet-2], LoadBalancerAttributes: [{ Key: deletion_protection.enabled, Value: true }]',
      'cannot be deleted because deletion protection is enabled',
    ],
  ])('%s with deletion protection is not deleted until it is off', async (type, properties, message) => {
    const stacks = await Stacks.start();
    const body = `Resources: { R: { Type: ${type}, Properties: { ${properties} } } }`;
    await stacks.deploy('s', body);
    await stacks.delete('s');
    expect(await reasons(stacks, 's')).toContain(message);
    expect((await stacks.find('s'))?.StackStatus).toBe('DELETE_FAILED');
  });

  test('SSM parameters are created, changed and deleted', async () => {
    const stacks = await Stacks.start();
    const ssm = ssmOf(stacks.sandbox);
    const read = async () => (await ssm.send(new GetParameterCommand({ Name: '/shop/url' }))).Parameter;
    await stacks.deploy('s', parameter('a'));
    expect(await read()).toMatchObject({ Value: 'a', Type: 'String', Version: 1 });
    await stacks.deploy('s', parameter('b'));
    expect(await read()).toMatchObject({ Value: 'b', Version: 2 });
    await stacks.delete('s');
    expect(await refusal(read())).toMatchObject({ name: 'ParameterNotFound' });
  });

  test('an existing parameter is not taken over', async () => {
    const stacks = await Stacks.start();
    await ssmOf(stacks.sandbox).send(
      new PutParameterCommand({ Name: '/shop/url', Type: 'String', Value: 'mine' }),
    );
    await refusedEarly(stacks, parameter('a'), '/shop/url');
    await stacks.deploy('late', parameter('a'), { DisableValidation: true });
    expect(await reasons(stacks, 'late')).toMatch(
      /\/shop\/url' already exists.*HandlerErrorCode: AlreadyExists/,
    );
    const { Parameter } = await ssmOf(stacks.sandbox).send(new GetParameterCommand({ Name: '/shop/url' }));
    expect(Parameter?.Value).toBe('mine');
  });

  test('template parameters from SSM', async () => {
    const stacks = await Stacks.start();
    await ssmOf(stacks.sandbox).send(
      new PutParameterCommand({ Name: '/image', Type: 'String', Value: 'v1' }),
    );
    const body = `
Parameters: { Image: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /image } }
Resources: { T: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref Image } } }
Outputs: { O: { Value: '{{resolve:ssm:/image}}' }, P: { Value: !Ref Image } }`;
    const stack = await stacks.deploy('s', body);
    expect(stack.Parameters).toEqual([
      { ParameterKey: 'Image', ParameterValue: '/image', ResolvedValue: 'v1' },
    ]);
    expect(stack.Outputs).toContainEqual({ OutputKey: 'P', OutputValue: 'v1' });
    await ssmOf(stacks.sandbox).send(
      new PutParameterCommand({ Name: '/image', Type: 'String', Value: 'v2', Overwrite: true }),
    );
    expect((await stacks.deploy('s', body)).Parameters?.[0]?.ResolvedValue).toBe('v2');
  });

  test('bucket names are unique across accounts, and only empty buckets can be deleted', async () => {
    const stacks = await Stacks.start();
    const others = new Stacks(stacks.sandbox, STAGING);
    await stacks.deploy('s', bucket('orders-bucket'));
    await s3Of(stacks.sandbox).send(new HeadBucketCommand({ Bucket: 'orders-bucket' }));
    await refusedEarly(others, bucket('orders-bucket'), 'orders-bucket');
    await others.deploy('late', bucket('orders-bucket'), { DisableValidation: true });
    expect(await reasons(others, 'late')).toMatch(/orders-bucket' already exists/);
    await s3Of(stacks.sandbox).send(new PutObjectCommand({ Bucket: 'orders-bucket', Key: 'k', Body: 'x' }));
    expect((await stacks.delete('s')).StackStatus).toBe('DELETE_FAILED');
    expect(await reasons(stacks, 's')).toMatch(/The bucket you tried to delete is not empty/);
  });

  test('image repositories have their settings, and only empty ones can be deleted', async () => {
    const stacks = await Stacks.start();
    const ecr = clientOf(stacks.sandbox, ECRClient);
    const body = (ScanOnPush: boolean, EmptyOnDelete = false) => `
Resources:
  R:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: shop/api
      ImageTagMutability: IMMUTABLE
      ImageScanningConfiguration: { ScanOnPush: ${ScanOnPush} }
      EmptyOnDelete: ${EmptyOnDelete}
      LifecyclePolicy: { LifecyclePolicyText: '{"rules":[]}' }`;
    const read = async () =>
      (await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: ['shop/api'] }))).repositories?.[0];
    await stacks.deploy('s', body(true), { Tags: [{ Key: 'team', Value: 'shop' }] });
    expect(await read()).toMatchObject({
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
    });
    await stacks.deploy('s', body(false));
    const repository = repositoriesOf(stacks.sandbox.world, DEV, 'eu-west-1').get('shop/api')!;
    expect(repository).toMatchObject({ settings: { scanOnPush: false }, lifecyclePolicy: '{"rules":[]}' });
    repository.manifests.set('sha256:1', {} as never);
    expect((await stacks.delete('s')).StackStatus).toBe('DELETE_FAILED');
    expect(await reasons(stacks, 's')).toMatch(
      /shop\/api' .* still contains images \(Service: Ecr, Status Code: 400, /,
    );
    repository.manifests.clear();
    expect((await stacks.delete('s')).StackStatus).toBe('DELETE_COMPLETE');
    expect(await refusal(read())).toMatchObject({ name: 'RepositoryNotFoundException' });
  });

  test('names of other resource types are unique', async () => {
    const stacks = await Stacks.start();
    const queue = 'Resources: { Q: { Type: AWS::SQS::Queue, Properties: { QueueName: orders } } }';
    await stacks.deploy('one', queue);
    await refusedEarly(stacks, queue, 'orders');
    await stacks.delete('one');
    expect((await stacks.deploy('three', queue)).StackStatus).toBe('CREATE_COMPLETE');
  });

  test('roles can be assumed according to their trust policies', async () => {
    const stacks = await Stacks.start();
    const body = (Action: string) => `
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: ci
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Action: '${Action}', Principal: { AWS: !Sub 'arn:aws:iam::\${AWS::AccountId}:root' } }]
Outputs: { Arn: { Value: !GetAtt R.Arn } }`;
    const assume = () =>
      stsOf(stacks.sandbox).send(
        new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${DEV}:role/ci`, RoleSessionName: 'me' }),
      );
    const { Outputs } = await stacks.deploy('s', body('sts:AssumeRole'));
    expect(Outputs?.[0]?.OutputValue).toBe(`arn:aws:iam::${DEV}:role/ci`);
    expect((await assume()).AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${DEV}:assumed-role/ci/me`);
    await stacks.deploy('s', body('sts:TagSession'));
    expect(await refusal(assume())).toMatchObject({ name: 'AccessDenied' });
  });
});

describe('resources that are unique in an account', () => {
  const once: [what: string, properties: string, reason: RegExp][] = [
    [
      'AWS::IAM::OIDCProvider',
      '{ Url: https://token.actions.githubusercontent.com }',
      /"Provider with url https:\/\/token\.actions\.githubusercontent\.com already exists\." .*AlreadyExists/,
    ],
    [
      'AWS::CE::AnomalyMonitor',
      '{ MonitorName: NAME, MonitorType: DIMENSIONAL, MonitorDimension: SERVICE }',
      /Resource handler returned message: "null" .*HandlerErrorCode: AlreadyExists/,
    ],
  ];

  test.each(once)(
    '%s is refused the second time, and possible again once the first is deleted',
    async (type, properties, reason) => {
      const stacks = await Stacks.start();
      const body = (name: string): string =>
        `Resources: { X: { Type: ${type}, Properties: ${properties.replace('NAME', name)} } }`;
      await stacks.deploy('first', body('a'));
      await stacks.deploy('second', body('b'));
      expect(await reasons(stacks, 'second')).toMatch(reason);
      await stacks.delete('second');
      await stacks.delete('first');
      expect(await stacks.deploy('third', body('c'))).toMatchObject({ StackStatus: 'CREATE_COMPLETE' });
    },
  );

  test('custom monitors are not limited', async () => {
    const stacks = await Stacks.start();
    const body = `Resources: { X: { Type: AWS::CE::AnomalyMonitor, Properties: { MonitorName: a, MonitorType: CUSTOM } } }`;
    for (const name of ['first', 'second']) {
      expect(await stacks.deploy(name, body)).toMatchObject({ StackStatus: 'CREATE_COMPLETE' });
    }
  });
});

describe('the conditions of a listener rule', () => {
  const rule = (paths: string[], header: string[]): string => `
Resources:
  R:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: arn:aws:elasticloadbalancing:eu-west-1:111111111111:listener/app/x/1/2
      Priority: 7
      Actions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]
      Conditions:
        - { Field: path-pattern, PathPatternConfig: { Values: ${JSON.stringify(paths)} } }
        - { Field: http-header, HttpHeaderConfig: { HttpHeaderName: x-test, Values: ${JSON.stringify(header)} } }`;

  test.each([
    [['/a', '/b', '/c', '/d'], ['x'], undefined],
    [['/a', '/b', '/c', '/d', '/e'], ['x'], "A rule can only have '5' condition values"],
    [['/a'], ['1', '2', '3', '4', '5'], "A rule can only have '5' condition values"],
    [['/*/*/*/*/?'], ['x'], undefined],
    [['/*/*/*/*', '/*'], ['*'], "A rule can only have '5' condition wildcards"],
  ])('%j with the header %j', async (paths, header, refused) => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', rule(paths, header));
    const said = await reasons(stacks, 's');
    if (refused === undefined) expect(said).not.toContain('A rule can only have');
    else expect(said).toContain(`${refused} (Service: ElasticLoadBalancingV2, Status Code: 400`);
  });
});

describe('the log groups that RDS writes to', () => {
  const cluster = `
  Db:
    Type: AWS::RDS::DBCluster
    Properties: { DBClusterIdentifier: shop, Engine: aurora-postgresql, EnableCloudwatchLogsExports: [postgresql] }`;
  const group = (more = '') => `
  Log:
    Type: AWS::Logs::LogGroup
    ${more}
    Properties: { LogGroupName: /aws/rds/cluster/shop/postgresql, RetentionInDays: 30 }`;
  const groupsOf = async (stacks: Stacks) =>
    (await logsOf(stacks.sandbox).send(new DescribeLogGroupsCommand({}))).logGroups ?? [];

  test('are created by RDS, and never expire', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', `Resources:${cluster}`);
    const [found] = await groupsOf(stacks);
    expect(found).toMatchObject({ logGroupName: '/aws/rds/cluster/shop/postgresql' });
    expect(found?.retentionInDays).toBeUndefined();
  });

  test('are used if they already exist', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy(
      's',
      `Resources:${group()}${cluster.replace('Properties', 'DependsOn: Log\n    Properties')}`,
    );
    expect(await groupsOf(stacks)).toMatchObject([{ retentionInDays: 30 }]);
  });

  test('cannot be created after their cluster', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', `Resources:${cluster}${group('DependsOn: Db')}`);
    expect(await reasons(stacks, 's')).toContain("'/aws/rds/cluster/shop/postgresql' already exists");
  });
});
