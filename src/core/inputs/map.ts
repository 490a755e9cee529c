import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Pair, ParsedNode } from 'yaml';
import { InputError } from '../errors.ts';
import { yamlProblem } from './yaml-problem.ts';

/**
 * Parses a map of strings: a YAML or JSON object, or `key=value` lines, split at the first `=`, with the rest of the
 * line as the value. In YAML, numbers and booleans keep their notation (`010`, `1e3`, `yes`), a list becomes its items
 * joined by commas, and an object becomes JSON. Errors have the number of a line but never its text, which may be a
 * secret.
 *
 * @throws InputError for a line without `=`; for spaces around a value, which may be unintended; for an empty or
 *   repeated key; for a missing YAML value, such as an expression that evaluated to an empty string; and for invalid
 *   YAML.
 */
export function parseMap(input: string, text: string): Record<string, string> {
  const entries = isYaml(text) ? yamlEntries(input, text) : lineEntries(input, text);
  // fromEntries defines own properties, so `__proto__` is an ordinary key.
  return Object.fromEntries(entries);
}

/** Decided by the first line with content: `key: value` or `{` is YAML, `key=value` is not. */
export function isYaml(text: string): boolean {
  const first = text.split(/\r?\n/).find((line) => !/^\s*(?:#.*)?$/.test(line)) ?? '';
  return /^\s*(?:[{"']|---|[^=]*?:(?:\s|$))/.test(first);
}

function lineEntries(input: string, text: string): Map<string, string> {
  const entries = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const at = line.indexOf('=');
    const key = line.slice(0, Math.max(at, 0)).trim();
    if (key === '') {
      throw new InputError(
        input,
        '',
        `line ${index + 1}: expected key=value. Use YAML for a value of several lines`,
      );
    }
    if (entries.has(key))
      throw new InputError(input, '', `line ${index + 1}: expected each key once, got "${key}" again`);
    entries.set(key, lineValue(input, index + 1, key, line.slice(at + 1)));
  }
  return entries;
}

function lineValue(input: string, line: number, key: string, value: string): string {
  if (value === value.trim()) return value;
  throw new InputError(
    input,
    '',
    `line ${line}: expected no spaces around the value of ${key}. Remove them, or write the map as YAML with the value in quotes`,
  );
}

function yamlEntries(input: string, text: string): Map<string, string> {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, lineCounter: lines });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    throw new InputError(
      input,
      '',
      `line ${lines.linePos(problem.pos[0]).line}: expected YAML. The problem: ${yamlProblem(problem)}`,
    );
  }
  if (document.contents === null) return new Map();
  if (!isMap(document.contents)) throw new InputError(input, '', 'expected an object or key=value lines');
  const entries = document.contents.items.map(
    (pair: Pair<ParsedNode, ParsedNode | null>): [string, string] => {
      const line = lines.linePos(pair.key.range[0]).line;
      return [scalarText(input, line, pair.key), valueText(input, line, pair.value)];
    },
  );
  return new Map(entries);
}

function valueText(input: string, line: number, node: ParsedNode | null): string {
  if (isSeq(node)) {
    const items = node.items.map((item) => scalarText(input, line, item));
    if (items.some((item) => item.includes(','))) {
      throw new InputError(input, '', `line ${line}: expected list items without a comma`);
    }
    return items.join(',');
  }
  if (isMap(node)) return JSON.stringify(plain(input, line, node));
  return scalarText(input, line, node);
}

function scalarText(input: string, line: number, node: unknown): string {
  if (node === null || (isScalar(node) && node.type === 'PLAIN' && node.source === '')) {
    throw new InputError(input, '', `line ${line}: expected a value. Write "" for an empty one`);
  }
  if (isScalar(node)) {
    const value = typeof node.value === 'string' ? node.value : '';
    if (node.type !== 'PLAIN' || !/^(?:null|Null|NULL|~)$/.test(value)) return value;
    throw new InputError(
      input,
      '',
      `line ${line}: expected a value, got null. Leave the key out, or write "" for an empty one`,
    );
  }
  const found = isAlias(node) ? 'an alias' : 'an object';
  throw new InputError(input, '', `line ${line}: expected a string or a number, got ${found}`);
}

/** An object as JSON data. Values that are valid JSON are kept as they are written. */
function plain(input: string, line: number, node: unknown): unknown {
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map(({ key, value }) => [scalarText(input, line, key), plain(input, line, value)]),
    );
  }
  if (isSeq(node)) return node.items.map((item) => plain(input, line, item));
  if (isScalar(node) && node.type === 'PLAIN' && node.source) return plainScalar(node.source);
  return scalarText(input, line, node);
}

function plainScalar(source: string): unknown {
  try {
    const value: unknown = JSON.parse(source);
    return String(value) === source ? value : source;
  } catch {
    return source;
  }
}

/** The key of a pair at the start of a string. */
const PAIR = /^([A-Za-z_][\w.:/-]*)=/;

/** The key of the pair that a string starts with. */
export function pairKey(text: string): string | undefined {
  return PAIR.exec(text)?.[1];
}

/**
 * The non-empty lines of `key=value` text. Lines that all end with a comma, except the last, are joined into one,
 * because commas separate pairs only within a line.
 */
export function pairLines(text: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*(?:#.*)?$/.test(line));
  const continued = lines.slice(0, -1);
  const isList = continued.length > 0 && continued.every((line) => line.trimEnd().endsWith(','));
  return isList ? [lines.map((line) => line.trim()).join(' ')] : lines;
}

/**
 * Splits a line at commas or spaces, and trims the parts. Quoted parts stay whole: a separator counts only if an even
 * number of quotes follows. aws-actions/aws-cloudformation-github-deploy reads `parameter-overrides` the same way
 * (parseParameters in its src/utils.ts).
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
 * Whether a value looks like a value followed by more pairs: `1,B=2` or `1 B=2` after `A=`. Only keys in the same
 * style as the first one count, because values may contain pairs themselves: `host:6379,ssl=true`, `a=b,c=d`.
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
 * Rejects `A=1,B=2` and `A=1 B=2`, which would become one entry. The keys of a map are not known in advance, so only
 * text that looks like this mistake is rejected.
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

/** @param what the items, in the plural. */
export function severalPairs(input: string, what: string): InputError {
  const problem = `expected one line each, got several ${what} on one line. If it is a single value, write YAML with the value in quotes`;
  return new InputError(input, '', problem);
}
