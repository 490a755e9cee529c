import { badFormat, invalid } from '../errors.ts';
import { type Json, type JsonObject, textOf } from '../json.ts';
import { KNOWN_AFTER_APPLY } from './intrinsics.ts';
import { fitsPattern } from './patterns.ts';
import type { ParameterDefinition, Template } from './template.ts';

/** A parameter of a stack. */
export interface ParameterValue {
  key: string;
  /** The given value. For SSM types, the name of the parameter in the parameter store. */
  value: string;
  /** The value in the parameter store, for SSM types. */
  resolved?: string;
  type: string;
  noEcho: boolean;
}
export type ParameterValues = ReadonlyMap<string, ParameterValue>;

export interface GivenParameter {
  ParameterKey: string;
  ParameterValue?: string;
  UsePreviousValue?: string;
}

export interface ParameterSource {
  /** The stack's current values, or undefined if there is no stack yet. */
  previous: ParameterValues | undefined;
  /** Reads the parameter store. */
  ssm(name: string): string | undefined;
}

const SSM_VALUE = /^AWS::SSM::Parameter::Value<(.+)>$/;
const AWS_IDS: Record<string, RegExp> = {
  'AWS::EC2::VPC::Id': /^vpc-[0-9a-f]{8,17}$/,
  'AWS::EC2::Subnet::Id': /^subnet-[0-9a-f]{8,17}$/,
  'AWS::EC2::SecurityGroup::Id': /^sg-[0-9a-f]{8,17}$/,
  'AWS::EC2::Instance::Id': /^i-[0-9a-f]{8,17}$/,
  'AWS::EC2::Image::Id': /^ami-[0-9a-f]{8,17}$/,
  'AWS::EC2::Volume::Id': /^vol-[0-9a-f]{8,17}$/,
  'AWS::EC2::AvailabilityZone::Name': /^[a-z]{2}(-[a-z]+)+-\d[a-z]$/,
  'AWS::Route53::HostedZone::Id': /^Z[A-Z0-9]{5,31}$/,
  'AWS::EC2::KeyPair::KeyName': /^[ -~]{1,255}$/,
  'AWS::EC2::SecurityGroup::GroupName': /^[ -~]{1,255}$/,
};
const LISTABLE = ['Number', 'String', ...Object.keys(AWS_IDS)];

/** Checks the declared types of parameters. */
export function checkParameterTypes(template: Template): void {
  for (const [name, { type }] of Object.entries(template.parameters)) {
    const plain = SSM_VALUE.exec(type)?.[1] ?? type;
    const element = /^List<(.+)>$/.exec(plain)?.[1];
    const known =
      element === undefined ? [...LISTABLE, 'CommaDelimitedList', 'AWS::SSM::Parameter::Name'] : LISTABLE;
    if (!known.includes(element ?? plain)) {
      throw badFormat(`Unrecognized parameter type: ${type} of parameter ${name}`);
    }
  }
}

/**
 * The value of every declared parameter: given, kept from the stack, or the template's default. Throws AWS's
 * ValidationError for values that are missing, unknown, or violate a constraint.
 */
export function resolveParameters(
  template: Template,
  given: readonly GivenParameter[],
  source: ParameterSource,
): ParameterValues {
  const declared = template.parameters;
  // https://github.com/aws/aws-toolkit-azure-devops/issues/75
  if (given.length > 0 && Object.keys(declared).length === 0) {
    throw invalid('Parameter values specified for a template which does not require them.');
  }
  const unknown = given.map(({ ParameterKey: key }) => key).filter((key) => !(key in declared));
  if (unknown.length > 0) throw invalid(`Parameters: [${unknown.join(', ')}] do not exist in the template`);
  const byKey = new Map(given.map((item) => [item.ParameterKey, item]));
  const missing: string[] = [];
  const values = new Map<string, ParameterValue>();
  for (const [key, definition] of Object.entries(declared)) {
    const value = valueOf(byKey.get(key), source.previous) ?? definition.default;
    if (value === undefined) missing.push(key);
    else values.set(key, { key, value, type: definition.type, noEcho: definition.noEcho });
  }
  if (missing.length > 0) throw invalid(`Parameters: [${missing.join(', ')}] must have values`);
  return new Map([...readStore(values, source)].map(([key, value]) => [key, checked(value, declared[key])]));
}

function valueOf(
  given: GivenParameter | undefined,
  previous: ParameterValues | undefined,
): string | undefined {
  if (!given) return undefined;
  const { ParameterKey: key, ParameterValue: value, UsePreviousValue: usePrevious } = given;
  if (usePrevious !== 'true') return value;
  if (value !== undefined) {
    throw invalid(
      `Invalid input for parameter key ${key}. Cannot specify usePreviousValue as true and also specify value`,
    );
  }
  const kept = previous?.get(key);
  if (!kept) {
    throw invalid(
      `Invalid input for parameter key ${key}. Cannot specify usePreviousValue as true for a parameter key not in the previous template`,
    );
  }
  return kept.value;
}

