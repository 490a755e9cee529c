import { ExpansionError, splitWords } from './words.ts';

export interface Instruction {
  /** In capitals. */
  keyword: string;
  /** Such as `--from=build`, without quotes. */
  flags: readonly string[];
  /** What follows the flags. */
  text: string;
  /** Its first line, counted from 1. */
  line: number;
}

interface Dockerfile {
  /** The character that escapes, and that continues a line. */
  escape: string;
  instructions: readonly Instruction[];
}

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const DIRECTIVES = ['syntax', 'escape', 'check'];
/** Instructions that may have heredocs. */
const WITH_HEREDOC = /^(?:ONBUILD\s+)?(?:ADD|COPY|RUN)\b/i;

/**
 * Splits a Dockerfile into its instructions, as BuildKit does: directives, comments, continued lines and heredocs.
 * A Dockerfile that BuildKit refuses is read as far as possible: the build reports the error.
 *
 * @see https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/parser/parser.go
 */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''));
  const escape = escapeOf(lines);
  const instructions: Instruction[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = at + 1;
    const logical = readLogicalLine(lines, at, escape);
    at = logical.next;
    if (logical.text.trim() === '') continue;
    const instruction = { ...splitInstruction(logical.text, escape), line };
    if (WITH_HEREDOC.test(logical.text.trim())) at = skipHeredocs(logical.text, lines, at);
    instructions.push(instruction);
  }
  return { escape, instructions };
}

/** The instruction of an `ONBUILD`. */
export function triggerOf({ text, line }: Instruction, escape: string): Instruction {
  return { ...splitInstruction(text, escape), line };
}

/** Directives are comments above all other lines. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name = '', value = ''] = DIRECTIVE.exec(line.trimStart()) ?? [];
    if (!DIRECTIVES.includes(name.toLowerCase())) break;
    if (name.toLowerCase() === 'escape' && value === '`') return '`';
  }
  return '\\';
}

/** A line with those that continue it. Comments and empty lines among them are left out. */
function readLogicalLine(
  lines: readonly string[],
  from: number,
  escape: string,
): { text: string; next: number } {
  const first = (lines[from] ?? '').trimStart();
  let [part, isLast] = first.startsWith('#') ? ['', true] : withoutContinuation(first, escape);
  let text = part;
  let next = from + 1;
  while (!isLast && next < lines.length) {
    const line = lines[next++] ?? '';
    if (/^\s*(?:#|$)/.test(line)) continue;
    [part, isLast] = withoutContinuation(line, escape);
    text += part;
  }
  return { text, next };
}

/** An escape character that ends a line continues it, unless it is escaped. */
function withoutContinuation(line: string, escape: string): [text: string, isLast: boolean] {
  const sign = escape === '\\' ? '\\\\' : escape;
  const match = new RegExp(`(?:([^${sign}])|^)${sign}[ \\t]*$`).exec(line);
  return match ? [line.slice(0, match.index) + (match[1] ?? ''), false] : [line, true];
}

/** @see https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/parser/split_command.go */
function splitInstruction(line: string, escape: string): Omit<Instruction, 'line'> {
  const [, keyword = '', rest = ''] = /^([^\t\v\f\r ]+)(?:[\t\v\f\r ]+(.*))?$/s.exec(line.trim()) ?? [];
  const flags: string[] = [];
  let text = rest;
  for (;;) {
    text = text.trimStart();
    if (!text.startsWith('--')) break;
    const { word, length } = readFlag(text, escape);
    text = text.slice(length);
    if (word === '--') break;
    flags.push(word);
  }
  return { keyword: keyword.toUpperCase(), flags, text: text.trim() };
}

/** The first word of a text, without its quotes. */
function readFlag(text: string, escape: string): { word: string; length: number } {
  let [word, quote, at] = ['', '', 0];
  for (; at < text.length; at++) {
    const sign = text.charAt(at);
    if (quote === '' && /\s/.test(sign)) break;
    if (sign === quote) quote = '';
    else if (quote === '' && (sign === "'" || sign === '"')) quote = sign;
    else if (sign === escape) word += text.charAt(++at);
    else word += sign;
  }
  return { word, length: at };
}

/** The line after the heredocs that begin in a line. */
function skipHeredocs(text: string, lines: readonly string[], from: number): number {
  let at = from;
  for (const { end, withTabs } of heredocsIn(text)) {
    const isEnd = (line: string): boolean => (withTabs ? line.replace(/^\t+/, '') : line) === end;
    while (at < lines.length && !isEnd(lines[at] ?? '')) at++;
    at++;
  }
  return at;
}

/** A heredoc's word is quoted by `\`, whatever the Dockerfile's escape character is. */
function heredocsIn(text: string): { end: string; withTabs: boolean }[] {
  try {
    return splitWords(text, new Map(), { escape: '\\', raw: true }).flatMap((word) => {
      const [, tabs, rest = ''] = /^\d*<<(-?)\s*([^<]+)$/.exec(word) ?? [];
      const [end, ...more] = splitWords(rest, new Map(), { escape: '\\' });
      return end === undefined || more.length > 0 ? [] : [{ end, withTabs: tabs === '-' }];
    });
  } catch (error) {
    // BuildKit takes a line that it cannot split for one without a heredoc.
    if (error instanceof ExpansionError) return [];
    throw error;
  }
}
