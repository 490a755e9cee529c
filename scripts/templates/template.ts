import { readFileSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node } from 'yaml';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonMap = Record<string, Json>;

/** A value as text: strings as they are, anything else as JSON. */
export const textOf = (value: Json | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);

export interface Parameter {
  Type: string;
  Default?: string | number;
  AllowedValues?: (string | number)[];
  AllowedPattern?: string;
  MinValue?: number;
  MaxValue?: number;
  Description?: string;
}

export interface Resource {
  Type: string;
  Properties?: JsonMap;
  Condition?: string;
  DependsOn?: string | string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

export interface Output {
  Value: Json;
  Condition?: string;
  Description?: string;
  Export?: { Name: Json };
}

/** A template with every short form (`!Ref x`) expanded (`{ Ref: x }`). */
export interface Template {
  name: string;
  text: string;
  Parameters: Record<string, Parameter>;
  Mappings: Record<string, Record<string, Record<string, Json>>>;
  Conditions: Record<string, Json>;
  Resources: Record<string, Resource>;
  Outputs: Record<string, Output>;
  /** The whole document. */
  document: JsonMap;
  /** The 1-based line of a path such as Resources/Vpc, or 1. */
  lineOf(path: readonly (string | number)[]): number;
}

export const templateFile = (name: string): string => `templates/${name}.yml`;

const read = new Map<string, Template>();

/** Reads templates/<name>.yml, relative to the repository's root, once. @throws Error with the first syntax error. */
export function readTemplate(name: string): Template {
  const template = read.get(name) ?? parseTemplate(name, readFileSync(templateFile(name), 'utf8'));
  read.set(name, template);
  return template;
}

/** @throws Error if the text is not YAML, or uses aliases, which CloudFormation does not support. */
export function parseTemplate(name: string, text: string): Template {
  const lines = new LineCounter();
  // The parser warns about each unknown tag, and a warning with its position is slow to create.
  const parsed = parseDocument(text, { lineCounter: lines, logLevel: 'silent', prettyErrors: false });
  const [error] = parsed.errors;
  if (error) throw new Error(`${name}: ${error.message}`);
  const document = longForm(parsed.contents) as JsonMap;
  const section = <T>(key: string) => (document[key] ?? {}) as unknown as Record<string, T>;
  return {
    name,
    text,
    Parameters: section('Parameters'),
    Mappings: section('Mappings'),
    Conditions: section('Conditions'),
    Resources: unrolled(document['Resources'], () => [EACH]) as unknown as Record<string, Resource>,
    Outputs: unrolled(document['Outputs'], () => [EACH]) as unknown as Record<string, Output>,
    document,
    lineOf(path) {
      const node = parsed.getIn(path, true) as Node | undefined;
      return node?.range ? lines.linePos(node.range[0]).line : 1;
    },
  };
}

/** The placeholder for the items of a loop in an unresolved template. */
const EACH = 'Each';

/**
 * A section with its loops (`Fn::ForEach`) expanded. `&{Name}` in a key omits non-alphanumeric characters.
 *
 * @param itemsOf the items of a collection.
 */
export function unrolled(
  section: Json | undefined,
  itemsOf: (collection: Json) => readonly string[],
): JsonMap {
  return Object.fromEntries(
    Object.entries((section ?? {}) as JsonMap).flatMap(([key, value]) => {
      if (!key.startsWith('Fn::ForEach::')) return [[key, value]];
      const [name, collection, body] = value as [string, Json, JsonMap];
      return itemsOf(collection).flatMap((item) => Object.entries(bound(body, name, item) as JsonMap));
    }),
  );
}

function bound(value: Json, name: string, item: string): Json {
  if (typeof value === 'string') return value.replaceAll(`\${${name}}`, item);
  if (Array.isArray(value)) return value.map((each) => bound(each, name, item));
  if (value === null || typeof value !== 'object') return value;
  if (value['Ref'] === name) return item;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.replaceAll(`\${${name}}`, item).replaceAll(`&{${name}}`, item.replaceAll(/[^A-Za-z0-9]/g, '')),
      bound(each, name, item),
    ]),
  );
}

function longForm(node: unknown): Json {
  if (isAlias(node)) throw new Error(`*${node.source}: CloudFormation does not support YAML aliases`);
  const value = plain(node);
  const tag = (node as Node | null)?.tag;
  if (tag === undefined || !tag.startsWith('!')) return value;
  const name = tag.slice(1);
  if (name === 'Ref' || name === 'Condition') return { [name]: value };
  if (name === 'GetAtt' && typeof value === 'string') {
    const [resource = '', ...attribute] = value.split('.');
    return { 'Fn::GetAtt': [resource, attribute.join('.')] };
  }
  return { [`Fn::${name}`]: value };
}

function plain(node: unknown): Json {
  if (isSeq(node)) return node.items.map(longForm);
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map(({ key, value }) => [String((key as { value: unknown }).value), longForm(value)]),
    );
  }
  return isScalar(node) ? (node.value as Json) : null;
}
