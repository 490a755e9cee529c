import { expect, test } from '@jest/globals';
import { templateOf } from '../aws.ts';

/** Line numbers refer to this text; ids such as Service, Template and Resource are also words in prose. */
const TEMPLATE = templateOf(`Parameters:
  Size: { Type: String }
Transform: AWS::LanguageExtensions
Conditions:
  IsProd: !Equals [!Ref Size, large]
Rules:
  OnlySmall: { Assertions: [] }
Resources:
  Template:
    Type: AWS::SNS::Topic
  Resource:
    Type: AWS::SNS::Topik
  Service:
    Type: AWS::EC2::Instance
    Properties:
      EbsOptimized:
      UserData: !Sub 'to \${Queue.Arnn}'
      SubnetId: !GetAtt Template.Arnn
      Tags:
        - Key: a
          Value: !Ref Topicc
  Queue:
    Type: AWS::SQS::Queue
    Condition: IsTest
    DependsOn: [Template, Gone]
    Properties:
      DelaySeconds: 5000
      QueueName: !ImportValue shop-name
      Tags:
        - { Key: b, Value: !FindInMap [Sizes, small, x] }
        - Key: c
          Value: { 'Fn::GetAtt': [Vanished, Arn] }
      Colour: red
  Fn::ForEach::Topics:
    - Name
    - [Alpha, Beta]
    - Topic\${Name}:
        Type: AWS::SNS::Topic
        Properties:
          DisplayName: x
Outputs:
  Out: { Value: !Ref Lost }
`);

test.each<[string, string | undefined, number | undefined]>([
  ['Template format error: YAML not well-formed. (line 3, column 5)', undefined, 3],
  ["[/Resources/Service/Type/EbsOptimized] 'null' values are not allowed in templates", 'Service', 16],
  ["[/Resources/Service/Properties/EbsOptimized] 'null' values are not allowed", 'Service', 16],
  ["[/Resources/Service/Type/Tags/0/Value] 'null' values are not allowed in templates", 'Service', 21],
  ["[/Parameters/Size/Default] 'null' values are not allowed in templates", undefined, 2],
  ['Template error: resource Template does not support attribute type Arnn in Fn::GetAtt', 'Service', 18],
  ['Template error: resource Queue does not support attribute type Arnn in Fn::GetAtt', 'Service', 17],
  ['Template error: instance of Fn::GetAtt references undefined resource Vanished', 'Queue', 32],
  [
    'Template format error: Unresolved resource dependencies [Topicc] in the Resources block of the template',
    'Service',
    21,
  ],
  [
    'Template format error: Unresolved resource dependencies [Gone, Topicc] in the Resources block of the template',
    'Queue',
    25,
  ],
  [
    'Template format error: Unresolved resource dependencies [Lost] in the Outputs block of the template',
    undefined,
    42,
  ],
  [
    'Template format error: Unresolved condition dependency IsTest in the Resources block of the template',
    'Queue',
    24,
  ],
  ['Template error: Unable to get mapping for Sizes::small::x', 'Queue', 30],
  ['No export named shop-name found', 'Queue', 28],
  ['Template format error: Unrecognized resource types: [AWS::SNS::Topik]', 'Resource', 12],
  ['Circular dependency between resources: [Queue, Template]', 'Queue', 22],
  ['Parameters: [Size] must have values', undefined, 2],
  ["Parameter 'Size' must be one of AllowedValues", undefined, 2],
  ['Template error: Rule OnlySmall failed: no', undefined, 7],
  [
    'Properties validation failed for resource Queue with message: [#/DelaySeconds: 5000 is not less or equal to 900]',
    'Queue',
    27,
  ],
  ['Properties validation failed for resource Queue with message: extraneous key', 'Queue', 26],
  ['Encountered unsupported property Colour', 'Queue', 33],
  [
    'Action denied by stack policy: Statement [#1] does not allow [Update:Replace] for resource [LogicalResourceId/Queue];',
    'Queue',
    22,
  ],
  ['The resource [TopicAlpha] is not valid', 'TopicAlpha', 37],
  // Words in prose, other names, and values are not ids.
  ['Template format error: the Service refuses this Resource', undefined, undefined],
  ['Queue and Template of this Service', undefined, undefined],
  ["Value 'x' failed to satisfy constraint: must be 'red'", undefined, undefined],
  ['', undefined, undefined],
])('%s', (message, logicalId, line) => {
  const place = TEMPLATE.locate(message);
  expect([place.logicalId, place.line]).toEqual([logicalId, line]);
});

test('the path inside the resource', () => {
  expect(TEMPLATE.locate('Unresolved resource dependencies [Topicc]')).toEqual({
    logicalId: 'Service',
    path: 'Properties.Tags.0.Value',
    line: 21,
  });
});

test.each([
  ['Resources.TopicBeta', 37],
  ['Resources.TopicBeta.Properties.DisplayName', 40],
  ['Resources.Elsewhere', 3],
])('%s of a loop is on line %i', (path, line) => {
  expect(TEMPLATE.lineOf(path)).toBe(line);
});

test.each([
  ['Resources.ApiRole', 4],
  ['Resources.ApiHandlerPermission', 7],
  ['Resources.ServerlessRestApi', 1],
])('%s of a transform is on line %i', (path, line) => {
  const sam = templateOf(`Transform: AWS::Serverless-2016-10-31
Resources:
  # expands to several resources
  Api:
    Type: AWS::Serverless::Function
    Properties: {}
  ApiHandler:
    Type: AWS::Serverless::Function
`);
  expect(sam.lineOf(path)).toBe(line);
});

test('without a transform or a loop, an undeclared resource has no line', () => {
  expect(templateOf('Resources:\n  Api: { Type: x }\n').lineOf('Resources.ApiRole')).toBeUndefined();
});
