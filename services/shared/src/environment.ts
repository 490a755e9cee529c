export type Environment = Readonly<Record<string, string | undefined>>;

/** One problem per line, each with the variable's name, its value, and the expected value. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError';
}

/** Parses a variable's text, or returns a description of the expected value. */
type Parse<T> = (text: string) => { value: T } | { allowed: string };

export interface Setting<T> {
  parse: Parse<T>;
  fallback: { value: T } | 'required';
}

export type Settings = Record<string, Setting<unknown>>;
export type Values<S extends Settings> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** Without an argument, the variable is required; the argument is its default. */
interface Declare<T> {
  (): Setting<T>;
  <const D>(fallback: D): Setting<T | D>;
}

const setting = <T>(parse: Parse<T>): Declare<T> =>
  ((...fallback: [] | [T]) => ({
    parse,
    fallback: fallback.length === 0 ? 'required' : { value: fallback[0] },
  })) as Declare<T>;

export const text = setting<string>((value) => ({ value }));

export const integer = (minimum: number, maximum: number) =>
  setting<number>((value) =>
    /^\d+$/.test(value) && Number(value) >= minimum && Number(value) <= maximum
      ? { value: Number(value) }
      : { allowed: `a whole number from ${minimum} to ${maximum}` },
  );

export const oneOf = <const T extends string>(...choices: T[]) =>
  setting<T>((value) => {
    const choice = choices.find((candidate) => candidate === value);
    return choice === undefined ? { allowed: `one of ${choices.join(', ')}` } : { value: choice };
  });

/** An http(s) address without a trailing slash. */
export const address = setting<string>((value) =>
  URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
    ? { value: value.replace(/\/+$/, '') }
    : { allowed: 'an address that starts with http:// or https://' },
);

/**
 * Reads the named variables; an empty variable counts as unset. @throws EnvironmentError that lists all invalid and
 * missing variables.
 */
export function readEnvironment<const S extends Settings>(settings: S, env: Environment): Values<S> {
  const problems: string[] = [];
  const entries = Object.entries(settings).map(([name, { parse, fallback }]) => {
    const given = env[name];
    if (given === undefined || given === '') {
      if (fallback === 'required') problems.push(`${name}: is not set`);
      return [name, fallback === 'required' ? undefined : fallback.value];
    }
    const result = parse(given);
    if ('value' in result) return [name, result.value];
    problems.push(`${name}: expected ${result.allowed}, got "${given}"`);
    return [name, undefined];
  });
  if (problems.length > 0) throw new EnvironmentError(problems.join('\n'));
  return Object.fromEntries(entries) as Values<S>;
}
