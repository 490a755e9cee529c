import { type Expectation, InputError } from '../errors.ts';
import { parseList } from './list.ts';
import { parseMap, refuseSeveralPairs } from './map.ts';
import { expectedOneOf } from './choice.ts';

/** One input: how its text is read, and what stands for it when it is not given. */
export interface Input<T> {
  readonly kind: string;
  readonly required: boolean;
  /** The text that is read when the input is not given; the same as in action.yml. */
  readonly default?: string;
  /** The environment variable that stands for the input when it is not given. */
  readonly env?: string;
  readonly secret: boolean;
  readonly choices?: readonly string[];
  parse(name: string, text: string): T;
  /** The value when there is no text at all. */
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

/** Undefined only when the input is neither required nor has a default. */
type Given<T, O extends Options> = O extends { required: true } | { default: string } ? T : T | undefined;

/**
 * Reads all inputs. An empty text is an input that is not given.
 *
 * @throws InputError that names the input, the value and what is allowed.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#inputs
 */
export function readInputs<C extends InputContract>(contract: C, from: InputSource): Inputs<C> {
  const values = Object.entries(contract).map(([name, input]) => [name, readInput(name, input, from)]);
  return Object.fromEntries(values) as Inputs<C>;
}

/** Where the texts of the inputs are. */
export interface InputSource {
  /** The text of an input without the space around it; empty when there is none. */
  getInput: (name: string) => string;
  env: NodeJS.ProcessEnv;
}

/** The texts given for secret inputs, to be hidden before anything is read or said. */
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
  pattern?: { matches: RegExp; expected: Expectation };
}

/** Any text, or one that matches a pattern, without the space around it. */
export function text<const O extends TextOptions = object>(options?: O): Input<Given<string, O>> {
  const { pattern }: TextOptions = options ?? {};
  const parse = (name: string, value: string): string => {
    if (pattern && !pattern.matches.test(value)) throw new InputError(name, value, pattern.expected);
    return value;
  };
  return build('text', options ?? {}, parse, nothing) as Input<Given<string, O>>;
}

/** A text that is never shown. */
export function secretText<const O extends Options = object>(options?: O): Input<Given<string, O>> {
  return { ...text(options), kind: 'secret', secret: true };
}

interface ListOptions extends Options {
  /** The items that are allowed; default, any. */
  choices?: readonly string[];
}

/** A list, by newlines or commas, with quotes; empty when it is not given. See parseList. */
export function list(options: ListOptions = {}): Input<readonly string[]> {
  const { choices } = options;
  const parse = (name: string, value: string): string[] => {
    const items = parseList(name, value);
    return choices === undefined ? items : items.map((item) => parseChoice(name, item, choices));
  };
  return build<readonly string[], readonly string[]>('list', options, parse, () => []);
}

/** A map of texts; empty when it is not given. See parseMap and refuseSeveralPairs. */
export function map(options: Options = {}): Input<Readonly<Record<string, string>>> {
  const parse = (name: string, value: string): Record<string, string> => {
    refuseSeveralPairs(name, value);
    return parseMap(name, value);
  };
  return build<Record<string, string>, Record<string, string>>('map', options, parse, () => ({}));
}

/** A text in a form that its domain reads; `empty` when it is not given. */
export function formOf<T>(parse: (name: string, text: string) => T, empty: T): Input<T> {
  return build<T, T>('form', {}, parse, () => empty);
}

/** YAML 1.2's booleans: true or false, in lower, upper or title case. */
export function boolean<const O extends Options = object>(options?: O): Input<Given<boolean, O>> {
  return build('boolean', options ?? {}, parseBoolean, nothing) as Input<Given<boolean, O>>;
}

interface DurationOptions extends Options {
  /** The shortest that is allowed, such as `0s`; default, `1s`: a limit of no time can only fail. */
  min?: string;
  /** The longest that is allowed; default, `120h`. */
  max?: string;
}

/** A job of a self-hosted runner ends after five days. @see https://docs.github.com/actions/reference/limits */
const LONGEST_JOB = '120h';

/** A duration such as `90s`, `30m`, `2h`, in milliseconds. */
export function duration<const O extends DurationOptions = object>(options?: O): Input<Given<number, O>> {
  const { min = '1s', max = LONGEST_JOB } = options ?? {};
  const parse = (name: string, value: string): number => parseDuration(name, value, { min, max });
  return build('duration', options ?? {}, parse, nothing) as Input<Given<number, O>>;
}

/** One of the given words. */
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

/** Milliseconds of `90s`, `30m` or `2h`; undefined for any other text. */
export function durationMs(text: string): number | undefined {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)([smh])$/.exec(text);
  return match ? Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]) : undefined;
}

function parseChoice<W extends readonly string[]>(name: string, value: string, words: W): W[number] {
  if (words.includes(value)) return value;
  throw new InputError(name, value, expectedOneOf(value, words));
}
