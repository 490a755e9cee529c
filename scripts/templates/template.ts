import { readFileSync } from 'node:fs';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node } from 'yaml';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonMap = Record<string, Json>;

/** A value in words: text as it is, anything else as JSON. */
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

/** A template with every short form (`!Ref x`) written out (`{ Ref: x }`). */
export interface Template {
  name: string;
  text: string;
  Parameters: Record<string, Parameter>;
  Mappings: Record<string, Record<string, Record<string, Json>>>;
  Conditions: Record<string, Json>;
  Resources: Record<string, Resource>;
  Outputs: Record<string, Output>;
  /** The whole document, for the tools that want one. */
  document: JsonMap;
  /** The 1-based line of a path such as Resources/Vpc, or 1. */
  lineOf(path: readonly (string | number)[]): number;
}

export const templateFile = (name: string): string => `templates/${name}.yml`;

const read = new Map<string, Template>();

/** Reads templates/<name>.yml, from the repository's root, once. @throws Error with the first syntax error. */
export function readTemplate(name: string): Template {
  const template = read.get(name) ?? parseTemplate(name, readFileSync(templateFile(name), 'utf8'));
  read.set(name, template);
  return template;
}

/** @throws Error when the text is not YAML, or uses the aliases that CloudFormation refuses. */
export function parseTemplate(name: string, text: string): Template {
  const lines = new LineCounter();
  // Each tag that the parser does not know is a warning, and a warning with its place is slow to make.
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
    Resources: section('Resources'),
    Outputs: section('Outputs'),
    document,
    lineOf(path) {
      const node = parsed.getIn(path, true) as Node | undefined;
      return node?.range ? lines.linePos(node.range[0]).line : 1;
    },
  };
}

function longForm(node: unknown): Json {
  if (isAlias(node)) throw new Error(`*${node.source}: CloudFormation does not take YAML aliases`);
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
