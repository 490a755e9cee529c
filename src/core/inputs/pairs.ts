import { InputError } from '../errors.ts';
import { isYaml } from './map.ts';

/** A pair at the start of a text. */
const PAIR = /^([A-Za-z_][\w.:/-]*)=/;

/** The key of the pair that a text starts with. */
export function pairKey(text: string): string | undefined {
  return PAIR.exec(text)?.[1];
}

/**
 * The lines of `key=value` text that have content. Lines that all end with a comma, but for the last, are one line, as
 * commas separate pairs only there.
 */
export function pairLines(text: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(?:#.*)?$/.test(line));
  const continued = lines.slice(0, -1);
  const isList = continued.length > 0 && continued.every((line) => line.trimEnd().endsWith(','));
  return isList ? [lines.map((line) => line.trim()).join(' ')] : lines;
}

/**
 * The parts of a line between commas, or between spaces, without the space around them. What is in quotes is kept
 * together: a separator counts when an even number of quotes follows, as aws-actions/aws-cloudformation-github-deploy
 * reads `parameter-overrides` (parseParameters in its src/utils.ts).
 */
export function partsOf(line: string, separator: ',' | ' '): string[] {
  const parts: string[] = [];
  let following = line.replace(/[^"']/g, '').length;
  let part = '';
  for (const char of line) {
    if (char === '"' || char === "'") following -= 1;
    const separates = separator === ',' ? char === ',' : /\s/.test(char);
    if (separates && following % 2 === 0) {
      parts.push(part.trim());
      part = '';
    } else part += char;
  }
  return [...parts, part.trim()].filter((each) => separator === ',' || each !== '');
}

/**
 * Whether the value of a pair looks like a value and then more pairs: `1,B=2` or `1 B=2` after `A=`. Their keys must be
 * written like the first one, since values have pairs of their own: `host:6379,ssl=true`, `a=b,c=d`.
 */
export function holdsMorePairs(key: string, value: string): boolean {
  return ([',', ' '] as const).some((separator) => {
    const [first = '', ...rest] = partsOf(value, separator);
    const isPair = (part: string): boolean => styleOf(pairKey(part)) === styleOf(key);
    return rest.length > 0 && !first.includes('=') && rest.every(isPair);
  });
}

type Style = 'upper' | 'dotted' | 'capital' | 'lower';

function styleOf(key: string | undefined): Style | undefined {
  if (key === undefined) return undefined;
  if (/^[A-Z][A-Z0-9_]*$/.test(key)) return 'upper';
  if (/[.:/]/.test(key)) return 'dotted';
  return /^[A-Z]/.test(key) ? 'capital' : 'lower';
}

/**
 * Refuses `A=1,B=2` and `A=1 B=2`, which would become one entry. A map of texts has no declaration that says which
 * keys there are, so only what looks like a mistake is refused.
 *
 * @throws InputError without the value.
 */
export function refuseSeveralPairs(input: string, text: string): void {
  if (isYaml(text)) return;
  const [line = '', ...more] = pairLines(text);
  const key = pairKey(line.trim());
  if (more.length > 0 || key === undefined) return;
  if (holdsMorePairs(key, line.slice(line.indexOf('=') + 1))) throw severalPairs(input, 'entries');
}

/** @param what they are, in the plural. */
export function severalPairs(input: string, what: string): InputError {
  const allowed = `looks like several ${what} on one line; write one per line, or YAML with the value in quotes if it is one`;
  return new InputError(input, '', allowed);
}
