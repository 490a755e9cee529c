import { describe, expect, test } from '@jest/globals';
import type { GivenParameter } from '../../../../../sandbox/cloudformation/templates/parameters.ts';
import {
  describeParameters,
  maskSecrets,
  parameterReference,
  resolveParameters,
} from '../../../../../sandbox/cloudformation/templates/parameters.ts';
import { parseTemplate } from '../../../../../sandbox/cloudformation/templates/template.ts';

const store: Record<string, string> = { '/shop/image': 'repo@sha256:1', '/shop/zones': 'a,b' };
const ssm = (name: string): string | undefined => store[name];

function declared(parameter: string) {
  return parseTemplate(`Parameters: { P: ${parameter} }\nResources: { T: { Type: AWS::SNS::Topic } }`);
}

function resolved(parameter: string, value: string | undefined, more: Partial<GivenParameter> = {}) {
  const given =
    value === undefined && Object.keys(more).length === 0
      ? []
      : [{ ParameterKey: 'P', ...(value === undefined ? {} : { ParameterValue: value }), ...more }];
  return resolveParameters(declared(parameter), given, { previous: undefined, ssm }).get('P')!;
}

describe('values', () => {
  test.each([
    ['{ Type: String }', 'a,b', 'a,b'],
    ['{ Type: String, Default: x }', undefined, 'x'],
    ['{ Type: String, Default: x }', '', ''],
    ['{ Type: Number, Default: 3 }', undefined, '3'],
    ['{ Type: CommaDelimitedList }', 'a, b,c', ['a', 'b', 'c']],
    ['{ Type: List<Number> }', '1,2', ['1', '2']],
    ['{ Type: AWS::EC2::VPC::Id }', 'vpc-0123456789abcdef0', 'vpc-0123456789abcdef0'],
    [
      '{ Type: List<AWS::EC2::Subnet::Id> }',
      'subnet-11111111,subnet-22222222',
      ['subnet-11111111', 'subnet-22222222'],
    ],
    ['{ Type: AWS::SSM::Parameter::Value<String> }', '/shop/image', 'repo@sha256:1'],
    ['{ Type: AWS::SSM::Parameter::Value<List<String>> }', '/shop/zones', ['a', 'b']],
    ['{ Type: AWS::SSM::Parameter::Name }', '/shop/image', '/shop/image'],
  ])('%s given %s', (parameter, value, expected) => {
    expect(parameterReference(resolved(parameter, value))).toEqual(expected);
  });

  test('the previous value is kept on request, and an SSM value is read again', () => {
    const template = declared('{ Type: AWS::SSM::Parameter::Value<String> }');
    const first = resolveParameters(template, [{ ParameterKey: 'P', ParameterValue: '/shop/image' }], {
      previous: undefined,
      ssm,
    });
    const second = resolveParameters(template, [{ ParameterKey: 'P', UsePreviousValue: 'true' }], {
      previous: first,
      ssm: () => 'new',
    });
    expect(second.get('P')).toMatchObject({ value: '/shop/image', resolved: 'new' });
  });

  test('a secret is shown as stars', () => {
    const parameter = resolved('{ Type: String, NoEcho: true }', 'hunter2');
    expect(describeParameters(new Map([['P', parameter]]))).toMatchObject([{ ParameterValue: '****' }]);
    expect(parameterReference(maskSecrets(new Map([['P', parameter]])).get('P')!)).toBe('****');
  });
});

describe('refusals', () => {
  test.each([
    ['{ Type: String }', undefined, 'Parameters: [P] must have values'],
    ['{ Type: String, AllowedValues: [a, b] }', 'c', "Parameter 'P' must be one of AllowedValues"],
    ['{ Type: String, AllowedPattern: "[a-z]+" }', 'ab1', "Parameter 'P' must match pattern [a-z]+"],
    [
      '{ Type: String, AllowedPattern: "[a-z]+", ConstraintDescription: only letters }',
      '1',
      'Parameter P failed to satisfy constraint: only letters',
    ],
    ['{ Type: String, MinLength: 3 }', 'ab', "Parameter 'P' must contain at least 3 characters"],
    ['{ Type: String, MaxLength: 3 }', 'abcd', "Parameter 'P' must contain at most 3 characters"],
    ['{ Type: Number }', 'x', "Parameter 'P' must be a number"],
    ['{ Type: Number, MinValue: 2 }', '1', "Parameter 'P' must be a number not less than 2"],
    ['{ Type: Number, MaxValue: 2 }', '3', "Parameter 'P' must be a number not greater than 2"],
    [
      '{ Type: CommaDelimitedList, AllowedValues: [a, b] }',
      'a,c',
      "Parameter 'P' must be one of AllowedValues",
    ],
    [
      '{ Type: AWS::EC2::VPC::Id }',
      'vpc',
      'Parameter validation failed: parameter value vpc for parameter name P does not exist',
    ],
    [
      '{ Type: AWS::SSM::Parameter::Value<String> }',
      '/no/such',
      'Unable to fetch parameters [/no/such] from parameter store for this account.',
    ],
  ])('%s given %s', (parameter, value, message) => {
    expect(() => resolved(parameter, value)).toThrow(message);
  });

  test('an unknown parameter', () => {
    const given = [{ ParameterKey: 'Q', ParameterValue: 'x' }];
    expect(() =>
      resolveParameters(declared('{ Type: String }'), given, { previous: undefined, ssm }),
    ).toThrow('Parameters: [Q] do not exist in the template');
  });

  test('a missing previous value, or one in addition to a new value', () => {
    expect(() => resolved('{ Type: String }', undefined, { UsePreviousValue: 'true' })).toThrow(
      /not in the previous template/,
    );
    expect(() => resolved('{ Type: String }', 'x', { UsePreviousValue: 'true' })).toThrow(
      /also specify value/,
    );
  });
});
