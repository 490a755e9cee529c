import { parseArgsStringToArgv } from 'string-argv';
import { InputError } from '../errors.ts';

/**
 * Parses a command into the program and its arguments, without a shell: a JSON array of strings, or words separated by
 * white space. Double and single quotes preserve white space. In double quotes and outside of quotes, a backslash
 * escapes the next character.
 *
 * @throws InputError for an unclosed quote, or if there is no program.
 */
export function parseCommand(input: string, text: string): [string, ...string[]] {
  const words = jsonWords(input, text) ?? splitWords(input, text);
  const [program, ...rest] = words;
  if (program === undefined || program === '') throw new InputError(input, text, 'expected a command');
  return [program, ...rest];
}

/** A quoted part, an escaped character, or a run of other characters. */
const PART = /'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\\[\s\S]|[^'"\\]+/gy;
/** Unicode private use plane. Stands for escaped characters, because string-argv does not support backslashes. */
const ESCAPED = 0xf0000;

/** string-argv silently closes an open quote at the end of the text, so quotes are checked first. */
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
    return undefined; // `[` is also a program.
  }
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new InputError(input, text, 'expected an array of strings');
}
