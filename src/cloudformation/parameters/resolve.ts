import { InputError } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { StackSnapshot } from '../stack.ts';
import type { Template } from '../template/template.ts';
import { literal, member, type Value } from '../template/tree.ts';
import type { ParameterFiles } from './files.ts';

/** A parameter of a request to CloudFormation: a new value, or the stack's previous one. */
export interface ResolvedParameter {
  key: string;
  value?: string;
  usePrevious: boolean;
  noEcho: boolean;
  /** Where the value comes from: `parameters`, a file's name, `previous` or `default`. */
  source: string;
}

interface GivenParameters {
  files: ParameterFiles['parameters'];
  /** The `parameters` input. */
  inline: Record<string, string>;
  /** The names with `UsePreviousValue` in `parameters`, which keep the stack's value even if a file sets them. */
  previous?: readonly string[];
}

/**
 * Resolves every parameter that the template declares, from the first of: the `parameters` input, the files, the stack's
 * current value, the default.
 *
 * A key that the template does not declare is an error in `parameters`, but only a notice in a file, because files are
 * shared between templates.
 *
 * @throws InputError with all unknown keys of `parameters`, or all required parameters without a value. Messages contain no
 * values.
 */
export function resolveParameters(
  template: Template,
  given: GivenParameters,
  stack: StackSnapshot | undefined,
  notice: (message: string) => void,
): ResolvedParameter[] {
  requireDeclared(template, [...Object.keys(given.inline), ...(given.previous ?? [])]);
  reportSkipped(template, given.files, notice);
  const resolved = Object.keys(template.parameters).map((key) => resolve(key, template, given, stack));
  requireValues(template, resolved);
  return resolved;
}

function resolve(
  key: string,
  template: Template,
  given: GivenParameters,
  stack: StackSnapshot | undefined,
): ResolvedParameter {
  const base = { key, noEcho: template.parameters[key]?.noEcho ?? false };
  const file = given.previous?.includes(key) ? undefined : own(given.files, key);
  const inline = own(given.inline, key);
  if (inline !== undefined) return { ...base, value: inline, usePrevious: false, source: 'parameters' };
  if (file !== undefined) return { ...base, value: file.value, usePrevious: false, source: file.file };
  if (stack && own(stack.parameters, key) !== undefined)
    return { ...base, usePrevious: true, source: 'previous' };
  return {
    ...base,
    usePrevious: false,
    source: template.parameters[key]?.hasDefault ? 'default' : 'missing',
  };
}

function requireDeclared(template: Template, names: readonly string[]): void {
  const declared = Object.keys(template.parameters);
  const unknown = names.filter((key) => !declared.includes(key));
  if (unknown.length === 0) return;
  const guesses = unknown.flatMap((key) => {
    const guess = suggest(key, declared);
    return guess === undefined ? [] : [unknown.length === 1 ? `"${guess}"` : `"${guess}" for "${key}"`];
  });
  const hint = guesses.length > 0 ? `. Did you mean ${guesses.join(', ')}?` : '';
  const expected =
    declared.length > 0
      ? (`expected parameters of the template (${declared.join(', ')})` as const)
      : 'expected no parameters, because the template declares none';
  throw new InputError('parameters', unknown.join(', '), `${expected}${hint}`);
}

function reportSkipped(
  template: Template,
  files: GivenParameters['files'],
  notice: (message: string) => void,
): void {
  const skipped = new Map<string, string[]>();
  for (const [key, { file }] of Object.entries(files)) {
    if (own(template.parameters, key) === undefined) skipped.set(file, [...(skipped.get(file) ?? []), key]);
  }
  for (const [file, keys] of skipped) {
    notice(`${file}: skipped ${keys.join(', ')}, which the template does not declare`);
  }
}

