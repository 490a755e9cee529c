import { parseArgsStringToArgv } from 'string-argv';
import { InputError } from '../errors.ts';

/**
 * Reads a command as the program and its arguments, which no shell ever sees: a JSON array of texts, or words
 * separated by white space. A part in double or single quotes may hold white space; in double quotes and
 * outside of quotes a backslash takes the next sign as it is.
 *
 * @throws InputError on a quote that is not closed, and when there is no word.
 */
export function parseCommand(input: string, text: string): [string, ...string[]] {
  const words = jsonWords(input, text) ?? splitWords(input, text);
  const [program, ...rest] = words;
  if (program === undefined || program === '') throw new InputError(input, text, 'expected a command');
  return [program, ...rest];
}

/** Single quotes, double quotes, a sign after a backslash, or anything else that is whole. */
const PART = /'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\\[\s\S]|[^'"\\]+/gy;
/** Unicode's private plane, which stands for signs after a backslash: string-argv knows no backslash. */
const ESCAPED = 0xf0000;

/** string-argv ends an open quote at the end of the text, and says nothing: that is checked before. */
function splitWords(input: string, text: string): string[] {
  const parts = text.match(PART) ?? [];
  if (parts.join('').length < text.length) {
    throw new InputError(input, text, 'expected a closing quote, and a character after each backslash');
  }
  const escaped = parts.map((part) => (part.startsWith("'") ? part : withoutBackslashes(part)));
  return parseArgsStringToArgv(escaped.join('')).map((word) =>
    word.replace(/[\u{f0000}-\u{fffff}]/gu, (sign) =>
      String.fromCharCode((sign.codePointAt(0) ?? ESCAPED) - ESCAPED),
    ),
  );
}

function withoutBackslashes(part: string): string {
  return part.replace(/\\([\s\S])/g, (_, sign: string) => String.fromCodePoint(ESCAPED + sign.charCodeAt(0)));
}

function jsonWords(input: string, text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // `[` is a program's name too.
  }
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new InputError(input, text, 'expected an array of strings');
}
