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

const PART = /\s+|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/gy;

function splitWords(input: string, text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let end = 0;
  for (const part of text.trim().matchAll(PART)) {
    end = part.index + part[0].length;
    const [, single, double, escaped, plain] = part;
    const value = single ?? double?.replace(/\\([\s\S])/g, '$1') ?? escaped ?? plain;
    if (value !== undefined) word = (word ?? '') + value;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (end < text.trim().length) {
    throw new InputError(input, text, 'a quote is not closed, or a backslash has nothing after it');
  }
  return word === undefined ? words : [...words, word];
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
  throw new InputError(input, text, 'expected an array of texts');
}
