/**
 * Text for a cell of a Markdown table: on one line, with escaped bars, and with `<name>` escaped outside of code,
 * which Markdown would otherwise drop as an HTML tag.
 */
export function cell(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  return line
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll(/<(?=[a-z])/gi, '\\<')))
    .join('');
}
