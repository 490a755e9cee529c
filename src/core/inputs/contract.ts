import { type Expectation, InputError } from '../errors.ts';
import { parseList } from './list.ts';
import { parseMap, refuseSeveralPairs } from './map.ts';
import { expectedOneOf } from './choice.ts';

/** An input: its parser and its default. */
export interface Input<T> {
  readonly kind: string;
  /** The type in the reference, if it is more specific than `kind`. */
  readonly type?: string;
  readonly required: boolean;
  /** The value if the input is not set; the same as in action.yml. */
  readonly default?: string;
  /** The environment variable that is read if the input is not set. */
  readonly env?: string;
  readonly secret: boolean;
  readonly choices?: readonly string[];
  parse(name: string, text: string): T;
  /** The result if there is no value at all. */
  absent(): T;
}

export type InputContract = Readonly<Record<string, Input<unknown>>>;
export type Inputs<C extends InputContract> = {
  readonly [K in keyof C]: C[K] extends Input<infer T> ? T : never;
};

interface Options {
  required?: boolean;
  default?: string;
  env?: string;
}

/** Undefined only if the input is not required and has no default. */
type Given<T, O extends Options> = O extends { required: true } | { default: string } ? T : T | undefined;

/**
 * Reads all inputs. An empty string counts as not set.
 *
 * @throws InputError that names the input, the value and what is allowed.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#inputs
 */
export function readInputs<C extends InputContract>(contract: C, from: InputSource): Inputs<C> {
  const values = Object.entries(contract).map(([name, input]) => [name, readInput(name, input, from)]);
  return Object.fromEntries(values) as Inputs<C>;
}

/** Where inputs are read from. */
export interface InputSource {
  /** The trimmed value of an input; empty if it is not set. */
  getInput: (name: string) => string;
  env: NodeJS.ProcessEnv;
}

/** The values of secret inputs, to be masked before anything else is read or logged. */
export function secretInputs(contract: InputContract, from: InputSource): string[] {
  return Object.entries(contract)
    .filter(([, input]) => input.secret)
    .map(([name, input]) => givenText(name, input, from))
    .filter((text) => text !== '');
}

function readInput(name: string, input: Input<unknown>, from: InputSource): unknown {
  const text = givenText(name, input, from);
  if (text !== '') return input.parse(name, text);
  if (!input.required) return input.absent();
  const elsewhere = input.env === undefined ? '' : `, here or in the environment variable ${input.env}`;
  throw new InputError(name, '', `a value is required${elsewhere}`);
}

function givenText(name: string, input: Input<unknown>, { getInput, env }: InputSource): string {
  const given = getInput(name);
  if (given !== '') return given;
  const fromEnv = input.env === undefined ? '' : (env[input.env]?.trim() ?? '');
  return fromEnv !== '' ? fromEnv : (input.default ?? '');
}

function build<T, A = undefined>(
  kind: string,
  options: Options,
  parse: (name: string, text: string) => T,
  absent: () => A,
): Input<T | A> {
  return {
    kind,
    required: options.required ?? false,
    ...(options.default !== undefined && { default: options.default }),
    ...(options.env !== undefined && { env: options.env }),
    secret: false,
    parse,
    absent,
  };
}

const nothing = (): undefined => undefined;

interface TextOptions extends Options {
  /** The type in the reference: `path`, `ARN`, `integer`. Default: `text`. */
  type?: string;
  pattern?: { matches: RegExp; expected: Expectation };
}

/** A trimmed string that may have to match a pattern. */
export function text<const O extends TextOptions = object>(options?: O): Input<Given<string, O>> {
  const { pattern, type }: TextOptions = options ?? {};
  const parse = (name: string, value: string): string => {
    if (pattern && !pattern.matches.test(value)) throw new InputError(name, value, pattern.expected);
    return value;
  };
  const input = build('text', options ?? {}, parse, nothing) as Input<Given<string, O>>;
  return type === undefined ? input : { ...input, type };
}

