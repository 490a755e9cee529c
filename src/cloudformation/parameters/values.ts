import { type Expectation, type FileLine, InputError, withPlace, withValue } from '../../core/errors.ts';
import type { StackSnapshot } from '../stack.ts';
import { readTemplateDocument } from '../template/document.ts';
import { isSecretParameter, MASKED } from '../template/secrets.ts';
import type { Template } from '../template/template.ts';
import { type Entry, literal, member, sectionOf, type Value } from '../template/tree.ts';
import type { FileValue } from './files.ts';
import type { GivenParameters, ResolvedParameter } from './resolve.ts';

/** A value as it is checked. */
interface Checked {
  value: string;
  /** Absent: where the template declares the parameter. */
  at?: FileLine;
  /** What is said of a value that nobody gave. */
  origin?: string;
}

/**
 * Checks the values of `parameters` and of its files. CloudFormation would reject.
 *
 * @throws InputError that names all of them, each with its line.
 */
export function requireGivenValues(
  template: Template,
  { files, inline, previous = [] }: GivenParameters,
): void {
  requireValues(template, (key) => {
    const value = Object.hasOwn(inline, key) ? inline[key] : undefined;
    if (value !== undefined) return { value };
    const ofFile = Object.hasOwn(files, key) && !previous.includes(key) ? files[key] : undefined;
    return ofFile && fromFile(ofFile);
  });
}

/**
 * Checks defaults, and the values that a stack keeps. CloudFormation would reject.
 *
 * @throws InputError that names all of them, each with the line that declares the parameter.
 */
export function requireKeptValues(
  template: Template,
  resolved: readonly ResolvedParameter[],
  stack: StackSnapshot | undefined,
): void {
  const sources = new Map(resolved.map(({ key, source, noEcho }) => [key, { source, noEcho }]));
  requireValues(template, (key, declaration) => {
    const { source, noEcho = false } = sources.get(key) ?? {};
    if (source === 'default') {
      const value = literal(member(declaration, 'Default'));
      return value === undefined ? undefined : { value, origin: 'the default' };
    }
    // CloudFormation shows a secret as asterisks.
    const value = source === 'previous' && !noEcho ? stack?.parameters[key] : undefined;
    return value === undefined ? undefined : { value, origin: 'the value of the stack' };
  });
}

function fromFile({ value, file, line }: FileValue): Checked {
  return { value, at: { file, line } };
}

function requireValues(
  { source, file, parameters }: Template,
  valueOf: (key: string, declaration: Entry['value']) => Checked | undefined,
): void {
  // A template that only CloudFormation can read.
  if (source === undefined || file === undefined) return;
  const problems = sectionOf(readTemplateDocument(source), 'Parameters').flatMap(({ key, value, line }) => {
    const checked = valueOf(key, value);
    const expected = checked && valueProblem(value, checked.value);
    if (!checked || expected === undefined) return [];
    const { type = 'String', noEcho = false } = parameters[key] ?? {};
    const isSecret = isSecretParameter(key, { type, noEcho });
    const rule = { file, line };
    const { at, origin } = checked;
    const told = at === undefined ? expected : withPlace(expected, rule);
    const shown = isSecret ? `${told}, got ${MASKED}` : withValue(told, checked.value);
    return [{ at: at ?? rule, text: `${key}: ${shown}${origin === undefined ? '' : `, ${origin}`}` }];
  });
  const [first, ...others] = problems;
  if (!first) return;
  if (others.length === 0) throw new InputError('parameters', '', first.text, { at: first.at });
  throw new InputError('parameters', '', problems.map(({ text, at }) => withPlace(text, at)).join('; '));
}

/**
 * Why CloudFormation would reject a parameter's value: `expected one of a, b`. Undefined if it accepts the value, or if only AWS
 * can decide: for an SSM type, a dynamic reference, or a pattern that has another meaning in Java.
 *
 * @param declaration the parameter in the template.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
 */
export function valueProblem(declaration: Value, value: string): Expectation | undefined {
  const type = literal(member(declaration, 'Type')) ?? 'String';
  if (type.startsWith('AWS::SSM::') || value.includes('{{resolve:')) return undefined;
  const isList = type === 'CommaDelimitedList' || type.startsWith('List<');
  const items = isList ? value.split(',').map((item) => item.trim()) : [value];
  const broken = rulesOf(declaration, type).find(({ fits }) => !items.every(fits));
  return broken && (`expected ${broken.expected}` as const);
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
  const why = described === undefined ? '' : ` ("${described}")`;
  return [{ expected: `text that matches ${pattern}${why}`, fits: (item) => read.test(item) }];
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
