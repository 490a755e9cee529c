import { patternIn, textIn, valuesOf } from './context.ts';
import { isInNetwork } from './networks.ts';
import { matches } from './patterns.ts';
import type { Condition, Context } from './policy.ts';

/** Compares a value of the request with a value of the policy. */
type Test = (actual: string, expected: string, scope: Scope) => boolean;

interface Scope {
  context: Context;
  hasVariables: boolean;
}

const numbers =
  (compare: (actual: number, expected: number) => boolean): Test =>
  (actual, expected) => {
    const [left, right] = [numberOf(actual), numberOf(expected)];
    return left !== undefined && right !== undefined && compare(left, right);
  };

const dates =
  (compare: (actual: number, expected: number) => boolean): Test =>
  (actual, expected) => {
    const [left, right] = [timeOf(actual), timeOf(expected)];
    return left !== undefined && right !== undefined && compare(left, right);
  };

const text =
  (compare: (actual: string, expected: string) => boolean): Test =>
  (actual, expected, { context, hasVariables }) => {
    const wanted = textIn(expected, context, hasVariables);
    return wanted !== undefined && compare(actual, wanted);
  };

const like: Test = (actual, expected, { context, hasVariables }) => {
  const pattern = patternIn(expected, context, hasVariables);
  return pattern !== undefined && matches(pattern, actual);
};

/** "Each of the six colon-delimited components of the ARN is checked separately and each can include wildcards." */
const arnLike: Test = (actual, expected, scope) => {
  const [left, right] = [arnParts(actual), arnParts(expected)];
  if (!left || !right) return false;
  return right.every((pattern, index) => like(left[index] ?? '', pattern, scope));
};

const equal = (a: number, b: number): boolean => a === b;
const less = (a: number, b: number): boolean => a < b;
const lessOrEqual = (a: number, b: number): boolean => a <= b;
const greater = (a: number, b: number): boolean => a > b;
const greaterOrEqual = (a: number, b: number): boolean => a >= b;

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const TESTS: Readonly<Record<string, Test>> = {
  StringEquals: text((a, b) => a === b),
  StringEqualsIgnoreCase: text((a, b) => a.toLowerCase() === b.toLowerCase()),
  StringLike: like,
  NumericEquals: numbers(equal),
  NumericLessThan: numbers(less),
  NumericLessThanEquals: numbers(lessOrEqual),
  NumericGreaterThan: numbers(greater),
  NumericGreaterThanEquals: numbers(greaterOrEqual),
  DateEquals: dates(equal),
  DateLessThan: dates(less),
  DateLessThanEquals: dates(lessOrEqual),
  DateGreaterThan: dates(greater),
  DateGreaterThanEquals: dates(greaterOrEqual),
  Bool: text((a, b) => a.toLowerCase() === b.toLowerCase()),
  BinaryEquals: (a, b) => a === b,
  IpAddress: isInNetwork,
  // "ArnEquals and ArnLike behave identically."
  ArnEquals: arnLike,
  ArnLike: arnLike,
};

/** Operators that negate another one. */
const NEGATIONS: Readonly<Record<string, string>> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  NumericNotEquals: 'NumericEquals',
  DateNotEquals: 'DateEquals',
  NotIpAddress: 'IpAddress',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
};

interface Operator {
  test: Test | 'Null';
  negated: boolean;
  ifExists: boolean;
  set?: 'ForAllValues' | 'ForAnyValue';
}

const operators = new Map<string, Operator | undefined>();

function operatorOf(name: string): Operator | undefined {
  if (!operators.has(name)) operators.set(name, readOperator(name));
  return operators.get(name);
}

function readOperator(name: string): Operator | undefined {
  const [, set, base = ''] = /^(?:(ForAllValues|ForAnyValue):)?(.+)$/.exec(name) ?? [];
  if (base === 'Null')
    return set === undefined ? { test: 'Null', negated: false, ifExists: false } : undefined;
  const ifExists = base.endsWith('IfExists');
  const plain = base.replace(/IfExists$/, '');
  const negated = plain in NEGATIONS;
  const test = TESTS[NEGATIONS[plain] ?? plain];
  if (!test) return undefined;
  return {
    test,
    negated,
    ifExists,
    ...(set !== undefined && { set: set as 'ForAllValues' | 'ForAnyValue' }),
  };
}

/** Whether IAM has this operator. */
export function isOperator(name: string): boolean {
  return operatorOf(name) !== undefined;
}

/**
 * Whether a condition holds for a request.
 *
 * "If the key that you specify in a policy condition is not present in the request context, the values do not match and
 * the condition is false. If the policy condition requires that the key is not matched, such as StringNotLike or
 * ArnNotLike, and the right key is not present, the condition is true."
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function holds({ operator: name, key, values }: Condition, scope: Scope): boolean {
  const operator = operatorOf(name);
  if (!operator) return false;
  const actual = valuesOf(scope.context, key);
  const { test, negated, ifExists, set } = operator;
  if (test === 'Null')
    return values.some((value) => (value.toLowerCase() === 'true') === (actual === undefined));
  const one = (value: string): boolean => values.some((expected) => test(value, expected, scope)) !== negated;
  if (set === 'ForAllValues') return (actual ?? []).every(one);
  if (set === 'ForAnyValue') return (actual ?? []).some(one);
  if (actual === undefined) return negated || ifExists;
  return negated ? actual.every(one) : actual.some(one);
}

function numberOf(value: string): number | undefined {
  const number = Number(value);
  return value.trim() === '' || Number.isNaN(number) ? undefined : number;
}

/** In milliseconds, from an ISO 8601 date or from seconds since 1970. */
function timeOf(value: string): number | undefined {
  const time = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

/** The six parts of an ARN; the last includes everything that follows. */
function arnParts(arn: string): string[] | undefined {
  const parts = arn.split(':');
  return parts.length < 6 ? undefined : [...parts.slice(0, 5), parts.slice(5).join(':')];
}
