/**
 * Moves lines on which a flow collection or a quoted scalar continues to the right of where it began. SnakeYAML reads
 * them at any column; the `yaml` package does not. Neither values nor line numbers change.
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
  /** How many brackets are open, and where the outermost is. */
  depth: number;
  start: number;
  /** By the offset of a line's start: how far it moves. */
  lines: Map<number, number>;
}

const SPACE = /\s|^$/;

/** One token from where a token may begin. */
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

/** All lines that begin within a range go right of its start. */
function move({ text, lines }: Scan, start: number, end: number): void {
  const column = start - (text.lastIndexOf('\n', start) + 1);
  for (let at = text.indexOf('\n', start) + 1; at > 0 && at < end; at = text.indexOf('\n', at) + 1) {
    lines.set(at, column + 1);
  }
}

/** Skips the lines of a block scalar: those that are empty, or at least as far in as its first. */
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

/** Skips a plain scalar, or the part of it on this line, with the colon that ends a key. */
function plain(scan: Scan): void {
  const end = scan.depth > 0 ? /:(?=\s)| #|[,[\]{}\n]/g : /:(?=\s)| #|\n/g;
  end.lastIndex = scan.at;
  const found = end.exec(scan.text);
  scan.at = found ? found.index + (found[0] === ':' ? 1 : 0) : scan.text.length;
}
