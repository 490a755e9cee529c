/**
 * How a value differs from the expected one, or undefined. An object needs the expected keys, a list an element for
 * each expected one. `null` is for absent values, `~…` for a text by its pattern.
 */
export function mismatch(expected: unknown, actual: unknown, path = ''): string | undefined {
  if (expected === undefined) return undefined;
  const differs = `${path || 'the answer'}: expected ${short(expected)}, got ${short(actual)}`;
  if (expected === null) return actual === undefined || actual === null ? undefined : differs;
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return differs;
    return hasEach(expected, actual) ? undefined : differs;
  }
  if (typeof expected === 'object') {
    if (actual === null || typeof actual !== 'object') return differs;
    return Object.entries(expected)
      .map(([key, value]) =>
        mismatch(value, (actual as Record<string, unknown>)[key], path ? `${path}.${key}` : key),
      )
      .find((found) => found !== undefined);
  }
  const pattern = typeof expected === 'string' ? /^~(.+)$/s.exec(expected)?.[1] : undefined;
  const same = pattern === undefined ? expected === actual : new RegExp(pattern, 's').test(text(actual));
  return same ? undefined : differs;
}

/** An empty list equals only an empty one. */
function hasEach(expected: readonly unknown[], actual: readonly unknown[]): boolean {
  if (expected.length === 0) return actual.length === 0;
  return expected.every((each) => actual.some((one) => mismatch(each, one) === undefined));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}

function short(value: unknown): string {
  const whole = value === undefined ? 'nothing' : JSON.stringify(value);
  return whole.length <= 600 ? whole : `${whole.slice(0, 600)}…`;
}
