import { CST, type Document, isScalar, LineCounter, Parser, parseDocument, visit } from 'yaml';
import { parseJsonDocument } from './json.ts';

/** A template's text as nodes. Every plain scalar has the text that CloudFormation converts it to. */
export interface TemplateYaml {
  document: Document;
  /** The text that the offsets of the nodes refer to. */
  source: string;
  lines: LineCounter;
  warnings: readonly TemplateWarning[];
}

/** A place that CloudFormation accepts, but does not read as most people would. The line is 1-based. */
export interface TemplateWarning {
  line: number;
  message: string;
}

/**
 * Parses a template like CloudFormation, whose parser is SnakeYAML: YAML 1.1 without single-letter booleans, the last of
 * duplicate keys wins, and flow collections and quoted scalars may continue at any column. Keys keep their text. Parser
 * errors are in `document.errors`.
 *
 * The scalar rules are those of SnakeYAML's Resolver and SafeConstructor
 * (https://github.com/snakeyaml/snakeyaml, Resolver.java), confirmed for CloudFormation by field reports:
 * - `Y` and `N` are strings, `yes` and `on` become `true`: https://ljmc.bearblog.dev/yaml-booleans-in-cloudformation-templates
 * - `0300` becomes 192: https://dev.classmethod.jp/articles/how-to-identify-numerical-values-in-cfn-yaml-template/
 * - `054676820928` is not an octal number and stays a string; reports differ: docs/decisions/0021-*.md
 * - duplicate keys: https://github.com/aws-cloudformation/cfn-language-discussion/issues/96
 */
export function parseTemplateYaml(text: string): TemplateYaml {
  const asWritten = parse(text.replace(/^\uFEFF/, ''));
  const { document, source, lines } =
    asWritten.document.errors.length > 0 ? parse(indentContinuations(asWritten.source)) : asWritten;
  const warnings: TemplateWarning[] = [];
  visit(document, {
    Map: (_key, map) => {
      warnings.push(...dropDuplicates(map, lines));
    },
    Scalar: (key, scalar) => {
      if (key === 'key' || scalar.type !== 'PLAIN' || scalar.tag !== undefined) return;
      const { source: written = '', range } = scalar;
      scalar.value = NULL.test(written) ? null : readPlainScalar(written);
      if (/^[-+]?0[0-9_]+$/.test(written) && range) {
        warnings.push({
          line: lines.linePos(range[0]).line,
          message: `CloudFormation ${numberReading(written)}. Quote it to keep it as a string.`,
        });
      }
    },
  });
  return { document, source, lines, warnings: warnings.sort((one, other) => one.line - other.line) };
}

function numberReading(written: string): string {
  const read = readPlainScalar(written);
  return read === written
    ? `may read the unquoted ${written} as the number ${doubleText(Number(written.replaceAll('_', '')))}`
    : `reads the unquoted ${written} as the number ${read}`;
}

function parse(source: string): { document: Document; source: string; lines: LineCounter } {
  const json = parseJsonDocument(source);
  if (json) return { ...json, source };
  const lines = new LineCounter();
  const document = parseDocument(source, {
    lineCounter: lines,
    uniqueKeys: false,
    logLevel: 'silent',
    schema: 'failsafe',
    merge: true,
  });
  return { document, source, lines };
}

/** Removes all but the last pair of each key. */
function dropDuplicates(map: { items: { key: unknown }[] }, lines: LineCounter): TemplateWarning[] {
  const last = new Map(map.items.map((pair) => [keyText(pair.key), pair]));
  if (last.size === map.items.length) return [];
  const dropped = map.items.filter((pair) => last.get(keyText(pair.key)) !== pair);
  map.items = map.items.filter((pair) => last.get(keyText(pair.key)) === pair);
  return dropped.map(({ key }) => {
    const name = keyText(key);
    const winner = lineOfKey(last.get(name)?.key, lines);
    return {
      line: winner,
      message: `Duplicate key ${name}, also defined on line ${String(lineOfKey(key, lines))}. CloudFormation uses the last one.`,
    };
  });
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}

function lineOfKey(key: unknown, lines: LineCounter): number {
  return isScalar(key) && key.range ? lines.linePos(key.range[0]).line : 1;
}

const NULL = /^(?:~|null|Null|NULL)?$/;
const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const INTEGER =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const DECIMAL =
  /^[-+]?(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+))$/;
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/;
const SPECIAL: readonly [RegExp, string][] = [
  [/^\+?\.(?:inf|Inf|INF)$/, 'Infinity'],
  [/^-\.(?:inf|Inf|INF)$/, '-Infinity'],
  [/^\.(?:nan|NaN|NAN)$/, 'NaN'],
];

