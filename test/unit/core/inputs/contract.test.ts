import { describe, expect, test } from '@jest/globals';
import { InputError } from '../../../../src/core/errors.ts';
import {
  boolean,
  choice,
  duration,
  list,
  map,
  type InputSource,
  readInputs,
  secretInputs,
  secretText,
  text,
} from '../../../../src/core/inputs/contract.ts';
import type { InputContract } from '../../../../src/core/inputs/contract.ts';
import { fc } from '../../../support/property.ts';

const contract = {
  'stack-name': text({ required: true }),
  template: text(),
  'aws-region': text({ env: 'AWS_REGION' }),
  parameters: map(),
  capabilities: list({ default: 'CAPABILITY_IAM,CAPABILITY_NAMED_IAM' }),
  'termination-protection': boolean(),
  'revert-drift': boolean({ default: 'false' }),
  timeout: duration({ default: '60m' }),
  'on-failure': choice(['rollback', 'keep', 'delete'], { default: 'rollback' }),
  'github-token': secretText(),
} as const satisfies InputContract;

/** The inputs in an environment, as the runner sets them. */
function sourceOf(env: Record<string, string>): InputSource {
  const getInput = (name: string): string =>
    env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`]?.trim() ?? '';
  return { getInput, env };
}

function read(env: Record<string, string>) {
  return readInputs(contract, sourceOf({ 'INPUT_STACK-NAME': 'dev-platform-vpc', ...env }));
}

describe('readInputs', () => {
  test('without inputs: defaults, empty lists and maps, undefined', () => {
    expect(read({})).toEqual({
      'stack-name': 'dev-platform-vpc',
      template: undefined,
      'aws-region': undefined,
      parameters: {},
      capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
      'termination-protection': undefined,
      'revert-drift': false,
      timeout: 3_600_000,
      'on-failure': 'rollback',
      'github-token': undefined,
    });
  });

  test('the types follow the contract', () => {
    const inputs = read({ INPUT_TEMPLATE: 'a.yml' });
    const name: string = inputs['stack-name'];
    const template: string | undefined = inputs.template;
    const timeout: number = inputs.timeout;
    const onFailure: 'rollback' | 'keep' | 'delete' = inputs['on-failure'];
    // @ts-expect-error It may be undefined.
    const region: string = inputs['aws-region'];
    expect([name, template, timeout, onFailure, region]).toEqual([
      'dev-platform-vpc',
      'a.yml',
      3_600_000,
      'rollback',
      undefined,
    ]);
  });

  test('an empty text counts as not given', () => {
    expect(read({ INPUT_TIMEOUT: '', INPUT_TEMPLATE: '  ' })).toMatchObject({
      timeout: 3_600_000,
      template: undefined,
    });
    expect(() => read({ 'INPUT_STACK-NAME': ' ' })).toThrow('stack-name: a value is required');
  });

  test('an environment variable can replace an input, and the input takes precedence', () => {
    expect(read({ AWS_REGION: 'eu-west-1' })['aws-region']).toBe('eu-west-1');
    expect(read({ AWS_REGION: 'eu-west-1', 'INPUT_AWS-REGION': 'eu-north-1' })['aws-region']).toBe(
      'eu-north-1',
    );
    const region = { 'aws-region': text({ required: true, env: 'AWS_REGION' }) };
    expect(() => readInputs(region, sourceOf({}))).toThrow(
      'aws-region: a value is required, here or in the environment variable AWS_REGION',
    );
  });

  test('spaces in a name become underscores, as on GitHub', () => {
    expect(readInputs({ 'who to greet': text() }, sourceOf({ INPUT_WHO_TO_GREET: 'you' }))).toEqual({
      'who to greet': 'you',
    });
  });

  test.each([
    ['true', true],
    ['True', true],
    ['TRUE', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
  ])('boolean %s', (value, expected) => {
    expect(read({ 'INPUT_REVERT-DRIFT': value })['revert-drift']).toBe(expected);
  });

  test.each([
    ['1s', 1000],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['1.5h', 5_400_000],
    ['120h', 432_000_000],
  ])('duration %s', (value, expected) => {
    expect(read({ INPUT_TIMEOUT: value }).timeout).toBe(expected);
  });

  test('a duration is its number times its unit', () => {
    const units = fc.constantFrom(['s', 1000] as const, ['m', 60_000] as const, ['h', 3_600_000] as const);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), units, (amount, [unit, ms]) => {
        expect(read({ INPUT_TIMEOUT: `${amount}${unit}` }).timeout).toBe(amount * ms);
      }),
    );
  });

  test.each([
    ['INPUT_TIMEOUT', '90', 'timeout: expected a duration such as 90s, 30m or 2h, got "90"'],
    ['INPUT_TIMEOUT', '-1s', 'timeout: expected a duration such as 90s, 30m or 2h, got "-1s"'],
    ['INPUT_TIMEOUT', '1h30m', 'timeout: expected a duration such as 90s, 30m or 2h, got "1h30m"'],
    ['INPUT_TIMEOUT', '1e3s', 'timeout: expected a duration such as 90s, 30m or 2h, got "1e3s"'],
    ['INPUT_TIMEOUT', '0s', 'timeout: expected a duration from 1s to 120h, got "0s"'],
    ['INPUT_TIMEOUT', '0.5s', 'timeout: expected a duration from 1s to 120h, got "0.5s"'],
    ['INPUT_TIMEOUT', '121h', 'timeout: expected a duration from 1s to 120h, got "121h"'],
    ['INPUT_TIMEOUT', '100000h', 'timeout: expected a duration from 1s to 120h, got "100000h"'],
    ['INPUT_REVERT-DRIFT', 'yes', 'revert-drift: expected true or false, got "yes"'],
    [
      'INPUT_ON-FAILURE',
      'rolback',
      'on-failure: expected one of rollback, keep, delete, got "rolback". Did you mean rollback?',
    ],
    [
      'INPUT_ON-FAILURE',
      'Keep',
      'on-failure: expected one of rollback, keep, delete, got "Keep". Did you mean keep?',
    ],
    ['INPUT_ON-FAILURE', 'explode', 'on-failure: expected one of rollback, keep, delete, got "explode"'],
  ])('%s=%s is refused', (name, value, message) => {
    expect(() => read({ [name]: value })).toThrow(InputError);
    expect(() => read({ [name]: value })).toThrow(message);
  });

  test('a dissimilar word has no suggestion', () => {
    expect(() => read({ 'INPUT_ON-FAILURE': 'explode' })).not.toThrow('did you mean');
  });
});

describe('secretInputs', () => {
  test('returns only secret inputs with a value', () => {
    expect(
      secretInputs(contract, sourceOf({ 'INPUT_STACK-NAME': 'x', 'INPUT_GITHUB-TOKEN': ' ghs_1 ' })),
    ).toEqual(['ghs_1']);
    expect(secretInputs(contract, sourceOf({}))).toEqual([]);
  });
});

describe('InputError', () => {
  test('a long value is truncated', () => {
    expect(new InputError('tags', 'x'.repeat(5000), 'expected no').message.length).toBeLessThan(200);
  });
});
