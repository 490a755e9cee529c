import { expect, test } from '@jest/globals';
import { attributeOf, physicalIdOf } from '../../../../../sandbox/cloudformation/resources/identity.ts';
import type { JsonObject } from '../../../../../sandbox/cloudformation/json.ts';
import { schemaOf } from '../../../../../sandbox/cloudformation/resources/schema.ts';

function made(type: string, properties: JsonObject = {}) {
  return {
    schema: schemaOf(type)!,
    logicalId: 'Thing',
    properties,
    unique: 'Ab3dEf6hIj9k',
    place: {
      account: '111111111111',
      region: 'eu-west-1',
      partition: 'aws',
      urlSuffix: 'amazonaws.com',
      stackName: 'dev-shop',
      stackId: 'arn:aws:cloudformation:eu-west-1:111111111111:stack/dev-shop/1',
    },
  };
}

test.each<[string, JsonObject, RegExp]>([
  ['AWS::EC2::VPC', {}, /^vpc-0[0-9a-f]{16}$/],
  ['AWS::EC2::NatGateway', {}, /^nat-0[0-9a-f]{16}$/],
  ['AWS::EC2::SecurityGroup', {}, /^sg-0[0-9a-f]{16}$/],
  ['AWS::EC2::Route', { RouteTableId: 'rtb-1', DestinationCidrBlock: '0.0.0.0/0' }, /^rtb-1\|0\.0\.0\.0\/0$/],
  ['AWS::EC2::EIP', {}, /^203\.0\.113\.\d+$/],
  ['AWS::S3::Bucket', {}, /^dev-shop-thing-ab3def6hij9k$/],
  ['AWS::S3::Bucket', { BucketName: 'mine' }, /^mine$/],
  ['AWS::Logs::LogGroup', {}, /^dev-shop-Thing-Ab3dEf6hIj9k$/],
  ['AWS::IAM::Role', {}, /^dev-shop-Thing-Ab3dEf6hIj9k$/],
  ['AWS::IAM::ManagedPolicy', {}, /^arn:aws:iam::111111111111:policy\/dev-shop-Thing-Ab3dEf6hIj9k$/],
  ['AWS::KMS::Key', {}, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
  ['AWS::SNS::Topic', { TopicName: 'news' }, /^arn:aws:sns:eu-west-1:111111111111:news$/],
  [
    'AWS::SQS::Queue',
    { QueueName: 'work' },
    /^https:\/\/sqs\.eu-west-1\.amazonaws\.com\/111111111111\/work$/,
  ],
  [
    'AWS::ECS::Service',
    { Cluster: 'shop', ServiceName: 'api' },
    /^arn:aws:ecs:eu-west-1:111111111111:service\/shop\/api$/,
  ],
  [
    'AWS::ECS::TaskDefinition',
    { Family: 'api' },
    /^arn:aws:ecs:eu-west-1:111111111111:task-definition\/api:1$/,
  ],
  ['AWS::ElasticLoadBalancingV2::LoadBalancer', { Name: 'web' }, /:loadbalancer\/app\/web\/[0-9a-f]{16}$/],
  ['AWS::ElasticLoadBalancingV2::TargetGroup', {}, /:targetgroup\/.{1,32}\/[0-9a-f]{16}$/],
  ['AWS::RDS::DBCluster', {}, /^dev-shop-thing-ab3def6hij9k$/],
  [
    'AWS::SecretsManager::Secret',
    { Name: 'db' },
    /^arn:aws:secretsmanager:eu-west-1:111111111111:secret:db-[0-9a-f]{6}$/,
  ],
  ['Custom::Thing', { ServiceToken: 'x' }, /^dev-shop-Thing-Ab3dEf6hIj9k$/],
])('Ref of %s %j', (type, properties, expected) => {
  expect(physicalIdOf(made(type, properties))).toMatch(expected);
});

test.each<[string, JsonObject, string, unknown]>([
  ['AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }, 'CidrBlock', '10.0.0.0/16'],
  ['AWS::S3::Bucket', { BucketName: 'mine' }, 'Arn', 'arn:aws:s3:::mine'],
  ['AWS::S3::Bucket', { BucketName: 'mine' }, 'RegionalDomainName', 'mine.s3.eu-west-1.amazonaws.com'],
  [
    'AWS::Logs::LogGroup',
    { LogGroupName: '/shop' },
    'Arn',
    'arn:aws:logs:eu-west-1:111111111111:log-group:/shop:*',
  ],
  ['AWS::IAM::Role', { RoleName: 'r', Path: '/team/' }, 'Arn', 'arn:aws:iam::111111111111:role/team/r'],
  ['AWS::SSM::Parameter', { Name: '/a/b', Type: 'String', Value: 'v' }, 'Value', 'v'],
  ['AWS::RDS::DBCluster', { Engine: 'aurora-postgresql' }, 'Endpoint.Port', '5432'],
  [
    'AWS::ECR::Repository',
    { RepositoryName: 'shop/api' },
    'RepositoryUri',
    '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api',
  ],
  ['AWS::ECS::Cluster', { ClusterName: 'shop' }, 'Arn', 'arn:aws:ecs:eu-west-1:111111111111:cluster/shop'],
])('GetAtt of %s %j, %s', (type, properties, name, expected) => {
  expect(attributeOf(made(type, properties), name)).toEqual(expected);
});

/** The three names are from a real account: https://github.com/KensioSoftware/yulin/issues/1113 */
test.each([
  [
    'AWS::IAM::Role',
    'RainlyticsSummariesJobFunRole',
    'ChineseboostAnalyticsStac-RainlyticsSummariesJobFun-Ab3dEf6hIj9k',
  ],
  [
    'AWS::S3::Bucket',
    'RainlyticsLogsBucket8DF4A1B2',
    'chineseboostanalyticsstac-rainlyticslogsbucket8df4-ab3def6hij9k',
  ],
  [
    'AWS::Logs::LogGroup',
    'RainlyticsSummariesJobLogs1C6CB09C',
    'ChineseboostAnalyticsStack-RainlyticsSummariesJobLogs1C6CB09C-Ab3dEf6hIj9k',
  ],
  ['AWS::IAM::Role', 'ShortRole', 'ChineseboostAnalyticsStack-ShortRole-Ab3dEf6hIj9k'],
])('the generated name of %s %s is shortened to fit', (type, logicalId, name) => {
  const thing = made(type);
  const place = { ...thing.place, stackName: 'ChineseboostAnalyticsStack' };
  expect(physicalIdOf({ ...thing, logicalId, place })).toBe(name);
});
