import { Marked, type Tokens } from 'marked';
import { type LogLine, readLog } from '../log.ts';

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The top heading level of a summary, below the page's own headings. */
const TOP_HEADING = 3;

const markdown = new Marked({
  gfm: true,
  renderer: {
    heading({ tokens, depth }: Tokens.Heading): string {
      const level = Math.max(depth, TOP_HEADING);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    // A link to the sandbox is dead once it has stopped.
    link({ href, tokens }: Tokens.Link): string {
      const text = this.parser.parseInline(tokens);
      return isLocal(href) ? text : `<a href="${escapeHtml(href)}">${text}</a>`;
    },
    // On a phone, each row is a card whose cells show the heading of their column.
    table({ header, rows }: Tokens.Table): string {
      const heads = header.map(({ text, tokens }) =>
        text === '' ? '<td></td>' : `<th scope="col">${this.parser.parseInline(tokens)}</th>`,
      );
      const body = rows.map((row) => {
        const cells = row.map(
          ({ tokens }, index) =>
            `<td data-label="${escapeHtml(header[index]?.text ?? '')}"><div>${this.parser.parseInline(tokens)}</div></td>`,
        );
        return `<tr>${cells.join('')}</tr>`;
      });
      return `<table><thead><tr>${heads.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table>\n`;
    },
  },
});

function isLocal(href: string): boolean {
  return URL.canParse(href) && new URL(href).hostname === '127.0.0.1';
}

/** Emoji of the summaries: the tone of the dot shown instead, and its label for screen readers. */
const SIGNS: Readonly<Record<string, readonly [tone: string, label: string]>> = {
  '🟢': ['good', 'healthy'],
  '✅': ['good', 'succeeded'],
  '🟡': ['halted', 'waiting'],
  '🟠': ['halted', 'warning'],
  '⚠️': ['halted', 'warning'],
  '⏪': ['failed', 'rolled back'],
  '⛔': ['halted', 'blocked'],
  '🔵': ['changing', 'changing'],
  '🔴': ['failed', 'unhealthy'],
  '❌': ['failed', 'failed'],
};

/** A summary as GitHub would show it, without its diagrams, which need a script. */
export function summaryHtml(summary: string): string {
  const text = summary.replaceAll(
    /<details>\s*<summary>[^<]*<\/summary>\s*```mermaid[\s\S]*?<\/details>/g,
    '',
  );
  const html = markdown.parse(text, { async: false });
  return html.replaceAll(/\p{Extended_Pictographic}\uFE0F?/gu, (sign) => {
    const [tone, label] = SIGNS[sign] ?? [];
    if (tone === undefined || label === undefined) return sign;
    return `<span class="dot ${tone}" role="img" aria-label="${label}"></span>`;
  });
}

/** A log as GitHub would show it. */
export function logHtml(log: string): string {
  return `<div class="lines">${linesHtml(readLog(log))}</div>`;
}

/** Lines of plain text form one block: one element per line would be slow for screen readers. */
function linesHtml(lines: readonly LogLine[]): string {
  return lines
    .map(({ kind, text, lines: inner }) => {
      const shown = escapeHtml(text);
      if (inner) return `<details><summary>${shown}</summary>${linesHtml(inner)}</details>`;
      return kind === 'text' ? `${shown}\n` : `<span class="${kind}">${shown}</span>\n`;
    })
    .join('');
}
