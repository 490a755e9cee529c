import { beforeEach, describe, expect, test } from '@jest/globals';
import { exclusiveName } from '../../../../../sandbox/cloudformation/resources/names.ts';
import { schemaOf } from '../../../../../sandbox/cloudformation/resources/schema.ts';
import { fitsPattern } from '../../../../../sandbox/cloudformation/templates/patterns.ts';
import { parseTemplate } from '../../../../../sandbox/cloudformation/templates/template.ts';
import type { JsonObject } from '../../../../../sandbox/cloudformation/json.ts';
import { changesOf, Stacks } from '../stacks.ts';

describe('unique names', () => {
  const key = (type: string, properties: JsonObject): string | undefined =>
    exclusiveName(schemaOf(type)!, properties)?.key;

  test.each<[string, JsonObject, JsonObject]>([
    ['AWS::S3::Bucket', { BucketName: 'a' }, { BucketName: 'a', ObjectLockEnabled: true }],
    ['AWS::RDS::DBInstance', { DBInstanceIdentifier: 'a' }, { DBInstanceIdentifier: 'a', DBName: 'x' }],
    [
      'AWS::ECS::Service',
      { ServiceName: 'a', Cluster: 'x' },
      { ServiceName: 'a', Cluster: 'x', LaunchType: 'EC2' },
    ],
    ['AWS::SQS::Queue', { QueueName: 'a' }, { QueueName: 'a', DelaySeconds: 1 }],
    ['AWS::SecretsManager::Secret', { Name: 'a' }, { Name: 'a', Description: 'x' }],
    [
      'AWS::Logs::MetricFilter',
      { LogGroupName: 'x', FilterName: 'a' },
      { LogGroupName: 'x', FilterName: 'a' },
    ],
  ])('%s: %j and %j collide', (type, one, other) => {
    expect(key(type, one)).toBeDefined();
    expect(key(type, one)).toBe(key(type, other));
  });

  test.each<[string, JsonObject, JsonObject]>([
    [
      'AWS::Logs::MetricFilter',
      { LogGroupName: 'x', FilterName: 'a' },
      { LogGroupName: 'y', FilterName: 'a' },
    ],
    ['AWS::ECS::Service', { ServiceName: 'a', Cluster: 'x' }, { ServiceName: 'a', Cluster: 'y' }],
    ['AWS::IAM::RolePolicy', { RoleName: 'x', PolicyName: 'a' }, { RoleName: 'y', PolicyName: 'a' }],
    [
      'AWS::Route53::RecordSet',
      { Name: 'a', Type: 'A', HostedZoneId: 'Z' },
      { Name: 'a', Type: 'AAAA', HostedZoneId: 'Z' },
    ],
    ['AWS::ApiGateway::Stage', { RestApiId: 'x', StageName: 'a' }, { RestApiId: 'y', StageName: 'a' }],
    ['AWS::Lambda::Alias', { FunctionName: 'x', Name: 'a' }, { FunctionName: 'y', Name: 'a' }],
  ])('%s: %j and %j do not collide', (type, one, other) => {
    expect(key(type, one)).not.toBe(key(type, other));
  });

  test.each<[string, JsonObject]>([
    ['AWS::IAM::Policy', { PolicyName: 'a' }],
    ['AWS::ApiGateway::RestApi', { Name: 'a' }],
    ['AWS::Cognito::UserPool', { UserPoolName: 'a' }],
    ['AWS::Route53::HostedZone', { Name: 'example.com' }],
    ['AWS::ECS::TaskDefinition', { Family: 'a' }],
    ['AWS::Logs::MetricFilter', { LogGroupName: 'x' }],
  ])('%s allows %j repeatedly', (type, properties) => {
    expect(key(type, properties)).toBeUndefined();
  });
});

