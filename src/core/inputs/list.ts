import { InputError } from '../errors.ts';

/**
 * Parses a list: items separated by newlines or commas. Items in double or single quotes may contain both; a doubled
 * quote inside stands for one quote. A JSON array of strings is also a list. Empty items are dropped.
 *
 * @throws InputError for an unclosed quote, or for text right after a closing quote.
 */
export function parseList(input: string, text: string): string[] {
  const array = jsonStrings(text);
  if (array) return array;
  const items: string[] = [];
  let rest = text;
  while (rest !== '') {
    const quoted = /^\s*(["'])/.exec(rest);
    const item = quoted ? takeQuoted(input, rest, quoted[0].length, quoted[1] ?? '') : takePlain(rest);
    if (item.value !== '') items.push(item.value);
    rest = rest.slice(item.length);
  }
  return items;
}

interface Item {
  value: string;
  /** Characters that the item takes up, including its separator. */
  length: number;
}

function takePlain(text: string): Item {
  const plain = /^[^,\r\n]*/.exec(text)?.[0] ?? '';
  return { value: plain.trim(), length: plain.length + 1 };
}

function takeQuoted(input: string, text: string, start: number, quote: string): Item {
  let value = '';
  let from = start;
  for (;;) {
    const end = text.indexOf(quote, from);
    if (end === -1) throw new InputError(input, text.trim(), `expected a closing ${quote}`);
    value += text.slice(from, end);
    from = end + 1;
    if (text[from] !== quote) break;
    value += quote;
    from += 1;
  }
  const after = /^[^\S\r\n]*(?:[,\r\n]|$)/.exec(text.slice(from));
  if (!after)
    throw new InputError(input, text.trim(), `expected a comma or a new line after the closing ${quote}`);
  return { value, length: from + after[0].length };
}

function jsonStrings(text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const strings = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return strings ? value : undefined;
  } catch {
    return undefined; // A pattern such as `[ab]*` is not JSON but a valid item.
  }
}
