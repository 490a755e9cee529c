import { describe, expect, test } from '@jest/globals';
import { parseTemplate } from '../../../../../sandbox/cloudformation/templates/template.ts';
import { validateTemplate } from '../../../../../sandbox/cloudformation/templates/validation.ts';

const read = (body: string): void => {
  validateTemplate(parseTemplate(body));
};

const TOPIC = 'T: { Type: AWS::SNS::Topic }';

/** Messages recorded from AWS, or from its documentation. */
describe('a refused template', () => {
  test.each([
    [
      'bad JSON',
      '{"Resources": {"A": oops}}',
      'Template format error: JSON not well-formed. (line 1, column 21)',
    ],
    ['bad YAML', 'Resources:\n  A: [', 'Template format error: YAML not well-formed. (line 2, column 7)'],
    [
      'an unknown tag',
      'Resources:\n  A: !GreaterThan [1, 2]',
      'Template format error: YAML not well-formed. (line 2, column 6)',
    ],
    [
      'an alias',
      `Resources: { A: &x { Type: AWS::SNS::Topic }, B: *x }`,
      'Template format error: YAML aliases are not allowed in CloudFormation templates',
    ],
    ['a list', '- a', 'Template format error: unsupported structure.'],
    [
      'an unknown section',
      `Resource: {}\nResources: { ${TOPIC} }`,
      'Invalid template property or properties [Resource]',
    ],
    [
      'another version',
      `AWSTemplateFormatVersion: '2020-01-01'\nResources: { ${TOPIC} }`,
      'Template format error: unsupported value for AWSTemplateFormatVersion.',
    ],
    [
      'no resources',
      'Description: x',
      'Template format error: At least one Resources member must be defined.',
    ],
    [
      'a resource that is not an object',
      'Resources: { A: 1 }',
      'Template format error: Any Resources member must be an object.',
    ],
    [
      'a resource without a type',
      'Resources: { A: {} }',
      'Template format error: [/Resources/A] Every Resources object must contain a Type member.',
    ],
    [
      'an unknown member of a resource',
      'Resources: { A: { Type: AWS::SNS::Topic, Invalid: 1 } }',
      "Invalid template resource property 'Invalid'",
    ],
    [
      'a logical id with a dash',
      'Resources: { my-topic: { Type: AWS::SNS::Topic } }',
      'Template format error: Resource name my-topic is non alphanumeric.',
    ],
    [
      'unknown types',
      'Resources: { A: { Type: AWS::No::Such }, B: { Type: Foo } }',
      'Template format error: Unrecognized resource types: [AWS::No::Such, Foo]',
    ],
    [
      'a null',
      `Resources: { ${TOPIC} }\nOutputs: { O: { Value: null } }`,
      "[/Outputs/O/Value] 'null' values are not allowed in templates",
    ],
    [
      'an output without value',
      `Resources: { ${TOPIC} }\nOutputs: { O: { Description: x } }`,
      'Template format error: Every Outputs member must contain a Value object',
    ],
    [
      'a mapping that contains texts',
      `Mappings: { M: { A: x } }\nResources: { ${TOPIC} }`,
      'Template format error: Every Mappings member A must be a map',
    ],
    [
      'a mapping that is too deep',
      `Mappings: { M: { A: { B: { C: x } } } }\nResources: { ${TOPIC} }`,
      'Template format error: Every Mappings attribute must be a String or a List.',
    ],
    [
      'a parameter without a type',
      `Parameters: { P: { Default: x } }\nResources: { ${TOPIC} }`,
      'Template format error: Every Parameters object must contain a Type member.',
    ],
    [
      'an unknown parameter type',
      `Parameters: { P: { Type: Text } }\nResources: { ${TOPIC} }`,
      'Template format error: Unrecognized parameter type: Text of parameter P',
    ],
    [
      'a reference to nothing',
      'Resources: { A: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref B } } }',
      'Template format error: Unresolved resource dependencies [B] in the Resources block of the template',
    ],
    [
      'a DependsOn without a target',
      'Resources: { A: { Type: AWS::SNS::Topic, DependsOn: [B, C] } }',
      'Template format error: Unresolved resource dependencies [B, C] in the Resources block of the template',
    ],
    [
      'a Sub without a target',
      'Resources: { A: { Type: AWS::SNS::Topic, Properties: { TopicName: !Sub "${B.Arn}" } } }',
      'Template format error: Unresolved resource dependencies [B] in the Resources block of the template',
    ],
    [
      'an output without a target',
      `Resources: { ${TOPIC} }\nOutputs: { O: { Value: !Ref B } }`,
      'Template format error: Unresolved resource dependencies [B] in the Outputs block of the template',
    ],
    [
      'GetAtt of nothing',
      'Resources: { A: { Type: AWS::SNS::Topic, Properties: { TopicName: !GetAtt B.Arn } } }',
      'Template error: instance of Fn::GetAtt references undefined resource B',
    ],
    [
      'an unknown attribute',
      `Resources: { ${TOPIC}, A: { Type: AWS::SNS::Topic, Properties: { TopicName: !GetAtt T.Colour } } }`,
      'Template error: resource T does not support attribute type Colour in Fn::GetAtt',
    ],
    [
      'an unknown condition',
      'Resources: { A: { Type: AWS::SNS::Topic, Condition: C } }',
      'Template format error: Unresolved condition dependency C in the Resources block of the template',
    ],
    [
      'a resource in a condition',
      `Conditions: { C: !Equals [!Ref T, x] }\nResources: { ${TOPIC} }`,
      'Template format error: Unresolved dependencies [T]. Cannot reference resources in the Conditions block of the template',
    ],
    [
      'an unknown mapping',
      `Resources: { A: { Type: AWS::SNS::Topic, Properties: { TopicName: !FindInMap [M, a, b] } } }`,
      "Template error: Mapping named 'M' is not present in the 'Mappings' section of template.",
    ],
    [
      'a macro',
      `Transform: AWS::Include\nResources: { ${TOPIC} }`,
      'The sandbox does not run macros: Transform AWS::Include is not supported',
    ],
    [
      'another resource of SAM than a function',
      'Transform: AWS::Serverless-2016-10-31\nResources: { A: { Type: AWS::Serverless::Api } }',
      'The sandbox does not expand AWS::Serverless::Api.',
    ],
    [
      'a function of SAM whose code is not in S3',
      'Transform: AWS::Serverless-2016-10-31\nResources: { A: { Type: AWS::Serverless::Function, Properties: { CodeUri: ./src } } }',
      "'CodeUri' is not a valid S3 Uri",
    ],
    [
      'a module',
      'Resources: { A: { Type: My::Own::Thing::MODULE } }',
      'The sandbox does not run modules: resource A of type My::Own::Thing::MODULE.',
    ],
  ])('%s', (_, body, message) => {
    expect(() => {
      read(body);
    }).toThrow(message);
  });

  test('circular dependencies', () => {
    const body = `Resources:
  A: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref B } }
  B: { Type: AWS::SNS::Topic, DependsOn: C }
  C: { Type: AWS::SNS::Topic, Properties: { TopicName: !Sub '\${A}' } }
  D: { Type: AWS::SNS::Topic, DependsOn: A }`;
    expect(() => {
      read(body);
    }).toThrow('Circular dependency between resources: [A, B, C]');
  });

  test('more resources than CloudFormation allows', () => {
    const resources = Array.from(
      { length: 501 },
      (_, index) => `  T${index}: { Type: AWS::SNS::Topic }`,
    ).join('\n');
    expect(() => {
      read(`Resources:\n${resources}`);
    }).toThrow('Number of resources, 501, is greater than maximum allowed, 500');
  });
});

test('YAML is parsed as version 1.1, like CloudFormation', () => {
  const { resources } = parseTemplate(`
AWSTemplateFormatVersion: 2010-09-09
Resources:
  A:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Version: 2012-10-17, Enabled: yes }
`);
  expect(resources.A?.properties.AssumeRolePolicyDocument).toEqual({ Version: '2012-10-17', Enabled: true });
});

test('a SAM function becomes a function and its role', () => {
  const { resources } = parseTemplate(`
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Runtime: nodejs24.x } }
Resources:
  Report:
    Type: AWS::Serverless::Function
    Properties: { Handler: index.handler, CodeUri: s3://artifacts/report.zip }`);
  expect(resources['Report']).toMatchObject({
    type: 'AWS::Lambda::Function',
    properties: {
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { S3Bucket: 'artifacts', S3Key: 'report.zip' },
      Role: { 'Fn::GetAtt': ['ReportRole', 'Arn'] },
    },
  });
  expect(resources['ReportRole']).toMatchObject({ type: 'AWS::IAM::Role' });
});
