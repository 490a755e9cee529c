import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { PlatformError } from '../../core/errors.ts';
import { yamlProblem } from '../../core/inputs/yaml-problem.ts';

export type Path = readonly PropertyKey[];

/** The sections whose values are always strings. */
const STRING_SECTIONS = new Set(['parameters', 'tags', 'build-args', 'build-contexts']);

/** The values of a YAML document, and their lines. */
export interface ManifestDocument {
  value: unknown;
  lineOf: (path: Path) => number;
}

/** A YAML syntax error. The line is 1-based. */
export class ManifestSyntaxError extends PlatformError {
  override readonly name = 'ManifestSyntaxError';
  readonly line: number;

  constructor(message: string, line: number) {
    super('manifest-invalid', message);
    this.line = line;
  }
}

/**
 * Reads YAML, including anchors and merge keys.
 *
 * @throws ManifestSyntaxError
 */
export function readManifestText(text: string): ManifestDocument {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ''), {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
    merge: true,
  });
  const [broken] = document.errors;
  if (broken)
    throw new ManifestSyntaxError(`The problem: ${yamlProblem(broken)}`, lines.linePos(broken.pos[0]).line);
  keepStrings(document, document.contents, false);
  return {
    value: valueOf(document),
    lineOf: (path) => lineOf(document, lines, path),
  };
}

/** @throws ManifestSyntaxError for aliases that multiply, which the library refuses to resolve. */
function valueOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) throw new ManifestSyntaxError(`The problem: ${error.message}`, 1);
    throw error;
  }
}

/** Keeps the notation of numbers and booleans in those sections, such as the leading zero of 0123. */
function keepStrings(document: Document, node: unknown, isStringSection: boolean): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      keepStrings(document, value, isStringSection || STRING_SECTIONS.has(name));
    }
  } else if (isSeq(node)) {
    for (const item of node.items) keepStrings(document, item, false);
  } else if (isStringSection && isScalar(node) && ['number', 'boolean'].includes(typeof node.value)) {
    node.value = node.source ?? String(node.value);
  }
}

/** The line of a path, or of its nearest existing parent. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const step of path) {
    const found = childOf(document, node, step);
    if (!found) break;
    offset = offsetOf(found.location);
    node = found.node;
  }
  return lines.linePos(offset).line;
}

function childOf(
  document: Document,
  node: unknown,
  step: PropertyKey,
): { node: unknown; location: unknown } | undefined {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isMap(target)) {
    const pair = target.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    return pair && { node: pair.value, location: pair.key };
  }
  const item = isSeq(target) ? target.items[Number(step)] : undefined;
  return item === undefined ? undefined : { node: item, location: item };
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
