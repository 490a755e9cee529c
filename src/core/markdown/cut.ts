export type Measure = (text: string) => number;

export const bytes: Measure = (text) => Buffer.byteLength(text, 'utf8');
/** GitHub counts characters; there are never fewer UTF-16 code units. */
export const characters: Measure = (text) => text.length;

interface State {
  /** The open fence, as it was written. */
  fence: string;
  /** Number of open `<details>` elements. */
  details: number;
}

/**
 * The longest prefix of a Markdown text that, with its open fences and details closed, measures at most `limit`. Lines
 * stay whole, and a table keeps at least one row below its header or is dropped.
 *
 * @returns the text itself if it fits; an empty string if not even one line does.
 */
export function cutMarkdown(markdown: string, limit: number, measure: Measure): string {
  if (measure(markdown) <= limit) return markdown;
  const lines = markdown.split('\n');
  const newline = 1;
  let state: State = { fence: '', details: 0 };
  let size = 0;
  let best = { count: 0, closers: '' };
  for (const [index, line] of lines.entries()) {
    size += measure(line) + (index === 0 ? 0 : newline);
    if (size > limit) break;
    const outside = state.fence === '';
    state = after(state, line);
    if (outside && (state.fence !== '' || !mayEndAfter(lines, index))) continue;
    const closers = closersOf(state);
    if (size + measure(closers) <= limit) best = { count: index + 1, closers };
  }
  return lines.slice(0, best.count).join('\n') + best.closers;
}

/** The state of a Markdown text after one more line. */
function after(state: State, line: string): State {
  const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
  if (state.fence !== '') {
    const closes = fence?.[1]?.startsWith(state.fence) === true && fence[2]?.trim() === '';
    return closes ? { ...state, fence: '' } : state;
  }
  if (fence?.[1] !== undefined) return { ...state, fence: fence[1] };
  const opened = line.match(/<details\b/g)?.length ?? 0;
  const closed = line.match(/<\/details>/g)?.length ?? 0;
  return { fence: '', details: Math.max(0, state.details + opened - closed) };
}

function closersOf(state: State): string {
  const fence = state.fence === '' ? '' : `\n${state.fence}`;
  return `${fence}${'\n\n</details>'.repeat(state.details)}`;
}

/** Not between a table's header and its first row, and not directly after a heading or a summary element. */
function mayEndAfter(lines: readonly string[], index: number): boolean {
  const delimiter = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
  const line = lines[index] ?? '';
  const isHeader = line.includes('|') && delimiter.test(lines[index + 1] ?? '');
  const isDelimiter = line.includes('|') && delimiter.test(line);
  return !isHeader && !isDelimiter && !/^(?:\s*$|#{1,6} |<details|<summary)/.test(line);
}
