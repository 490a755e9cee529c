import { LineCounter, parseDocument } from 'yaml';
import { ImportError } from './error.ts';

type Scalar = string | number | boolean | null;

/** A value of an imported file, with its position. An empty map or list counts as one value. */
export interface Leaf {
  path: string;
  value: Scalar | undefined;
}
export type SourceNode = { path: string } & (
  | { kind: 'leaf'; value: Scalar }
  | { kind: 'empty' }
  | { kind: 'map'; entries: Readonly<Record<string, SourceNode>> }
  | { kind: 'list'; items: readonly SourceNode[] }
);

/** The outcome for a value: it is in the output, the template already does the same, or the service keeps it. */
type Use = 'taken' | 'same' | 'kept' | 'read-only';

/** A value for a person to review. Its text never contains the value. */
export interface Remark {
  path: string;
  text: string;
}

/** An imported file. It records the outcome for each of its values, so that none is silently dropped. */
export class Source {
  readonly file: string;
  readonly root: SourceNode;
  readonly #uses = new Map<string, { use: Use; target: string }>();
  readonly #reasons = new Map<string, string>();
  readonly remarks: Remark[] = [];

  constructor(file: string, value: unknown) {
    this.file = file;
    this.root = nodeOf(value, '');
  }

  /** Records that the output has the value, or all values of a map or list, under `target`. */
  take(node: SourceNode | undefined, target: string): void {
    this.#use(node, 'taken', target);
  }

  /** Records that the template already does what the value requests. */
  same(node: SourceNode | undefined, target: string): void {
    this.#use(node, 'same', target);
  }

  /** Records that the service keeps the value, because no stack replaces it. */
  keep(node: SourceNode | undefined, target: string): void {
    this.#use(node, 'kept', target);
  }

  /** Records that ECS sets the value itself and accepts none. */
  readOnly(node: SourceNode | undefined): void {
    this.#use(node, 'read-only', 'ECS sets it');
  }

  /** Records why a value has no counterpart. */
  refuse(node: SourceNode, reason: string): void {
    for (const { path } of leavesOf(node)) this.#reasons.set(path, reason);
  }

  remark(node: SourceNode, text: string): void {
    this.remarks.push({ path: node.path, text });
  }

  used(use: Use): { path: string; target: string }[] {
    return leavesOf(this.root).flatMap(({ path }) => {
      const found = this.#uses.get(path);
      return found?.use === use ? [{ path, target: found.target }] : [];
    });
  }

  /** The values that are not in the output. */
  unused(advice: (path: string) => string): Remark[] {
    return leavesOf(this.root)
      .filter(({ path }) => !this.#uses.has(path))
      .map(({ path }) => ({ path, text: this.#reasons.get(path) ?? advice(path) }));
  }

  #use(node: SourceNode | undefined, use: Use, target: string): void {
    if (!node) return;
    for (const { path } of leavesOf(node)) {
      const before = this.#uses.get(path)?.target;
      const isKnown = before === undefined || before.split(', ').includes(target);
      this.#uses.set(path, { use, target: isKnown ? (before ?? target) : `${before}, ${target}` });
    }
  }
}

/** The value of a YAML or JSON text. @throws ImportError for any other text. */
export function parseText(text: string, file: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const [broken] = document.errors;
  if (broken) {
    throw new ImportError(`${file}:${lines.linePos(broken.pos[0]).line}: cannot parse: ${broken.message}`);
  }
  return document.toJS() as unknown;
}

/** The node below a map, by the names of keys. */
export function at(node: SourceNode | undefined, ...keys: readonly string[]): SourceNode | undefined {
  let found = node;
  for (const key of keys) {
    found = found?.kind === 'map' && Object.hasOwn(found.entries, key) ? found.entries[key] : undefined;
  }
  return found;
}

export function entriesOf(node: SourceNode | undefined): [string, SourceNode][] {
  return node?.kind === 'map' ? Object.entries(node.entries) : [];
}

export function itemsOf(node: SourceNode | undefined): readonly SourceNode[] {
  return node?.kind === 'list' ? node.items : [];
}

/** A single value as text. Undefined for a map, a list or a missing node. */
export function textOf(node: SourceNode | undefined): string | undefined {
  return node?.kind === 'leaf' && node.value !== null ? String(node.value) : undefined;
}

/** A list of texts; undefined if an item is not a text. */
export function textsOf(node: SourceNode | undefined): string[] | undefined {
  const texts = itemsOf(node).map(textOf);
  return texts.length > 0 && texts.every((text) => text !== undefined) ? texts : undefined;
}

/** Every single value at and below a node. */
export function leavesOf(node: SourceNode): Leaf[] {
  if (node.kind === 'leaf') return [{ path: node.path, value: node.value }];
  if (node.kind === 'empty') return [{ path: node.path, value: undefined }];
  return (node.kind === 'map' ? Object.values(node.entries) : node.items).flatMap(leavesOf);
}

/** Merges the values of another map into a map. Lists and single values are replaced as a whole. */
export function overlaid(base: SourceNode, over: SourceNode): SourceNode {
  if (base.kind !== 'map' || over.kind !== 'map') return over;
  const merged = Object.entries(over.entries).map(([key, node]) => {
    const below = Object.hasOwn(base.entries, key) ? base.entries[key] : undefined;
    return [key, below ? overlaid(below, node) : node] as const;
  });
  return { ...base, entries: { ...base.entries, ...Object.fromEntries(merged) } };
}

function nodeOf(value: unknown, path: string): SourceNode {
  const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
  if (Array.isArray(value) && value.length > 0) {
    return { path, kind: 'list', items: value.map((item, index) => nodeOf(item, `${path}[${index}]`)) };
  }
  if (value !== null && typeof value === 'object' && Object.keys(value).length > 0) {
    const entries = Object.entries(value).map(([key, item]) => [
      key,
      nodeOf(item, below(/[.[\]]/.test(key) ? JSON.stringify(key) : key)),
    ]);
    return { path, kind: 'map', entries: Object.fromEntries(entries) as Record<string, SourceNode> };
  }
  if (typeof value === 'object' && value !== null) return { path, kind: 'empty' };
  return { path, kind: 'leaf', value: value as Scalar };
}