/** A string that is never shown. */
export function secretText<const O extends Options = object>(options?: O): Input<Given<string, O>> {
  return { ...text(options), kind: 'secret', secret: true };
}

interface ListOptions extends Options {
  /** The allowed items. Default: any. */
  choices?: readonly string[];
}

/** A list, separated by newlines or commas; empty if not set. See parseList. */
export function list(options: ListOptions = {}): Input<readonly string[]> {
  const { choices } = options;
  const parse = (name: string, value: string): string[] => {
    const items = parseList(name, value);
    return choices === undefined ? items : items.map((item) => parseChoice(name, item, choices));
  };
  return build<readonly string[], readonly string[]>('list', options, parse, () => []);
}

/** A map of strings; empty if not set. See parseMap and refuseSeveralPairs. */
export function map(options: Options = {}): Input<Readonly<Record<string, string>>> {
  const parse = (name: string, value: string): Record<string, string> => {
    refuseSeveralPairs(name, value);
    return parseMap(name, value);
  };
  return build<Record<string, string>, Record<string, string>>('map', options, parse, () => ({}));
}

/** An input with its own parser; `empty` if not set. */
export function customInput<T>(parse: (name: string, text: string) => T, empty: T): Input<T> {
  return build<T, T>('form', {}, parse, () => empty);
}

/** YAML 1.2's booleans: true or false, in lower, upper or title case. */
export function boolean<const O extends Options = object>(options?: O): Input<Given<boolean, O>> {
  return build('boolean', options ?? {}, parseBoolean, nothing) as Input<Given<boolean, O>>;
}

interface DurationOptions extends Options {
  /** The shortest allowed duration, such as `0s`. Default: `1s`, because a limit of 0 can only fail. */
  min?: string;
  /** The longest allowed duration. Default: `120h`. */
  max?: string;
}

/** Jobs on self-hosted runners are limited to five days. @see https://docs.github.com/actions/reference/limits */
const LONGEST_JOB = '120h';

/** A duration such as `90s`, `30m`, `2h`, in milliseconds. */
export function duration<const O extends DurationOptions = object>(options?: O): Input<Given<number, O>> {
  const { min = '1s', max = LONGEST_JOB } = options ?? {};
  const parse = (name: string, value: string): number => parseDuration(name, value, { min, max });
  return build('duration', options ?? {}, parse, nothing) as Input<Given<number, O>>;
}

/** One of the given values. */
export function choice<const W extends readonly string[], const O extends Options = object>(
  words: W,
  options?: O,
): Input<Given<W[number], O>> {
  const parse = (name: string, value: string): W[number] => parseChoice(name, value, words);
  const input = build('choice', options ?? {}, parse, nothing) as Input<Given<W[number], O>>;
  return { ...input, choices: words };
}

function parseBoolean(name: string, value: string): boolean {
  if (/^(?:true|True|TRUE)$/.test(value)) return true;
  if (/^(?:false|False|FALSE)$/.test(value)) return false;
  throw new InputError(name, value, 'expected true or false');
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 };

function parseDuration(name: string, value: string, { min, max }: { min: string; max: string }): number {
  const ms = durationMs(value);
  if (ms === undefined) {
    throw new InputError(name, value, 'expected a duration such as 90s, 30m or 2h');
  }
  if (ms < (durationMs(min) ?? 0) || ms > (durationMs(max) ?? Infinity)) {
    throw new InputError(name, value, `expected a duration from ${min} to ${max}`);
  }
  return ms;
}

/** Milliseconds of `90s`, `30m` or `2h`; undefined for any other string. */
export function durationMs(text: string): number | undefined {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)([smh])$/.exec(text);
  return match ? Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]) : undefined;
}

function parseChoice<W extends readonly string[]>(name: string, value: string, words: W): W[number] {
  if (words.includes(value)) return value;
  throw new InputError(name, value, expectedOneOf(value, words));
}
