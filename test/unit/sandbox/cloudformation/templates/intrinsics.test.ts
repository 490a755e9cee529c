import { describe, expect, test } from '@jest/globals';
import { KNOWN_AFTER_APPLY, resolve } from '../../../../../sandbox/cloudformation/templates/intrinsics.ts';
import type { Json } from '../../../../../sandbox/cloudformation/json.ts';
import { templateScope } from '../../../../../sandbox/cloudformation/templates/scope.ts';
import { parseTemplate } from '../../../../../sandbox/cloudformation/templates/template.ts';
import { parseTemplateText } from '../../../../../sandbox/cloudformation/templates/text.ts';

const TEMPLATE = parseTemplate(`
Transform: AWS::LanguageExtensions
Parameters:
  Env: { Type: String }
  Zones: { Type: CommaDelimitedList }
  Image: { Type: 'AWS::SSM::Parameter::Value<String>' }
Mappings:
  Sizes:
    dev: { Cpu: '256', Zones: [a, b] }
    prod: { Cpu: '1024' }
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsDev: !Not [!Condition IsProd]
  Either: !Or [!Condition IsProd, !Condition IsDev]
  Both: !And [!Condition IsProd, !Condition IsDev]
Resources:
  Vpc: { Type: AWS::EC2::VPC }
`);

const value = (key: string, text: string, type: string, resolved?: string) =>
  [key, { key, value: text, type, noEcho: false, ...(resolved === undefined ? {} : { resolved }) }] as const;

const scope = templateScope(
  TEMPLATE,
  new Map([
    value('Env', 'dev', 'String'),
    value('Zones', 'a, b,c', 'CommaDelimitedList'),
    value('Image', '/shop/image', 'AWS::SSM::Parameter::Value<String>', 'repo@sha256:1'),
  ]),
  {
    account: '111111111111',
    region: 'eu-west-1',
    stackName: 'shop',
    stackId: 'arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/1',
    notificationArns: ['arn:aws:sns:eu-west-1:111111111111:news'],
    importValue: (name) => (name === 'dev-vpc' ? 'vpc-1' : KNOWN_AFTER_APPLY),
    stackOutput: (reference) => Object.values(reference).join('/'),
    dynamic: (service, name, version) => `${service}:${name}:${version ?? 'newest'}`,
  },
  {
    reference: (id) => ({ Vpc: 'vpc-0abc', New: KNOWN_AFTER_APPLY })[id],
    attribute: (id, name) => (id === 'New' ? KNOWN_AFTER_APPLY : `${id}/${name}`),
  },
);

const evaluate = (yaml: string): Json | undefined => resolve(parseTemplateText(yaml), scope);

