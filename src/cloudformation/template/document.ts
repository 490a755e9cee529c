import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { PlatformError } from '../../core/errors.ts';
import { elsewhereProperty } from '../change-set/stateful.ts';
import { generatorPath } from './generated.ts';
import { parseTemplateYaml, type TemplateWarning } from './yaml.ts';

export interface TemplateParameter {
  type: string;
  noEcho: boolean;
  hasDefault: boolean;
}

export interface TemplateResource {
  type: string;
  deletionPolicy?: string;
  updateReplacePolicy?: string;
  /** The type is stateful, but this resource has no data itself, such as an instance of a database cluster. */
  holdsNothing?: true;
}

/** A parsed template. */
export interface TemplateDocument {
  parameters: Record<string, TemplateParameter>;
  resources: Record<string, TemplateResource>;
  /** In the order of lines. */
  warnings: readonly TemplateWarning[];
  /** The text that the offsets of the nodes refer to. */
  source: string;
  /** The node at a path, with tags such as `!Ref`; the whole document for an empty path. */
  node(path: readonly string[]): unknown;
  lineOf(path: string): number | undefined;
  /** The 1-based line of an offset in the text. */
  lineAt(offset: number): number;
}

/** The text is neither YAML nor JSON. Line and column are 1-based. */
export class TemplateSyntaxError extends PlatformError {
  override readonly name = 'TemplateSyntaxError';
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super('template-invalid', message);
    this.line = line;
    this.column = column;
  }
}

/**
 * The most recent documents by their text, because one command reads the same template ten times. Documents are
 * immutable. Nodes take about ten times the memory of the text, so the total length of the texts is limited.
 */
const recent = new Map<string, TemplateDocument>();
const RECENT_CHARACTERS = 3_000_000;
let recentCharacters = 0;

/**
 * Reads a template's text, YAML (short-form intrinsics are kept as tags) or JSON, as CloudFormation reads it.
 * @throws TemplateSyntaxError if the text cannot be parsed, or its top level is not a map.
 */
export function readTemplateDocument(text: string): TemplateDocument {
  const known = recent.get(text);
  if (known) {
    recent.delete(text);
    recent.set(text, known);
    return known;
  }
  const document = parseTemplateDocument(text);
  recent.set(text, document);
  recentCharacters += text.length;
  for (const oldest of recent.keys()) {
    if (recentCharacters <= RECENT_CHARACTERS) break;
    recent.delete(oldest);
    recentCharacters -= oldest.length;
  }
  return document;
}

/** The parser's message on one line, without the position at its end. */
function messageOf({ message, code }: YAMLError): string {
  const [line = code] = message.split('\n');
  return line.replace(/ at line \d+, column \d+:?$/, '').trim();
}

