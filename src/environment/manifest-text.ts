import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';

type Path = readonly PropertyKey[];

/** The sections whose values are texts, whatever they look like. */
const TEXTS = new Set(['parameters', 'tags', 'build-args', 'build-contexts']);

/** A YAML text as plain values that know their lines. */
export interface ManifestDocument {
  value: unknown;
  lineOf: (path: Path) => number;
}

/** A text that is no YAML. The line is 1-based. */
export class ManifestSyntaxError extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.name = 'ManifestSyntaxError';
    this.line = line;
  }
}

/** Reads YAML (anchors and merges included). Throws ManifestSyntaxError. */
export function readManifestText(text: string): ManifestDocument {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ''), {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
    merge: true,
  });
  const [broken] = document.errors;
  if (broken) throw new ManifestSyntaxError(broken.message, lines.linePos(broken.pos[0]).line);
  keepTexts(document, document.contents, false);
  return {
    value: document.toJS() as unknown,
    lineOf: (path) => lineOf(document, lines, path),
  };
}

/** A parameter such as 0123 keeps its zero: it is a text, as it was written. */
function keepTexts(document: Document, node: unknown, inTexts: boolean): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      keepTexts(document, value, inTexts || TEXTS.has(name));
    }
  } else if (isSeq(node)) {
    for (const item of node.items) keepTexts(document, item, false);
  } else if (inTexts && isScalar(node) && ['number', 'boolean'].includes(typeof node.value)) {
    node.value = node.source ?? String(node.value);
  }
}

/** Where a path is; of what is not there, the place that it would be in. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const step of path) {
    const found = childOf(document, node, step);
    if (!found) break;
    offset = offsetOf(found.place);
    node = found.node;
  }
  return lines.linePos(offset).line;
}

function childOf(
  document: Document,
  node: unknown,
  step: PropertyKey,
): { node: unknown; place: unknown } | undefined {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isMap(target)) {
    const pair = target.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    return pair && { node: pair.value, place: pair.key };
  }
  const item = isSeq(target) ? target.items[Number(step)] : undefined;
  return item === undefined ? undefined : { node: item, place: item };
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
