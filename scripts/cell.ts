/**
 * Text for a cell of a Markdown table: on one line, its bars escaped, and `<name>` outside of code too, which Markdown
 * would otherwise take for an HTML tag and leave out.
 */
export function cell(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  return line
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll(/<(?=[a-z])/gi, '\\<')))
    .join('');
}