// java.util.regex.Pattern, Java SE 21.
test.each<[string, string, boolean]>([
  ['[a-zA-Z0-9\\-_\\.]+', 'a-b_c.d', true],
  ['(?i)[a-z]+', 'ABC', true],
  ['[\\p{Alnum}_]++', 'a_1', true],
  ['\\p{Upper}\\p{Lower}*', 'Abc', true],
  ['\\p{L}+', 'Größe', true],
  ['\\Qa.b\\E', 'a.b', true],
  ['\\Qa.b\\E', 'axb', false],
  ['\\A[a-z]*+\\z', 'abc', true],
  ['[a-z&&[^x]]+', 'abc', true],
  ['[a-z&&[^x]]+', 'axb', false],
  ['(?!-)[a-z-]{1,63}(?<!-)', 'a-', false],
  ['^[\\x21-\\x7E]*$', 'a b', false],
  ['a|b', 'ab', false],
  ['(?<name>a)\\k<name>', 'aa', true],
  // JavaScript does not support these, so CloudFormation decides.
  ['(?<=a{1,3})\\Gb(', 'anything', true],
])('the pattern %s matches %j: %s', (pattern, value, fits) => {
  expect(fitsPattern(value, pattern)).toBe(fits);
});

test('loops read values from mappings, and names may be functions', () => {
  const { resources, outputs } = parseTemplate(
    `
Transform: AWS::LanguageExtensions
Parameters: { Keep: { Type: String, Default: Delete } }
Mappings: { Sets: { eu-west-1: { Ids: [A, B] } } }
Resources:
  Fn::ForEach::Topics:
    - Id
    - !FindInMap [Sets, !Ref AWS::Region, Ids]
    - Topic\${Id}: { Type: AWS::SNS::Topic, DeletionPolicy: !Ref Keep }
Outputs:
  Fn::ForEach::Names:
    - Id
    - [A, B]
    - Name\${Id}: { Value: !GetAtt [!Sub 'Topic\${Id}', TopicName] }
      Arn\${Id}: { Value: !Ref { 'Fn::Sub': 'Topic\${Id}' } }
`,
    { 'AWS::Region': 'eu-west-1', Keep: 'Retain' },
  );
  expect(Object.entries(resources).map(([id, { deletionPolicy }]) => [id, deletionPolicy])).toEqual([
    ['TopicA', 'Retain'],
    ['TopicB', 'Retain'],
  ]);
  expect(outputs).toMatchObject({
    NameB: { value: { 'Fn::GetAtt': ['TopicB', 'TopicName'] } },
    ArnA: { value: { Ref: 'TopicA' } },
  });
});