/** The text that CloudFormation converts an unquoted scalar to: `On` is `true`, `010` is `8`, `1.10` is `1.1`. */
function readPlainScalar(written: string): string {
  if (TRUE.test(written)) return 'true';
  if (FALSE.test(written)) return 'false';
  const digits = written.replaceAll('_', '');
  if (INTEGER.test(written) && /[0-9]/.test(digits)) return integerText(digits);
  if (DECIMAL.test(written) && /[0-9]/.test(digits)) return doubleText(Number(digits));
  if (BASE_60.test(written)) return doubleText(signed(digits, (text) => base60(text.split(':').map(Number))));
  return SPECIAL.find(([pattern]) => pattern.test(written))?.[1] ?? written;
}

function integerText(written: string): string {
  const sign = written.startsWith('-') ? '-' : '';
  const digits = written.replace(/^[-+]/, '');
  const value = digits.includes(':')
    ? BigInt(base60(digits.split(':').map(Number)))
    : BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return value === 0n ? '0' : `${sign}${String(value)}`;
}

function signed(written: string, read: (digits: string) => number): number {
  const value = read(written.replace(/^[-+]/, ''));
  return written.startsWith('-') ? -value : value;
}

function base60(parts: readonly number[]): number {
  return parts.reduce((sum, part) => sum * 60 + part, 0);
}

/** Java's `Double.toString`: always a fraction, and an exponent from ten million upwards and below a thousandth. */
function doubleText(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e7)) return Number.isInteger(value) ? `${value}.0` : `${value}`;
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}

/**
 * Indents the continuation lines of flow collections and quoted scalars where the `yaml` package would end them.
 * SnakeYAML ignores indentation there. Line numbers and values do not change, because such white space is folded.
 */
function indentContinuations(text: string): string {
  let current = text;
  // Each round fixes one place, and there are at most as many places as lines.
  for (let rounds = text.split('\n').length; rounds > 0; rounds--) {
    const start = firstCutOff(current);
    const end = start === undefined ? undefined : endOfFlow(current, start);
    if (start === undefined || end === undefined) return current;
    const column = start - (current.lastIndexOf('\n', start) + 1);
    const inner = current.slice(start, end).replaceAll('\n', `\n${' '.repeat(column + 1)}`);
    current = current.slice(0, start) + inner + current.slice(end);
  }
  return current;
}

/** The offset of the first flow collection or quoted scalar that the parser did not read to its end. */
function firstCutOff(text: string): number | undefined {
  for (const token of new Parser().parse(text)) {
    if (token.type !== 'document') continue;
    const found = cutOffIn(token.value, text);
    if (found !== undefined) return found;
  }
  return undefined;
}

function cutOffIn(token: CST.Token | null | undefined, text: string): number | undefined {
  if (!token) return undefined;
  if (token.type === 'single-quoted-scalar' || token.type === 'double-quoted-scalar') {
    return endOfQuotes(text, token.offset) === token.offset + token.source.length ? undefined : token.offset;
  }
  if (!CST.isCollection(token)) return undefined;
  for (const item of token.items) {
    const found = cutOffIn(item.key, text) ?? cutOffIn(item.value, text);
    if (found !== undefined) return found;
  }
  if (token.type !== 'flow-collection') return undefined;
  const closed = token.end.some(({ type }) => type === 'flow-map-end' || type === 'flow-seq-end');
  return closed ? undefined : token.start.offset;
}

/** The offset after the closing quote; undefined if there is none. */
function endOfQuotes(text: string, start: number): number | undefined {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++;
    else if (text[at] === quote && quote === "'" && text[at + 1] === quote) at++;
    else if (text[at] === quote) return at + 1;
  }
  return undefined;
}

/** The offset after the bracket or quote that closes the one at `start`; undefined if there is none. */
function endOfFlow(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at] ?? '';
    const opens = at === start || /[\s[{,:]/.test(text[at - 1] ?? '');
    if (opens && /['"]/.test(char)) {
      const end = endOfQuotes(text, at);
      if (end === undefined || depth === 0) return end;
      at = end - 1;
    } else if (char === '#' && /\s/.test(text[at - 1] ?? '')) {
      const lineEnd = text.indexOf('\n', at);
      if (lineEnd < 0) return undefined;
      at = lineEnd;
    } else if ('[{'.includes(char)) depth++;
    else if (']}'.includes(char) && --depth === 0) return at + 1;
  }
  return undefined;
}
