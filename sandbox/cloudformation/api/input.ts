import type { Input } from '../../protocols/service.ts';
import { AwsError, listOf, textOf } from '../../protocols/service.ts';
import { invalid } from '../errors.ts';
import type { GivenParameter } from '../templates/parameters.ts';
import type { RollbackConfiguration, Tag } from '../engine/stack.ts';

/** An optional text. An empty one counts as absent. */
export function optional(input: Input, name: string): string | undefined {
  const value = textOf(input[name]);
  return value === '' ? undefined : value;
}

/** A required text. */
export function required(input: Input, name: string): string {
  const value = optional(input, name);
  if (value === undefined) {
    throw invalid(
      `1 validation error detected: Value null at '${lowerFirst(name)}' failed to satisfy constraint: Member must not be null`,
    );
  }
  return value;
}

export function flag(input: Input, name: string): boolean {
  return textOf(input[name]) === 'true';
}

/** A text that must match a pattern. The message contains the pattern, as in AWS. */
export function matching(input: Input, name: string, pattern: string): string {
  const value = required(input, name);
  if (!new RegExp(`^(?:${pattern})$`).test(value)) {
    throw invalid(
      `1 validation error detected: Value '${value}' at '${lowerFirst(name)}' failed to satisfy constraint: Member must satisfy regular expression pattern: ${pattern}`,
    );
  }
  return value;
}

/** One of a fixed set of values. */
export function choice<T extends string>(input: Input, name: string, allowed: readonly T[]): T | undefined {
  const value = optional(input, name);
  if (value === undefined) return undefined;
  const known = allowed.find((item) => item === value);
  if (known === undefined) {
    throw invalid(
      `1 validation error detected: Value '${value}' at '${lowerFirst(name)}' failed to satisfy constraint: Member must satisfy enum value set: [${allowed.join(', ')}]`,
    );
  }
  return known;
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** A list of texts, or undefined if it is absent, which differs from empty. */
export function texts(input: Input, name: string): string[] | undefined {
  return input[name] === undefined ? undefined : listOf(input[name]).map(String);
}

/** The capabilities, in the order in which CloudFormation lists them. */
const CAPABILITIES = ['CAPABILITY_AUTO_EXPAND', 'CAPABILITY_NAMED_IAM', 'CAPABILITY_IAM'];

/**
 * The acknowledged capabilities. Throws ValidationError for an unknown one.
 *
 * @see https://github.com/aws-actions/aws-cloudformation-github-deploy/issues/130 for the message
 * @see https://github.com/aws-actions/aws-cloudformation-github-deploy/issues/134 for an empty name
 */
export function capabilitiesOf(input: Input): string[] {
  const given = texts(input, 'Capabilities') ?? [];
  if (given.every((name) => CAPABILITIES.includes(name))) return given;
  throw invalid(
    `1 validation error detected: Value '[${given.join(', ')}]' at 'capabilities' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [${CAPABILITIES.join(', ')}]]`,
  );
}

export function parametersOf(input: Input): GivenParameter[] {
  return listOf(input.Parameters).map((item) => {
    const given = item as Input;
    const value = textOf(given.ParameterValue);
    const previous = textOf(given.UsePreviousValue);
    return {
      ParameterKey: textOf(given.ParameterKey) ?? '',
      ...(value === undefined ? {} : { ParameterValue: value }),
      ...(previous === undefined ? {} : { UsePreviousValue: previous }),
    };
  });
}

export function tagsOf(input: Input): Tag[] | undefined {
  if (input.Tags === undefined) return undefined;
  return listOf(input.Tags).map((item) => ({
    Key: textOf((item as Input).Key) ?? '',
    Value: textOf((item as Input).Value) ?? '',
  }));
}

const MAX_TRIGGERS = 5;
const MAX_MONITORING_MINUTES = 180;

/** The rollback configuration, or undefined if the request has none. */
export function rollbackConfigurationOf(input: Input): RollbackConfiguration | undefined {
  const given = input.RollbackConfiguration as Input | null | undefined;
  if (typeof given !== 'object' || given === null) return undefined;
  const minutes = textOf(given.MonitoringTimeInMinutes);
  const triggers = given.RollbackTriggers === undefined ? undefined : listOf(given.RollbackTriggers);
  if (Number(minutes ?? 0) > MAX_MONITORING_MINUTES || (triggers?.length ?? 0) > MAX_TRIGGERS) {
    throw invalid(
      "1 validation error detected: Value at 'rollbackConfiguration' failed to satisfy constraint",
    );
  }
  return {
    ...(minutes === undefined ? {} : { MonitoringTimeInMinutes: Number(minutes) }),
    ...(triggers && {
      RollbackTriggers: triggers.map((trigger) => ({
        Arn: textOf((trigger as Input).Arn) ?? '',
        Type: textOf((trigger as Input).Type) ?? '',
      })),
    }),
  };
}

export interface DeploymentConfig {
  Mode?: string;
  DisableRollback?: boolean;
}

/** The deployment mode. Throws for express mode if the endpoint does not support it. */
export function deploymentConfigOf(input: Input, expressKnown: boolean): DeploymentConfig | undefined {
  const given = input.DeploymentConfig;
  if (typeof given !== 'object' || given === null) return undefined;
  const mode = choice(given as Input, 'Mode', ['STANDARD', 'EXPRESS']);
  if (mode === 'EXPRESS' && !expressKnown)
    throw invalid('DeploymentConfig with Mode EXPRESS is not supported');
  const disable = textOf((given as Input).DisableRollback);
  return {
    ...(mode === undefined ? {} : { Mode: mode }),
    ...(disable === undefined ? {} : { DisableRollback: disable === 'true' }),
  };
}

/** In express mode, rollback is disabled by default. */
export function keepsFailures(config: DeploymentConfig | undefined): boolean {
  return config?.DisableRollback ?? config?.Mode === 'EXPRESS';
}

/** One page of a list, and the token of the next page. */
export function pageOf<T>(
  items: readonly T[],
  token: string | undefined,
  size: number,
): { page: T[]; next: string | undefined } {
  const start = token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString());
  if (!Number.isInteger(start)) throw new AwsError('ValidationError', 'NextToken is not valid');
  const end = start + size;
  return {
    page: items.slice(start, end),
    next: end < items.length ? Buffer.from(String(end)).toString('base64url') : undefined,
  };
}
