import { expect, test } from '@jest/globals';
import type { JsonObject } from '../../../../../sandbox/cloudformation/json.ts';
import { diffProperties, printValue } from '../../../../../sandbox/cloudformation/resources/property-diff.ts';
import { schemaOf } from '../../../../../sandbox/cloudformation/resources/schema.ts';

test.each<[string, JsonObject, JsonObject, string[]]>([
  ['AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }, { CidrBlock: '10.1.0.0/16' }, ['CidrBlock Always']],
  ['AWS::EC2::VPC', { EnableDnsSupport: true }, { EnableDnsSupport: 'true' }, []],
  ['AWS::EC2::VPC', { EnableDnsSupport: true }, {}, ['EnableDnsSupport Never']],
  [
    'AWS::EC2::VPC',
    { InstanceTenancy: 'default' },
    { InstanceTenancy: 'dedicated' },
    ['InstanceTenancy Conditionally'],
  ],
  [
    'AWS::SNS::Topic',
    { TopicName: 'a', DisplayName: 'x' },
    { TopicName: 'b', DisplayName: 'y' },
    ['TopicName Always', 'DisplayName Never'],
  ],
  [
    'AWS::EC2::VPC',
    { Tags: [{ Key: 'Name', Value: 'a' }] },
    { Tags: [{ Key: 'Name', Value: 'b' }] },
    ['Tags/0/Value Never'],
  ],
  ['AWS::EC2::VPC', {}, { Tags: [{ Key: 'Name', Value: 'b' }] }, ['Tags Never']],
  [
    'AWS::EC2::VPC',
    { Tags: [{ Key: 'a', Value: '1' }] },
    {
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2' },
      ],
    },
    ['Tags/1 Never'],
  ],
  [
    'AWS::Lambda::Function',
    { Environment: { Variables: { A: '1', B: '2' } } },
    { Environment: { Variables: { A: '1', B: '3' } } },
    ['Environment/Variables/B Never'],
  ],
  [
    'AWS::IAM::Role',
    { AssumeRolePolicyDocument: { Statement: [{ Effect: 'Allow' }] } },
    { AssumeRolePolicyDocument: { Statement: [{ Effect: 'Deny' }] } },
    ['AssumeRolePolicyDocument Never'],
  ],
  [
    'AWS::IAM::Role',
    { Policies: [{ PolicyName: 'p', PolicyDocument: { A: 1 } }] },
    { Policies: [{ PolicyName: 'p', PolicyDocument: { A: 2 } }] },
    ['Policies/0/PolicyDocument Never'],
  ],
  [
    'AWS::ECS::TaskDefinition',
    { ContainerDefinitions: [{ Name: 'a', Image: 'x' }] },
    { ContainerDefinitions: [{ Name: 'a', Image: 'y' }] },
    ['ContainerDefinitions/0/Image Always'],
  ],
  [
    'AWS::RDS::DBCluster',
    { StorageEncrypted: true, BackupRetentionPeriod: 7 },
    { StorageEncrypted: false, BackupRetentionPeriod: 30 },
    ['StorageEncrypted Always', 'BackupRetentionPeriod Never'],
  ],
])('%s: %j → %j', (type, before, after, expected) => {
  const differences = diffProperties(schemaOf(type)!, before, after);
  expect(differences.map(({ path, recreation }) => `${path.join('/')} ${recreation}`)).toEqual(expected);
});

test("values have AWS's format", () => {
  expect(printValue(true)).toBe('true');
  expect(printValue({ Size: 8, List: [1] })).toBe('{"Size":"8","List":["1"]}');
  expect(printValue('x'.repeat(5000))).toMatch(/^\(Truncated-Signature\):[0-9a-f]{64}$/);
});