describe('over the wire', () => {
  let stacks: Stacks;
  beforeEach(async () => {
    stacks = await Stacks.start();
  });

  const value = (text: string): string =>
    `Resources: { P: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: ${text} } } }\nOutputs: { V: { Value: !GetAtt P.Value } }`;

  test.each([
    ['us-east-1', 'abcdef'],
    ['us-west-2', 'abcd'],
    ['ap-northeast-1', 'acd'],
    ['eu-west-1', 'abc'],
  ])('the zones of %s', async (region, letters) => {
    const { Outputs = [] } = await stacks.deploy(`zones-${region}`, value(`!Join ['', !GetAZs ${region}]`));
    expect(Outputs[0]?.OutputValue).toBe(
      letters
        .split('')
        .map((letter) => region + letter)
        .join(''),
    );
  });

  const refused = (body: string, params: Record<string, string> = {}) =>
    expect(stacks.plan('refused', body, { ChangeSetType: 'CREATE', params })).rejects;

  const BEHIND = `
Conditions: { Never: !Equals [a, b] }
Resources:
  Absent: { Type: AWS::SNS::Topic, Condition: Never }
`;
  test.each([
    [
      'a property',
      '  There: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt Absent.TopicName } }\n',
      'Resources',
    ],
    [
      'the branch that applies',
      '  There: { Type: AWS::SQS::Queue, Properties: { QueueName: !If [Never, x, !Ref Absent] } }\n',
      'Resources',
    ],
    ['an output', '  There: { Type: AWS::SQS::Queue }\nOutputs: { A: { Value: !Ref Absent } }\n', 'Outputs'],
  ])('a reference to a missing resource is refused: in %s', async (_name, rest, block) => {
    await refused(BEHIND + rest).toThrow(
      `Template format error: Unresolved resource dependencies [Absent] in the ${block} block of the template`,
    );
  });

  test('a rule is checked against existing resources, and unknown ones are accepted', async () => {
    const network = (index: number): string =>
      `Resources:\n  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.${index}.0.0/16 } }\n  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.${index}.0.0/24 } }\nOutputs: { A: { Value: !Ref Vpc }, B: { Value: !Ref Subnet } }`;
    const [one, other] = await Promise.all(
      [1, 2].map(async (index) => (await stacks.deploy(`network-${index}`, network(index))).Outputs!),
    );
    const body = `
Parameters: { Vpc: { Type: AWS::EC2::VPC::Id }, Subnets: { Type: List<AWS::EC2::Subnet::Id> } }
Rules: { Same: { Assertions: [{ Assert: { 'Fn::EachMemberEquals': [{ 'Fn::ValueOf': [Subnets, VpcId] }, !Ref Vpc] }, AssertDescription: not in the VPC }] } }
Resources: { T: { Type: AWS::SNS::Topic } }
`;
    const [vpc, subnet, foreign] = [one![0], one![1], other![1]].map((output) => output!.OutputValue!);
    await refused(body, { Vpc: vpc!, Subnets: `${subnet!},${foreign!}` }).toThrow(
      /Same failed: not in the VPC/,
    );
    const fits = await stacks.plan('fits', body, {
      ChangeSetType: 'CREATE',
      params: { Vpc: vpc!, Subnets: `${subnet!},subnet-0123456789abcdef0` },
    });
    expect(fits.Status).toBe('CREATE_COMPLETE');
  });

  // "Replacement if you edit an existing AttributeDefinition"; VPC tenancy is changed back to default in place.
  test.each([
    ['dedicated', 'default', false],
    ['default', 'dedicated', true],
  ])('a VPC from %s to %s tenancy is replaced: %s', async (before, after, replaced) => {
    const body = (tenancy: string): string =>
      `Resources: { Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16, InstanceTenancy: ${tenancy} } } }\nOutputs: { Id: { Value: !Ref Vpc } }`;
    const name = `tenancy-${before}`;
    const first = await stacks.deploy(name, body(before));
    const plan = await stacks.plan(name, body(after), { ChangeSetType: 'UPDATE' });
    expect(changesOf(plan)['Vpc']?.Replacement).toBe('Conditional');
    const second = await stacks.apply(plan);
    expect(second.Outputs?.[0]?.OutputValue !== first.Outputs?.[0]?.OutputValue).toBe(replaced);
  });

  test('a table with a changed attribute type is replaced', async () => {
    const body = (type: string): string =>
      `Resources: { Table: { Type: AWS::DynamoDB::Table, Properties: { BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{ AttributeName: id, AttributeType: ${type} }], KeySchema: [{ AttributeName: id, KeyType: HASH }] } } }\nOutputs: { Id: { Value: !Ref Table } }`;
    const first = await stacks.deploy('table', body('S'));
    const second = await stacks.deploy('table', body('N'));
    expect(second.Outputs?.[0]?.OutputValue).not.toBe(first.Outputs?.[0]?.OutputValue);
  });

  test('list attributes have several elements, and images exist in every region', async () => {
    const { Outputs = [] } = await stacks.deploy(
      'lists',
      `
Resources:
  Endpoint: { Type: AWS::EC2::VPCEndpoint, Properties: { VpcId: vpc-0123456789abcdef0, ServiceName: x, VpcEndpointType: Interface } }
Outputs:
  Dns: { Value: !Select [1, !GetAtt Endpoint.DnsEntries] }
  Interface: { Value: !Select [1, !GetAtt Endpoint.NetworkInterfaceIds] }
  Image: { Value: !Sub '{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64}}' }
`,
    );
    expect(Outputs.map(({ OutputValue }) => OutputValue)).toEqual([
      expect.stringMatching(/^Z\w+:2\.vpce-0/),
      expect.stringMatching(/^eni-0/),
      expect.stringMatching(/^ami-0[0-9a-f]{16}$/),
    ]);
  });
});
