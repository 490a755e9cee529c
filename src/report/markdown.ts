import { escapeText, literal } from '../runtime/escape.ts';

export { fitSections } from '../runtime/sections.ts';
export type { Section } from '../runtime/sections.ts';

/**
 * Any text, safe as a cell of a table: it shows as it was written, on one row, without markup, links or
 * mentions.
 */
export function escapeCell(text: string): string {
  return escapeText(text);
}

/** Any text as inline code, also inside a table's cell. */
export function code(text: string): string {
  return literal(text);
}

/**
 * A table. The cells are Markdown: pass text through `escapeCell` or `code` first. Missing cells are empty, and
 * a line break in a cell becomes `<br>`.
 */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${headers.map((_, index) => oneRow(cells[index] ?? '')).join(' | ')} |`;
  return [line(headers), `|${' --- |'.repeat(headers.length)}`, ...rows.map(line)].join('\n');
}

/** A folded part: the summary is text, the body Markdown. */
export function details(summary: string, body: string): string {
  return `<details>\n<summary>${escapeText(summary)}</summary>\n\n${body.trim()}\n\n</details>`;
}

/** Text as it is, in a fence that the text cannot close. */
export function fence(text: string, language = ''): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const marks = '`'.repeat(longest + 1);
  return `${marks}${language}\n${text}\n${marks}`;
}

function oneRow(cell: string): string {
  return cell.trim().replace(/\s*(?:\r\n|\r|\n)\s*/g, '<br>');
}
