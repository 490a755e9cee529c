/** Validates an untyped value. Throws an error with the path of the value and what is expected. */
export type Shape<T> = (value: unknown, path: string) => T;
export type TypeOf<S> = S extends Shape<infer T> ? T : never;

/** An invalid value in a file: its path, what is expected, and the value. */
class ShapeError extends Error {
  constructor(path: string, value: unknown, allowed: string) {
    super(`${path}: expected ${allowed}, got ${JSON.stringify(value)}`);
    this.name = 'ShapeError';
  }
}

const scalar =
  <T>(allowed: string, is: (value: unknown) => value is T): Shape<T> =>
  (value, path) => {
    if (is(value)) return value;
    throw new ShapeError(path, value, allowed);
  };

export const text = scalar('a text', (value) => typeof value === 'string');
export const flag = scalar('true or false', (value) => typeof value === 'boolean');
export const positive = scalar(
  'a number above 0',
  (value): value is number => typeof value === 'number' && value > 0,
);
export const whole = scalar(
  'a whole number, 0 or more',
  (value): value is number => Number.isInteger(value) && (value as number) >= 0,
);
export const fraction = scalar(
  'a number from 0 to 1',
  (value): value is number => typeof value === 'number' && value >= 0 && value <= 1,
);
export const anything: Shape<unknown> = (value) => value;

export const matching = (pattern: RegExp, allowed: string): Shape<string> =>
  scalar(allowed, (value): value is string => typeof value === 'string' && pattern.test(value));

export const oneOf = <const T extends string>(...choices: T[]): Shape<T> =>
  scalar(`one of ${choices.join(', ')}`, (value): value is T => choices.includes(value as T));

export const listOf =
  <T>(item: Shape<T>): Shape<T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) throw new ShapeError(path, value, 'a list');
    return value.map((element, index) => item(element, `${path}[${index}]`));
  };

export const mapOf =
  <T>(item: Shape<T>): Shape<Record<string, T>> =>
  (value, path) => {
    const entries = Object.entries(record(value, path));
    return Object.fromEntries(entries.map(([key, element]) => [key, item(element, `${path}.${key}`)]));
  };

type Fields = Record<string, Shape<unknown>>;
type Typed<Required extends Fields, Optional extends Fields> = {
  [K in keyof Required]: TypeOf<Required[K]>;
} & {
  [K in keyof Optional]?: TypeOf<Optional[K]>;
};

/** An object with exactly these keys. Others are refused, so that a misspelled one is never ignored. */
export const object =
  <Required extends Fields, Optional extends Fields>(
    required: Required,
    optional: Optional,
  ): Shape<Typed<Required, Optional>> =>
  (value, path) => {
    const given = record(value, path);
    const fields: Fields = { ...required, ...optional };
    const allowed = Object.keys(fields).join(', ');
    for (const key of Object.keys(required)) {
      if (given[key] === undefined) throw new ShapeError(path, value, `a "${key}"`);
    }
    const read = Object.entries(given).flatMap(([key, element]) => {
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (!field) throw new ShapeError(path, key, `one of the keys ${allowed}`);
      return element === undefined ? [] : [[key, field(element, `${path}.${key}`)]];
    });
    return Object.fromEntries(read) as Typed<Required, Optional>;
  };

function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ShapeError(path, value, 'a map of keys to values');
}
