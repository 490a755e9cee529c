import { isMap, isNode, isScalar, isSeq, type Pair } from 'yaml';
import type { TemplateDocument } from './document.ts';

/** A value of a template with its line. Functions are recognised in their long and short forms. */
export type Value = { line: number } & (
  | { kind: 'text'; text: string }
  | { kind: 'list'; items: readonly Value[] }
  | { kind: 'map'; entries: readonly Entry[] }
  /** `Ref`, or the name of a function without `Fn::`. */
  | { kind: 'call'; name: string; argument: Value }
  /** An empty value, an alias, a merge key. */
  | { kind: 'other' }
);

export interface Entry {
  key: string;
  value: Value;
  /** The key's own line. */
  line: number;
}

/** The entries of a top-level section; none if the section is absent. */
export function sectionOf(document: TemplateDocument, name: string): readonly Entry[] {
  return entriesOf(readValue(document.node([name]), document, 1));
}

/**
 * CloudFormation's error for a template without resources.
 *
 * @see https://github.com/agutoli/serverless-layers/issues/96
 */
export const NO_RESOURCES = '"Template format error: At least one Resources member must be defined."';

/** The line to annotate in a template without resources; undefined if it has any, or if a transform may add them. */
export function emptyAt(document: TemplateDocument): number | undefined {
  if (sectionOf(document, 'Resources').length > 0 || document.node(['Transform']) !== undefined)
    return undefined;
  return document.lineOf('Resources') ?? 1;
}

/** The value at a path of a template. */
export function valueAt(document: TemplateDocument, path: readonly string[]): Value {
  return readValue(document.node(path), document, 1);
}

/** The entries of a map; none for any other value. */
export function entriesOf(value: Value | undefined): readonly Entry[] {
  return value?.kind === 'map' ? value.entries : [];
}

/** The value of a key in a map. The last duplicate wins, as in CloudFormation's parser. */
export function member(value: Value | undefined, key: string): Value | undefined {
  return entriesOf(value).findLast((entry) => entry.key === key)?.value;
}

/** A literal text; undefined for anything else. */
export function literal(value: Value | undefined): string | undefined {
  return value?.kind === 'text' ? value.text : undefined;
}

function readValue(node: unknown, document: TemplateDocument, above: number): Value {
  const line = lineOf(node, document, above);
  const tag = isNode(node) ? node.tag : undefined;
  if (tag?.startsWith('!')) {
    return { kind: 'call', name: tag.slice(1), argument: untagged(node, document, line), line };
  }
  return untagged(node, document, line);
}

function untagged(node: unknown, document: TemplateDocument, line: number): Value {
  if (isScalar(node)) {
    return node.value === null ? { kind: 'other', line } : { kind: 'text', text: textOf(node), line };
  }
  if (isSeq(node)) {
    return { kind: 'list', items: node.items.map((item) => readValue(item, document, line)), line };
  }
  if (!isMap(node)) return { kind: 'other', line };
  return callOf(node.items, document, line) ?? mapOf(node.items, document, line);
}

/** `Fn::Sub: x` and `Ref: x`. A loop is not a function, because it results in more than one value. */
function callOf(items: readonly Pair[], document: TemplateDocument, line: number): Value | undefined {
  const [only, more] = items;
  if (!only || more || !isScalar(only.key)) return undefined;
  const key = String(only.key.value);
  if (key !== 'Ref' && (!key.startsWith('Fn::') || isLoop(key))) return undefined;
  const name = key === 'Ref' ? key : key.slice('Fn::'.length);
  return { kind: 'call', name, argument: readValue(only.value, document, line), line };
}

function mapOf(items: readonly Pair[], document: TemplateDocument, line: number): Value {
  const entries = items.map(({ key, value }): Entry => {
    const own = lineOf(key, document, line);
    return { key: isScalar(key) ? textOf(key) : '', value: readValue(value, document, own), line: own };
  });
  return { kind: 'map', entries, line };
}

/** The key of a loop of the language extensions: `Fn::ForEach::Queues`. */
export function isLoop(key: string): boolean {
  return key.startsWith('Fn::ForEach::');
}

function lineOf(node: unknown, document: TemplateDocument, above: number): number {
  const range = isNode(node) ? node.range : undefined;
  return range ? document.lineAt(range[0]) : above;
}

/** Numbers and booleans keep the text that they were written with. */
function textOf({ value, source }: { value: unknown; source?: string }): string {
  return typeof value === 'string' ? value : (source ?? String(value));
}