/** SSM types are read again in each operation, including previous values. */
function readStore(values: ParameterValues, source: ParameterSource): ParameterValues {
  const missing: string[] = [];
  const result = new Map<string, ParameterValue>();
  for (const [key, parameter] of values) {
    if (!SSM_VALUE.test(parameter.type)) {
      result.set(key, parameter);
      continue;
    }
    const resolved = source.ssm(parameter.value);
    if (resolved === undefined) missing.push(parameter.value);
    else result.set(key, { ...parameter, resolved });
  }
  if (missing.length > 0) {
    throw invalid(`Unable to fetch parameters [${missing.join(',')}] from parameter store for this account.`);
  }
  return result;
}

function checked(parameter: ParameterValue, definition: ParameterDefinition | undefined): ParameterValue {
  const { key, value, type } = parameter;
  if (!definition || value === KNOWN_AFTER_APPLY) return parameter;
  const problem = constraintProblem(value, definition);
  if (problem !== undefined) {
    const described = definition.constraintDescription;
    throw invalid(
      described === undefined
        ? `Parameter '${key}' ${problem}`
        : `Parameter ${key} failed to satisfy constraint: ${described}`,
    );
  }
  const plain = SSM_VALUE.exec(type)?.[1] ?? type;
  const pattern = AWS_IDS[/^List<(.+)>$/.exec(plain)?.[1] ?? plain];
  const wrong = pattern && partsOf(parameter).find((part) => !pattern.test(part));
  if (wrong !== undefined) {
    throw invalid(
      `Parameter validation failed: parameter value ${wrong} for parameter name ${key} does not exist`,
    );
  }
  return parameter;
}

function constraintProblem(value: string, definition: ParameterDefinition): string | undefined {
  const { allowedValues, allowedPattern, minLength, maxLength, minValue, maxValue, type } = definition;
  const list = type === 'CommaDelimitedList' || type.startsWith('List<');
  const parts = list ? split(value) : [value];
  if (allowedValues && !parts.every((part) => allowedValues.includes(part)))
    return 'must be one of AllowedValues';
  if (allowedPattern !== undefined && !parts.every((part) => fitsPattern(part, allowedPattern))) {
    return `must match pattern ${allowedPattern}`;
  }
  if (minLength !== undefined && value.length < minLength)
    return `must contain at least ${minLength} characters`;
  if (maxLength !== undefined && value.length > maxLength)
    return `must contain at most ${maxLength} characters`;
  if (type !== 'Number' && type !== 'List<Number>') return undefined;
  if (parts.some((part) => part.trim() === '' || Number.isNaN(Number(part)))) return 'must be a number';
  if (minValue !== undefined && Number(value) < minValue) return `must be a number not less than ${minValue}`;
  if (maxValue !== undefined && Number(value) > maxValue)
    return `must be a number not greater than ${maxValue}`;
  return undefined;
}

const split = (value: string): string[] => value.split(',').map((part) => part.trim());

function partsOf(parameter: ParameterValue): string[] {
  const value = parameter.resolved ?? parameter.value;
  return isList(parameter.type) ? split(value) : [value];
}

function isList(type: string): boolean {
  const plain = SSM_VALUE.exec(type)?.[1] ?? type;
  return plain === 'CommaDelimitedList' || plain.startsWith('List<');
}

/** The value of `Ref` for a parameter. */
export function parameterReference(parameter: ParameterValue): Json {
  return isList(parameter.type) ? partsOf(parameter) : (parameter.resolved ?? parameter.value);
}

/** The same parameters with masked secrets, for display. */
export function maskSecrets(parameters: ParameterValues): ParameterValues {
  return new Map(
    [...parameters].map(([key, parameter]) => [
      key,
      parameter.noEcho ? { ...parameter, value: MASK, resolved: MASK } : parameter,
    ]),
  );
}

/** The parameters as the API returns them. */
export function describeParameters(parameters: ParameterValues): object[] | undefined {
  if (parameters.size === 0) return undefined;
  return [...parameters.values()].map(({ key, value, resolved, noEcho }) => ({
    ParameterKey: key,
    ParameterValue: noEcho ? MASK : value,
    ResolvedValue: noEcho && resolved !== undefined ? MASK : resolved,
  }));
}

/** The displayed value of a secret. */
export const MASK = '****';

/**
 * Which parts of a live resource are secret is unknown: a value is masked if the stack has a secret at the same path.
 */
export function hideSecrets(live: JsonObject, shown: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(live).map(([name, value]) => [name, textOf(shown[name]).includes(MASK) ? MASK : value]),
  );
}
