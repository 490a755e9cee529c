import type { TemplateDocument } from './document.ts';
import { literal, type Value, valueAt } from './tree.ts';

/** What a message of CloudFormation is about. `path` is inside the resource: `Properties.Topics.0`. */
export interface Place {
  logicalId?: string;
  path?: string;
  /** 1-based. */
  line?: number;
}

/** A value of the template with the keys that lead to it. */
interface Found {
  path: readonly string[];
  value: Value;
  /** Of its key, for the value of a map. */
  keyLine: number;
}

const SECTIONS = ['Resources', 'Outputs', 'Conditions', 'Rules', 'Hooks'];

/**
 * Where in the template a message of CloudFormation points to: by its `(line x, column y)`, else by its JSON pointer,
 * else by a name at a place where CloudFormation puts one. A name that is declared is found at its declaration, any
 * other at its use. Other words of a message count for nothing: they may be anybody's id.
 */
export function locate(message: string, document: TemplateDocument): Place {
  const line = /\(line (\d+), column \d+\)/.exec(message)?.[1];
  if (line !== undefined) return { line: Number(line) };
  return byPointer(message, document) ?? byPhrase(message, document) ?? byMarkedName(message, document) ?? {};
}

/**
 * `[/Resources/Server/Type/EbsOptimized] 'null' values are not allowed in templates`: CloudFormation writes `Type` where
 * the template has `Properties`.
 * @see https://github.com/aws-cloudformation/cfn-lint/issues/38
 */
function byPointer(message: string, document: TemplateDocument): Place | undefined {
  const pointer = /\[\/([\w/.:~-]+)\]/.exec(message)?.[1];
  if (pointer === undefined) return undefined;
  const path = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (path[0] === 'Resources' && path[2] === 'Type' && path.length > 3) path[2] = 'Properties';
  const line = document.lineOf(path.join('.'));
  return line === undefined ? undefined : placeOf(path, line);
}

type Lookup = (document: TemplateDocument, ...names: string[]) => Place | undefined;

const declared =
  (section: string): Lookup =>
  (document, name = '') => {
    const line = document.lineOf(`${section}.${name}`);
    return line === undefined ? undefined : placeOf([section, name], line);
  };
const used: Lookup = (document, name = '') => firstPlace(document, (found) => isUse(found, name));
const attribute: Lookup = (document, id = '', name = '') =>
  firstPlace(document, ({ value }) => isAttribute(value, id, name));
const imported: Lookup = (document, name = '') =>
  firstPlace(
    document,
    ({ value }) => value.kind === 'call' && value.name === 'ImportValue' && literal(value.argument) === name,
  );
const keyed: Lookup = (document, name = '') => {
  const found = visitAll(document).find(({ path }) => path.at(-1) === name);
  return found && placeOf(found.path, found.keyLine);
};
const property: Lookup = (document, id = '', pointer = '') => {
  const path = ['Resources', id, 'Properties', ...pointer.split('/').filter((part) => part !== '')];
  const line = document.lineOf(path.join('.'));
  return line === undefined ? undefined : placeOf(path, line);
};