function requireValues(template: Template, resolved: readonly ResolvedParameter[]): void {
  const missing = resolved.filter((parameter) => parameter.source === 'missing');
  if (missing.length === 0) return;
  const list = missing.map(({ key }) => {
    const line = template.lineOf(`Parameters.${key}`);
    return line === undefined ? key : `${key} (${template.file ?? ''}:${line})`;
  });
  const one = missing.length === 1;
  throw new InputError(
    'parameters',
    '',
    `expected ${one ? 'a value' : 'values'} for ${list.join(', ')}, which ${one ? 'has' : 'have'} no default and no previous value`,
  );
}

/**
 * Why CloudFormation would reject a parameter's value: `expected a or b`. Undefined if it accepts the value, or if only AWS
 * can decide: for an SSM type, a dynamic reference, or a pattern that has another meaning in Java.
 *
 * @param declaration the parameter in the template.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
 */
export function valueProblem(declaration: Value, value: string): string | undefined {
  const type = literal(member(declaration, 'Type')) ?? 'String';
  if (type.startsWith('AWS::SSM::') || value.includes('{{resolve:')) return undefined;
  const isList = type === 'CommaDelimitedList' || type.startsWith('List<');
  const items = isList ? value.split(',').map((item) => item.trim()) : [value];
  const broken = rulesOf(declaration, type).find(({ fits }) => !items.every(fits));
  return broken && `expected ${broken.expected}`;
}

/** A constraint on each item of a value. */
interface Rule {
  expected: string;
  fits: (item: string) => boolean;
}

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

function rulesOf(declaration: Value, type: string): Rule[] {
  const isNumeric = type === 'Number' || type === 'List<Number>';
  const values = allowedValues(declaration, isNumeric);
  if (isNumeric) {
    return [
      { expected: 'a number', fits: (item) => NUMBER.test(item) },
      ...values,
      ...limits(declaration, 'Value', Number, String),
    ];
  }
  const lengths = limits(
    declaration,
    'Length',
    ({ length }) => length,
    (limit) => `${limit} ${limit === 1 ? 'character' : 'characters'}`,
  );
  return [...values, ...allowedPattern(declaration), ...(type === 'String' ? lengths : [])];
}

function limits(
  declaration: Value,
  of: string,
  measure: (item: string) => number,
  say: (limit: number) => string,
): Rule[] {
  const bound = (name: string): number => Number(literal(member(declaration, `${name}${of}`)) ?? Number.NaN);
  const [least, most] = [bound('Min'), bound('Max')];
  // An absent limit is NaN, and no comparison with NaN is true.
  return [
    { expected: `at least ${say(least)}`, fits: (item) => !(measure(item) < least) },
    { expected: `at most ${say(most)}`, fits: (item) => !(measure(item) > most) },
  ];
}

function allowedValues(declaration: Value, isNumeric: boolean): Rule[] {
  const list = member(declaration, 'AllowedValues');
  const allowed = list?.kind === 'list' ? list.items.map(literal) : [];
  if (allowed.length === 0 || allowed.includes(undefined)) return [];
  const same = (one: string | undefined, other: string): boolean =>
    one === other || (isNumeric && Number(one) === Number(other));
  return [
    {
      expected: `${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}`,
      fits: (item) => allowed.some((each) => same(each, item)),
    },
  ];
}

function allowedPattern(declaration: Value): Rule[] {
  const pattern = literal(member(declaration, 'AllowedPattern'));
  const read = pattern === undefined ? undefined : javaPattern(pattern);
  if (pattern === undefined || !read) return [];
  const described = literal(member(declaration, 'ConstraintDescription'));
  const expected = described === undefined ? `text that matches ${pattern}` : `${described} (${pattern})`;
  return [{ expected, fits: (item) => read.test(item) }];
}

/** Syntax of Java's regular expressions that JavaScript does not have or interprets differently. */
const ONLY_JAVA = /\\[pPQEAzZGhHRXx0]|&&|\(\?[^:=!]|[+*?}]\+|\[[^\]]*\[/;

/** The pattern for a whole value; undefined if JavaScript may interpret it differently from CloudFormation. */
function javaPattern(pattern: string): RegExp | undefined {
  if (ONLY_JAVA.test(pattern)) return undefined;
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return undefined;
  }
}

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