describe('functions', () => {
  test.each<[string, Json | undefined]>([
    ['!Ref Env', 'dev'],
    ['!Ref Zones', ['a', 'b', 'c']],
    ['!Ref Image', 'repo@sha256:1'],
    ['!Ref Vpc', 'vpc-0abc'],
    ['!Ref AWS::Region', 'eu-west-1'],
    ['!Ref AWS::Partition', 'aws'],
    ['!Ref AWS::URLSuffix', 'amazonaws.com'],
    ['!Ref AWS::NotificationARNs', ['arn:aws:sns:eu-west-1:111111111111:news']],
    ['!Ref AWS::NoValue', undefined],
    ['A: !Ref AWS::NoValue\nB: 1', { B: 1 }],
    ['[1, !Ref AWS::NoValue, 2]', [1, 2]],
    ['!GetAtt Vpc.CidrBlock', 'Vpc/CidrBlock'],
    ['!GetAtt Database.Endpoint.Address', 'Database/Endpoint.Address'],
    ['!GetAtt [Vpc, CidrBlock]', 'Vpc/CidrBlock'],
    ['Fn::GetAtt: [Nested, Outputs.VpcId]', 'Nested/Outputs.VpcId'],
    ['!Sub "${Env}-${AWS::AccountId}-${Vpc}-${Vpc.CidrBlock}"', 'dev-111111111111-vpc-0abc-Vpc/CidrBlock'],
    ['!Sub "${!Literal} $Env {Env} ${ Env }"', '${Literal} $Env {Env} dev'],
    ['!Sub ["${Name}/${Env}", { Name: !Select [1, !Ref Zones] }]', 'b/dev'],
    ['!Sub "${Zones}"', 'a,b,c'],
    ['!Join ["-", [a, !Ref Env, 3]]', 'a-dev-3'],
    ['!Join [",", !Ref Zones]', 'a,b,c'],
    ['!Select [2, !GetAZs ""]', 'eu-west-1c'],
    ['!Select ["0", !GetAZs us-east-1]', 'us-east-1a'],
    ['!Split [":", "a:b:"]', ['a', 'b', '']],
    ['!FindInMap [Sizes, !Ref Env, Cpu]', '256'],
    ['!FindInMap [Sizes, dev, Zones]', ['a', 'b']],
    ['Fn::FindInMap: [Sizes, staging, Cpu, { DefaultValue: "512" }]', '512'],
    ['!If [IsProd, 3, 1]', 1],
    ['!If [IsProd, { A: 1 }, !Ref AWS::NoValue]', undefined],
    ['!If [Either, yes, no]', true],
    ['!If [Both, 1, 0]', 0],
    ['!ImportValue dev-vpc', 'vpc-1'],
    ['Fn::ImportValue: !Sub "${Env}-vpc"', 'vpc-1'],
    ['!ImportValue later', KNOWN_AFTER_APPLY],
    ['!GetStackOutput { StackName: net, OutputName: Vpc }', 'net/Vpc'],
    [
      'Fn::GetStackOutput: { StackName: !Sub "${Env}-net", OutputName: Vpc, Region: us-east-1 }',
      'dev-net/Vpc/us-east-1',
    ],
    ['!Sub ["${V}/x", { V: { Fn::GetStackOutput: { StackName: net, OutputName: Vpc } } }]', 'net/Vpc/x'],
    ['Fn::Base64: !Sub "hello ${Env}"', Buffer.from('hello dev').toString('base64')],
    ['!Cidr [10.0.0.0/16, 2, 8]', ['10.0.0.0/24', '10.0.1.0/24']],
    ['!Select [1, !Cidr ["10.0.0.0/16", 2, 8]]', '10.0.1.0/24'],
    ['Fn::Length: !Ref Zones', 3],
    ['Fn::ToJsonString: { A: !Ref Env }', '{"A":"dev"}'],
    ['"{{resolve:ssm:/shop/db:3}}"', 'ssm:/shop/db:3'],
    ['!Sub "{{resolve:ssm:/${Env}/db}}"', 'ssm:/dev/db:newest'],
    [
      '"{{resolve:secretsmanager:db:SecretString:password}}"',
      '{{resolve:secretsmanager:db:SecretString:password}}',
    ],
    [
      'Statement: [{ Effect: Allow, Condition: { StringEquals: { "aws:x": !Ref Env } } }]',
      {
        Statement: [{ Effect: 'Allow', Condition: { StringEquals: { 'aws:x': 'dev' } } }],
      },
    ],
  ])('%s', (yaml, expected) => {
    expect(evaluate(yaml)).toEqual(expected);
  });

  test.each([
    '!Ref New',
    '!Sub "a-${New}"',
    '!Sub "${New.Arn}/x"',
    '!Join [":", [a, !Ref New]]',
    '!Select [0, !Split [",", !GetAtt New.List]]',
    'Fn::Base64: !Ref New',
    '!Cidr [!GetAtt New.CidrBlock, 2, 8]',
  ])('%s is known after apply', (yaml) => {
    expect(evaluate(yaml)).toBe(KNOWN_AFTER_APPLY);
  });

  test.each([
    ['!Ref Nothing', 'Template error: instance of Ref references undefined resource Nothing'],
    ['!FindInMap [Sizes, test, Cpu]', 'Template error: Unable to get mapping for Sizes::test::Cpu'],
    ['!Select [7, !Ref Zones]', 'Template error: Fn::Select cannot select nonexistent value at index 7'],
    ['!If [Unknown, 1, 2]', 'Template format error: Unresolved condition dependency Unknown'],
    ['!Join [1, [a]]', 'Template error: every Fn::Join object requires a string delimiter.'],
    [
      'Fn::Transform: { Name: AWS::Include }',
      'The sandbox does not run macros: Fn::Transform AWS::Include is not supported.',
    ],
  ])('%s is refused', (yaml, message) => {
    expect(() => evaluate(yaml)).toThrow(message);
  });
});

test('loops of AWS::LanguageExtensions are expanded', () => {
  const template = parseTemplate(
    `
Transform: AWS::LanguageExtensions
Parameters: { Names: { Type: CommaDelimitedList, Default: 'one, two-b' } }
Resources:
  Fn::ForEach::Topics:
    - Name
    - !Ref Names
    - Topic&{Name}:
        Type: AWS::SNS::Topic
        Properties: { TopicName: !Sub 'x-\${Name}', DisplayName: !Ref Name }
`,
  );
  expect(Object.keys(template.resources)).toEqual(['Topicone', 'Topictwob']);
  expect(template.resources.Topictwob?.properties).toEqual({
    TopicName: { 'Fn::Sub': 'x-two-b' },
    DisplayName: 'two-b',
  });
});

test('syntax for keys is not changed in values', () => {
  const template = parseTemplate(
    `
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Topics:
    - Name
    - [two-b]
    - Topic&{Name}: { Type: AWS::SNS::Topic, Properties: { DisplayName: 'Topic&{Name} \${Name}' } }
`,
  );
  expect(template.resources.Topictwob?.properties).toEqual({ DisplayName: 'Topic&{Name} two-b' });
});

test('with nested stacks in the plan, Fn::Select fails only for their outputs', () => {
  const planning = { ...scope, nestedPlanning: true };
  const subnets = '!Select [1, !Cidr [!GetAtt New.CidrBlock, 2, !Ref Env]]';
  expect(resolve(parseTemplateText(subnets), planning)).toBe(KNOWN_AFTER_APPLY);
  const output = "!Select [1, !Split [',', !GetAtt New.Outputs.Subnets]]";
  expect(() => resolve(parseTemplateText(output), planning)).toThrow('nonexistent value at index 1');
});
