import { literalOf, type Pattern, patternOf } from './patterns.ts';
import type { Context } from './policy.ts';

const folded = new WeakMap<Context, ReadonlyMap<string, readonly string[]>>();

/**
 * The values of a key, or undefined if the request does not have it. "Context key names are not case-sensitive."
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
 */
export function valuesOf(context: Context, key: string): readonly string[] | undefined {
  let keys = folded.get(context);
  if (!keys) {
    const entries = Object.entries(context).map(
      ([name, value]) => [name.toLowerCase(), [value].flat()] as const,
    );
    keys = new Map(entries);
    folded.set(context, keys);
  }
  return keys.get(key.toLowerCase());
}

const VARIABLE = /\$\{([^{}]*)\}/g;
/** "${*}, ${?}, ${$}: use where you need the character itself." */
const SPECIAL = new Set(['*', '?', '$']);

const constant = new Map<string, Pattern>();

/**
 * A pattern with its variables replaced, whose values have no wildcards. Undefined if a variable has neither a value
 * nor a default: the statement then does not apply.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function patternIn(text: string, context: Context, hasVariables: boolean): Pattern | undefined {
  if (!hasVariables || !text.includes('${')) {
    const known = constant.get(text) ?? patternOf(text);
    constant.set(text, known);
    return known;
  }
  const parts: Pattern[number][] = [];
  let end = 0;
  for (const match of text.matchAll(VARIABLE)) {
    const value = variableIn(match[1] ?? '', context);
    if (value === undefined) return undefined;
    parts.push(...patternOf(text.slice(end, match.index)), ...literalOf(value));
    end = match.index + match[0].length;
  }
  return [...parts, ...patternOf(text.slice(end))];
}

/** The same as a plain text, for operators without wildcards. */
export function textIn(text: string, context: Context, hasVariables: boolean): string | undefined {
  if (!hasVariables || !text.includes('${')) return text;
  const names = [...text.matchAll(VARIABLE)].map(([, name = '']) => name);
  if (names.some((name) => variableIn(name, context) === undefined)) return undefined;
  return text.replace(VARIABLE, (_, name: string) => variableIn(name, context) ?? '');
}

/** A variable's value: of a key with one value, or the default in `${key, 'default'}`. */
function variableIn(name: string, context: Context): string | undefined {
  if (SPECIAL.has(name)) return name;
  const [, key = '', fallback] = /^\s*([^,]*?)\s*(?:,\s*'([^']*)'\s*)?$/.exec(name) ?? [];
  const values = valuesOf(context, key);
  return values?.length === 1 ? values[0] : fallback;
}
