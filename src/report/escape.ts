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
};

/** Follows a sign that would link: breaks the word without being seen. */
const BREAK = '&#8203;';

/**
 * Text as Markdown that shows it, in one line. An entity never has the meaning of the sign that it stands for;
 * mentions and references are found in the finished page, so they need a break. Control and direction signs
 * are left out.
 *
 * @see https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references
 */
export function escapeText(text: string): string {
  return withoutMarkup(text)
    .replace(/@(?=\w)/g, `@${BREAK}`)
    .replace(/#(?=\d)/g, `#${BREAK}`);
}

/** Text as inline code: between backticks where they cannot fail, else between HTML tags. */
export function literal(text: string): string {
  const clean = withoutControls(text);
  if (/^[^\s`|\\](?:[^`|\\\n]*[^\s`|\\])?$/.test(clean)) return `\`${clean}\``;
  return `<code>${withoutMarkup(clean)}</code>`;
}

function withoutMarkup(text: string): string {
  return withoutControls(text)
    .replace(/[&<>|\\`*~[$]/g, (sign) => ENTITIES[sign] ?? sign)
    .replace(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '&#95;')
    .replace(/\n/g, '<br>');
}

/** Line breaks become one kind; other control signs go, and so do those that turn the direction of the text. */
function withoutControls(text: string): string {
  return text
    .trim()
    .replace(/\r\n?|[\u2028\u2029\u0085\v\f]/g, '\n')
    .replace(/\t/g, ' ')
    .replace(/[^\P{Cc}\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
}