/** Messages that name something without brackets or quotes. */
const PHRASES: readonly (readonly [RegExp, Lookup])[] = [
  [/resource (\w+) does not support attribute type (\S+) in /, attribute],
  [/references undefined resource (\w+)/, used],
  [/Unresolved condition dependency (\w+)/, used],
  [/Unable to get mapping for (\w+)::/, used],
  [/No export named (\S+?) found/, imported],
  [/Properties validation failed for resource (\w+) with message:\s*\[?#?([\w/]*)/, property],
  [/(?:Resource|Parameter|Outputs?) name (\S+) is non alphanumeric/, keyed],
  [/Encountered unsupported property (\w+)/, keyed],
  [/Invalid template resource property '(\w+)'/, keyed],
  [/Outputs? (?:member )?(\w+) (?:is malformed|must evaluate)/, declared('Outputs')],
  [/Rule (\w+) failed/, declared('Rules')],
];

function byPhrase(message: string, document: TemplateDocument): Place | undefined {
  for (const [phrase, lookup] of PHRASES) {
    const match = phrase.exec(message);
    const place = match && lookup(document, ...match.slice(1));
    if (place) return place;
  }
  return undefined;
}

/** `[Topic, Queue]`, `[LogicalResourceId/Queue]`, `'Size'`, `"Size"`. */
function byMarkedName(message: string, document: TemplateDocument): Place | undefined {
  const bracketed = [...message.matchAll(/\[([\w:./, -]+)\]/g)].flatMap(([, list = '']) => list.split(/, ?/));
  const quoted = [...message.matchAll(/(?<!\w)['"]([\w:.-]+)['"]/g)].map(([, name = '']) => name);
  const ids = bracketed.map((name) => name.slice(name.lastIndexOf('/') + 1));
  for (const name of [...ids, ...quoted]) {
    const place = ofDeclared(document, name) ?? used(document, name);
    if (place) return place;
  }
  for (const name of ids) {
    const place = ofText(document, name) ?? keyed(document, name) ?? ofLoop(document, name);
    if (place) return place;
  }
  return undefined;
}

function ofDeclared(document: TemplateDocument, name: string): Place | undefined {
  if (Object.hasOwn(document.resources, name)) return declared('Resources')(document, name);
  if (Object.hasOwn(document.parameters, name)) return declared('Parameters')(document, name);
  return undefined;
}

function ofLoop(document: TemplateDocument, name: string): Place | undefined {
  const place = declared('Resources')(document, name);
  return place?.line === document.lineOf('Transform') ? undefined : place;
}

/** A resource type. */
function ofText(document: TemplateDocument, text: string): Place | undefined {
  if (!text.includes('::')) return undefined;
  return firstPlace(document, ({ path, value }) => path.at(-1) === 'Type' && literal(value) === text);
}

function firstPlace(document: TemplateDocument, matches: (found: Found) => boolean): Place | undefined {
  const found = visitAll(document).find(matches);
  return found && placeOf(found.path, found.value.line);
}

function placeOf(path: readonly string[], line: number): Place {
  const [section, logicalId, ...rest] = path;
  if (section !== 'Resources' || logicalId === undefined) return { line };
  return { logicalId, ...(rest.length > 0 && { path: rest.join('.') }), line };
}

function visitAll(document: TemplateDocument): Found[] {
  return SECTIONS.flatMap((section) => {
    const value = valueAt(document, [section]);
    return visit({ path: [section], value, keyLine: value.line });
  });
}

function visit(found: Found): Found[] {
  const { path, value } = found;
  const into = (key: string, below: Value, keyLine = below.line): Found[] =>
    visit({ path: [...path, key], value: below, keyLine });
  switch (value.kind) {
    case 'map':
      return [found, ...value.entries.flatMap(({ key, value: below, line }) => into(key, below, line))];
    case 'list':
      return [found, ...value.items.flatMap((item, index) => into(String(index), item))];
    case 'call':
      return [found, ...visit({ ...found, value: value.argument })];
    default:
      return [found];
  }
}

/** Whether a value refers to a resource, parameter, condition or mapping by its name. */
function isUse({ path, value }: Found, name: string): boolean {
  const isAttributeOfResource = path[0] === 'Resources' && ['DependsOn', 'Condition'].includes(path[2] ?? '');
  if (isAttributeOfResource && literal(value) === name) return true;
  if (value.kind !== 'call') return false;
  const texts = textsOf(value.argument);
  const [first = ''] = texts;
  switch (value.name) {
    case 'Ref':
    case 'Condition':
    case 'If':
    case 'FindInMap':
      return first === name;
    case 'GetAtt':
      return first === name || first.startsWith(`${name}.`);
    case 'Sub':
      return variablesOf(first).some((variable) => variable === name || variable.startsWith(`${name}.`));
    default:
      return false;
  }
}

function isAttribute(value: Value, id: string, name: string): boolean {
  if (value.kind !== 'call') return false;
  const texts = textsOf(value.argument);
  if (value.name === 'GetAtt') return texts.join('.') === `${id}.${name}`;
  return value.name === 'Sub' && variablesOf(texts[0] ?? '').includes(`${id}.${name}`);
}

/** The text of a value, or those of the texts at the start of a list. */
function textsOf(value: Value): string[] {
  if (value.kind === 'text') return [value.text];
  if (value.kind !== 'list') return [];
  return value.items.flatMap((item) => literal(item) ?? []);
}

function variablesOf(text: string): string[] {
  return [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, variable = '']) => variable.trim());
}
