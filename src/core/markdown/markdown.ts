const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '|': '&#124;',
  '\\': '&#92;',
  '`': '&#96;',
  '*': '&#42;',
  '~': '&#126;',
  '[': '&#91;',
  $: '&#36;',
  _: '&#95;',
  ':': '&#58;',
  '.': '&#46;',
};
/** A colon or a dot only matters in a URL: GitHub would link it, and would not decode entities in it. */
const MARKUP = /[&<>|\\`*~[$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=\/\/)|(?<=www)\./i;

/** `@name` and `#12` would become links; an invisible zero-width space after the sign prevents that. */
const LINKS: Record<string, string> = { '@': '@&#8203;', '#': '#&#8203;' };
const LINK = /@(?=\w)|#(?=\d)/;

const MARKUP_SIGNS = new RegExp(MARKUP, 'gi');
const ALL_SIGNS = new RegExp(`${MARKUP.source}|${LINK.source}`, 'gi');

/**
 * Text as Markdown that renders verbatim, on one line. A character written as an entity never acts as markup. Control
 * characters and bidirectional formatting characters are removed.
 *
 * @see https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references
 */
export function escapeText(text: string): string {
  return withEntities(withoutControls(text.trim()), ALL_SIGNS);
}

/** Text as inline code: in backticks if that is safe, otherwise in HTML tags. */
export function literal(text: string): string {
  const clean = withoutControls(text.trim());
  if (/^[^\s`|\\](?:[^`|\\\n]*[^\s`|\\])?$/.test(clean)) return `\`${clean}\``;
  return `<code>${withEntities(clean, MARKUP_SIGNS)}</code>`;
}

/**
 * All forms in which a secret can appear in escaped text. Whether the characters at its ends are escaped depends on
 * their neighbours.
 */
export function escapedForms(secret: string): string[] {
  const neighbours = ['', 'x', 'www'].flatMap((before) =>
    ['', '1', '//'].map((after) => [before, after] as const),
  );
  return neighbours.flatMap(([before, after]) =>
    [ALL_SIGNS, MARKUP_SIGNS].map((signs) => {
      const escaped = withEntities(withoutControls(before + secret + after), signs);
      return escaped.slice(before.length, escaped.length - after.length);
    }),
  );
}

function withEntities(text: string, signs: RegExp): string {
  return text.replace(signs, (sign) => ENTITIES[sign] ?? LINKS[sign] ?? sign).replaceAll('\n', '<br>');
}

/** Normalises line breaks and removes other control characters. */
function withoutControls(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029\u0085\v\f]/g, '\n')
    .replace(/\t/g, ' ')
    .replace(/[^\P{Cc}\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
}

/**
 * Text for a table cell. It renders verbatim, on one row, without markup, links or mentions.
 */
export function escapeCell(text: string): string {
  return escapeText(text);
}

/** Text as inline code, also inside a table cell. */
export function code(text: string): string {
  return literal(text);
}

/** Rejects an empty header at compile time: every column says what it shows. */
type Named<Headers extends readonly string[]> = {
  readonly [Column in keyof Headers]: Headers[Column] extends '' ? never : Headers[Column];
};

/**
 * A table. Cells are Markdown: pass plain text through `escapeCell` or `code` first. Missing cells are empty, and a
 * line break in a cell becomes `<br>`.
 */
export function table<const Headers extends readonly string[]>(
  headers: Headers & Named<Headers>,
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${headers.map((_, index) => oneRow(cells[index] ?? '')).join(' | ')} |`;
  return [line(headers), `|${' --- |'.repeat(headers.length)}`, ...rows.map(line)].join('\n');
}

/** A collapsible section. The summary is plain text, the body Markdown. */
export function details(summary: string, body: string): string {
  return `<details>\n<summary>${escapeText(summary)}</summary>\n\n${body.trim()}\n\n</details>`;
}

/** Text in a code fence that it cannot close. */
export function fence(text: string, language = ''): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const marks = '`'.repeat(longest + 1);
  return `${marks}${language}\n${text}\n${marks}`;
}

function oneRow(cell: string): string {
  return cell.trim().replace(/\s*(?:\r\n|\r|\n)\s*/g, '<br>');
}
