/**
 * Indents lines on which a flow collection or a quoted scalar continues, so that they start to the right of its key.
 * SnakeYAML accepts them at any column; the `yaml` package does not. Values and line numbers do not change.
 */
export function straighten(text: string): string {
  const scan: Scan = { text, at: 0, depth: 0, start: 0, lines: new Map() };
  while (scan.at < text.length) step(scan);
  let offset = 0;
  return text
    .split('\n')
    .map((line) => {
      const moved = ' '.repeat(scan.lines.get(offset) ?? 0) + line;
      offset += line.length + 1;
      return moved;
    })
    .join('\n');
}

interface Scan {
  text: string;
  at: number;
  /** The number of open brackets, and the position of the outermost one. */
  depth: number;
  start: number;
  /** The additional indent, by the offset of the start of a line. */
  lines: Map<number, number>;
}

const SPACE = /\s|^$/;

/** Reads one token from a position where a token may start. */
function step(scan: Scan): void {
  const { text, at, depth } = scan;
  const char = text[at] ?? '';
  const next = text[at + 1] ?? '';
  if (SPACE.test(char)) scan.at += 1;
  else if (char === '#') scan.at = lineEnd(text, at);
  else if (char === "'" || char === '"') quoted(scan, char);
  else if (char === '[' || char === '{') {
    if (depth === 0) scan.start = at;
    scan.depth += 1;
    scan.at += 1;
  } else if (depth > 0 && (char === ']' || char === '}')) {
    scan.depth -= 1;
    scan.at += 1;
    if (scan.depth === 0) move(scan, scan.start, scan.at);
  } else if ((depth > 0 && ',:'.includes(char)) || ('-?:'.includes(char) && SPACE.test(next))) scan.at += 1;
  else if (char === '!' || char === '&')
    scan.at += /^[^\s,[\]{}]+/.exec(text.slice(at, at + 200))?.[0].length ?? 1;
  else if (depth === 0 && (char === '|' || char === '>')) blockScalar(scan);
  else plain(scan);
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function quoted(scan: Scan, quote: string): void {
  const { text, at: start } = scan;
  const body = quote === "'" ? /(?:''|[^'])*'/y : /(?:\\[\s\S]|[^"\\])*"/y;
  body.lastIndex = start + 1;
  scan.at = body.test(text) ? body.lastIndex : text.length;
  if (scan.depth === 0) move(scan, start, scan.at);
}

/** Indents all lines that start within a range. */
function move({ text, lines }: Scan, start: number, end: number): void {
  const column = start - (text.lastIndexOf('\n', start) + 1);
  for (let at = text.indexOf('\n', start) + 1; at > 0 && at < end; at = text.indexOf('\n', at) + 1) {
    lines.set(at, column + 1);
  }
}

/** Skips the lines of a block scalar: empty lines, and lines indented at least as much as its first one. */
function blockScalar(scan: Scan): void {
  const { text } = scan;
  scan.at = lineEnd(text, scan.at) + 1;
  const indent = /^(?:[ \t\r]*\n)*( *)/.exec(text.slice(scan.at))?.[1]?.length ?? 0;
  while (scan.at < text.length) {
    const line = text.slice(scan.at, lineEnd(text, scan.at));
    if (line.trim() !== '' && (indent === 0 || line.search(/[^ ]/) < indent)) return;
    scan.at += line.length + 1;
  }
}

/** Skips a plain scalar, or its part on this line, including the colon after a key. */
function plain(scan: Scan): void {
  const end = scan.depth > 0 ? /:(?=\s)| #|[,[\]{}\n]/g : /:(?=\s)| #|\n/g;
  end.lastIndex = scan.at;
  const found = end.exec(scan.text);
  scan.at = found ? found.index + (found[0] === ':' ? 1 : 0) : scan.text.length;
}