/** @throws TemplateSyntaxError for a text that is nested so deeply that it exhausts the stack. */
function parseNested(text: string): ReturnType<typeof parseTemplateYaml> {
  try {
    const parsed = parseTemplateYaml(text);
    if (depthOf(parsed.document.contents) <= MAX_DEPTH) return parsed;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new TemplateSyntaxError(`values are nested more than ${MAX_DEPTH} levels deep`, 1, 1);
}

/** The properties of AWS's resource types nest less than 30 levels. */
const MAX_DEPTH = 200;

function depthOf(root: unknown): number {
  let level = [root];
  for (let depth = 0; ; depth += 1) {
    if (level.length === 0 || depth > MAX_DEPTH) return depth;
    level = level.flatMap((node) =>
      isMap(node) ? node.items.map(({ value }) => value) : isSeq(node) ? node.items : [],
    );
  }
}

function parseTemplateDocument(text: string): TemplateDocument {
  const { document, source, lines, warnings } = parseNested(text);
  const error = document.errors[0];
  if (error) {
    const at = error.linePos?.[0] ?? { line: 1, col: 1 };
    throw new TemplateSyntaxError(messageOf(error), at.line, at.col);
  }
  if (!isMap(document.contents)) {
    throw new TemplateSyntaxError('the top level must be a map that contains Resources', 1, 1);
  }
  return {
    parameters: section(document, 'Parameters', readParameter),
    resources: section(document, 'Resources', readResource),
    warnings,
    source,
    node: (path) => document.getIn(path, true),
    lineOf: (path) => lineOf(document, lines, path),
    lineAt: (offset) => lines.linePos(offset).line,
  };
}

/** Reads a template's text; undefined if it cannot be parsed. */
export function tryReadTemplate(text: string): TemplateDocument | undefined {
  try {
    return readTemplateDocument(text);
  } catch (error) {
    if (error instanceof TemplateSyntaxError) return undefined;
    throw error;
  }
}

function section<T>(
  document: Document,
  name: string,
  read: (value: unknown) => T | undefined,
): Record<string, T> {
  const entries: [string, T][] = [];
  const map = document.get(name);
  for (const pair of isMap(map) ? map.items : []) {
    const value = read(pair.value);
    if (isScalar(pair.key) && value !== undefined) entries.push([String(pair.key.value), value]);
  }
  return Object.fromEntries(entries);
}

function readParameter(value: unknown): TemplateParameter | undefined {
  if (!isMap(value)) return undefined;
  return {
    type: text(value.get('Type', true)) ?? 'String',
    noEcho: String(value.get('NoEcho')).toLowerCase() === 'true',
    hasDefault: value.has('Default'),
  };
}

/** Undefined for an entry without a type, such as an `Fn::ForEach` loop of the language extensions. */
function readResource(value: unknown): TemplateResource | undefined {
  if (!isMap(value)) return undefined;
  const type = text(value.get('Type', true));
  if (type === undefined) return undefined;
  const deletionPolicy = text(value.get('DeletionPolicy', true));
  const updateReplacePolicy = text(value.get('UpdateReplacePolicy', true));
  const elsewhere = elsewhereProperty(type);
  return {
    type,
    ...(deletionPolicy !== undefined && { deletionPolicy }),
    ...(updateReplacePolicy !== undefined && { updateReplacePolicy }),
    ...(elsewhere !== undefined && isAlwaysSet(value, elsewhere) && { holdsNothing: true }),
  };
}

/** Not if the value is Fn::If, which may omit the property. */
function isAlwaysSet(resource: YAMLMap, property: string): boolean {
  const node: unknown = resource.getIn(['Properties', property], true);
  if (isMap(node)) return !node.has('Fn::If');
  return isScalar(node) || (isSeq(node) && node.tag !== '!If');
}

/** A plain string; undefined for an intrinsic function, which is a map or has a tag. */
function text(node: unknown): string | undefined {
  if (!isScalar(node) || typeof node.value !== 'string') return undefined;
  return node.tag === undefined || node.tag === 'tag:yaml.org,2002:str' ? node.value : undefined;
}

/**
 * The line of the deepest part of the path that exists. The line of a generated resource is that of its loop or
 * transform. Undefined if the logical id does not exist.
 */
function lineOf(document: Document, lines: LineCounter, path: string): number | undefined {
  const segments = path.split('.').filter((segment) => segment !== '');
  const [first, second] = segments;
  if (first === undefined) return undefined;
  const rooted = document.has(first) ? segments : ['Resources', ...segments];
  if (second === undefined && rooted.length === 1) return keyLine(document.contents, rooted, lines)?.line;
  const found = keyLine(document.contents, rooted, lines);
  if (found !== undefined && found.depth >= 2) return found.line;
  const [section, logicalId = '', ...rest] = rooted;
  const generator = section === 'Resources' ? generatorPath(document, logicalId) : undefined;
  return generator && keyLine(document.contents, [...generator, ...rest], lines)?.line;
}

function keyLine(
  root: unknown,
  segments: readonly string[],
  lines: LineCounter,
): { line: number; depth: number } | undefined {
  let node = root;
  let found: { line: number; depth: number } | undefined;
  for (let index = 0; index < segments.length;) {
    const step = child(node, segments, index);
    if (!step) break;
    found = { line: lines.linePos(step.offset).line, depth: step.next };
    node = step.node;
    index = step.next;
  }
  return found;
}

/** One step down the path. A key may contain dots, so several segments are also tried as one key. */
function child(
  node: unknown,
  segments: readonly string[],
  index: number,
): { node: unknown; offset: number; next: number } | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(segments[index])];
    const range = (item as { range?: [number, number, number] } | undefined)?.range;
    return range ? { node: item, offset: range[0], next: index + 1 } : undefined;
  }
  if (!isMap(node)) return undefined;
  for (let end = index + 1; end <= segments.length; end++) {
    const key = segments.slice(index, end).join('.');
    const pair = node.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === key,
    );
    const range = isScalar(pair?.key) ? pair.key.range : undefined;
    if (range) return { node: pair?.value, offset: range[0], next: end };
  }
  return undefined;
}
