import { describe, expect, test } from '@jest/globals';
import { resolveTemplate } from '../../scripts/templates/resolve.ts';
import { parseTemplate } from '../../scripts/templates/template.ts';
import type { Json } from '../../scripts/templates/template.ts';

const head = `
Parameters:
  Environment: { Type: String, AllowedValues: [dev, prod] }
  Count: { Type: Number, Default: 2, MinValue: 1, MaxValue: 3 }
  Zones: { Type: CommaDelimitedList, Default: 'a,b' }
  Vpc: { Type: AWS::SSM::Parameter::Value<String>, Default: /x/vpc }
  Subnets: { Type: AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>, Default: /x/subnets }
  Name: { Type: String, Default: x, AllowedPattern: '^[a-z]+$' }
Mappings: { Sizes: { dev: { Memory: 512 }, prod: { Memory: 2048 } } }
Conditions:
  IsProd: !Equals [!Ref Environment, prod]
  IsSmall: !And [!Not [!Condition IsProd], !Equals [!Ref Count, '2']]
  Either: !Or [!Condition IsProd, !Condition IsSmall]
Resources:
`;

function value(expression: string, given: Record<string, string> = {}): Json | undefined {
  const template = parseTemplate('t', `${head}  X: { Type: T, Properties: { P: ${expression} } }\n`);
  return resolveTemplate(template, { Environment: 'dev', ...given }).resources.X?.Properties?.P;
}

describe('known values are resolved', () => {
  test.each<[string, Json]>([
    ['!Ref Count', 2],
    ['!Ref Zones', ['a', 'b']],
    ['!Ref Vpc', 'ssm:/x/vpc'],
    ['!Ref Subnets', ['ssm:/x/subnets#1', 'ssm:/x/subnets#2', 'ssm:/x/subnets#3']],
    ["!Sub '${Environment}-${Count}-${!x}'", 'dev-2-${x}'],
    ["!Sub ['${A}-${Environment}', { A: !Ref Name }]", 'x-dev'],
    ['!FindInMap [Sizes, !Ref Environment, Memory]', 512],
    ["!Join [',', !Ref Zones]", 'a,b'],
    ["!Select [1, !Split ['-', !Sub 'a-${Environment}']]", 'dev'],
    ['!If [IsSmall, 1, 2]', 1],
    ['!If [IsProd, 1, 2]', 2],
    ['!If [Either, [!Ref Name, !Ref AWS::NoValue], 0]', ['x']],
    ['{ A: !If [IsProd, 1, !Ref AWS::NoValue], B: 1 }', { B: 1 }],
  ])('%s', (expression, expected) => {
    expect(value(expression)).toEqual(expected);
  });
});

describe('values known only to AWS are kept', () => {
  test.each<[string, Json]>([
    ['!Ref AWS::Region', { Ref: 'AWS::Region' }],
    ['!GetAtt Other.Endpoint.Address', { 'Fn::GetAtt': ['Other', 'Endpoint.Address'] }],
    ["!Sub '${Environment}.${AWS::Region}'", { 'Fn::Sub': 'dev.${AWS::Region}' }],
    ["!Join [',', [!Ref Other]]", { 'Fn::Join': [',', [{ Ref: 'Other' }]] }],
    ["!Select [0, !GetAZs '']", { 'Fn::Select': [0, { 'Fn::GetAZs': '' }] }],
  ])('%s', (expression, expected) => {
    expect(value(expression)).toEqual(expected);
  });
});

test('a resource with a false condition is left out', () => {
  const template = parseTemplate('t', `${head}  X: { Type: T, Condition: IsProd }\n  Y: { Type: T }\n`);
  expect(Object.keys(resolveTemplate(template, { Environment: 'dev' }).resources)).toEqual(['Y']);
  expect(Object.keys(resolveTemplate(template, { Environment: 'prod' }).resources)).toEqual(['X', 'Y']);
});

describe('an invalid value is an error', () => {
  test.each([
    [{ Environment: 'test' }, 't: Environment: expected one of dev, prod, got "test"'],
    [{ Count: '4' }, 't: Count: expected a number from 1 to 3, got "4"'],
    [{ Count: 'two' }, 't: Count: expected a number from 1 to 3, got "two"'],
    [{ Count: '' }, 't: Count: expected a number from 1 to 3, got ""'],
    [{ Name: 'X1' }, 't: Name: expected a match of ^[a-z]+$, got "X1"'],
  ])('%j', (given, message) => {
    expect(() => value('1', given as Record<string, string>)).toThrow(message);
  });

  test('so is a missing one', () => {
    expect(() => resolveTemplate(parseTemplate('t', `${head}  X: { Type: T }\n`), {})).toThrow(
      't: Environment has no value',
    );
  });
  test('and an unknown name', () => {
    expect(() => value('!If [Missing, 1, 2]')).toThrow('t: no condition Missing');
    expect(() => value('!FindInMap [Sizes, staging, Memory]')).toThrow('t: Sizes has no staging, Memory');
  });
});

describe('a text that CloudFormation would refuse', () => {
  test('a YAML alias', () => {
    expect(() => parseTemplate('t', 'A: &a { B: 1 }\nC: *a\n')).toThrow(
      '*a: CloudFormation does not support',
    );
  });
  test('not YAML', () => {
    expect(() => parseTemplate('t', 'A: [1')).toThrow(/^t: /);
  });
});

test('a path has a line', () => {
  const template = parseTemplate('t', 'Resources:\n  X:\n    Type: T\n');
  expect(template.lineOf(['Resources', 'X', 'Type'])).toBe(3);
});
