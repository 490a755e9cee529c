import { ExpansionError, splitWords } from './words.ts';

export interface Instruction {
  /** In upper case. */
  keyword: string;
  /** Such as `--from=build`, without quotes. */
  flags: readonly string[];
  /** The text after the flags. */
  text: string;
  /** The first line, 1-based. */
  line: number;
}

interface Dockerfile {
  /** The character for escapes and line continuations. */
  escape: string;
  instructions: readonly Instruction[];
}

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const DIRECTIVES = ['syntax', 'escape', 'check'];
/** Instructions that can have heredocs. */
const WITH_HEREDOC = /^(?:ONBUILD\s+)?(?:ADD|COPY|RUN)\b/i;

/**
 * Splits a Dockerfile into its instructions like BuildKit, with directives, comments, continued lines and heredocs. An
 * invalid Dockerfile is read as far as possible, because the build reports the error.
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

/** Directives are comments before any other line. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name = '', value = ''] = DIRECTIVE.exec(line.trimStart()) ?? [];
    if (!DIRECTIVES.includes(name.toLowerCase())) break;
    if (name.toLowerCase() === 'escape' && value === '`') return '`';
  }
  return '\\';
}

/** A line and its continuation lines, without the comments and empty lines among them. */
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

/** An unescaped escape character at the end of a line continues it. */
function withoutContinuation(line: string, escape: string): [text: string, isLast: boolean] {
  const char = escape === '\\' ? '\\\\' : escape;
  const match = new RegExp(`(?:([^${char}])|^)${char}[ \\t]*$`).exec(line);
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
    const char = text.charAt(at);
    if (quote === '' && /\s/.test(char)) break;
    if (char === quote) quote = '';
    else if (quote === '' && (char === "'" || char === '"')) quote = char;
    else if (char === escape) word += text.charAt(++at);
    else word += char;
  }
  return { word, length: at };
}

/** The index after the heredocs that start in a line. */
function skipHeredocs(text: string, lines: readonly string[], from: number): number {
  let at = from;
  for (const { end, withTabs } of heredocsIn(text)) {
    const isEnd = (line: string): boolean => (withTabs ? line.replace(/^\t+/, '') : line) === end;
    while (at < lines.length && !isEnd(lines[at] ?? '')) at++;
    at++;
  }
  return at;
}

/** The escape character in the delimiter of a heredoc is always `\`. */
function heredocsIn(text: string): { end: string; withTabs: boolean }[] {
  try {
    return splitWords(text, new Map(), { escape: '\\', raw: true }).flatMap((word) => {
      const [, tabs, rest = ''] = /^\d*<<(-?)\s*([^<]+)$/.exec(word) ?? [];
      const [end, ...more] = splitWords(rest, new Map(), { escape: '\\' });
      return end === undefined || more.length > 0 ? [] : [{ end, withTabs: tabs === '-' }];
    });
  } catch (error) {
    // If BuildKit cannot split a line, it assumes that there is no heredoc.
    if (error instanceof ExpansionError) return [];
    throw error;
  }
}
