import type { TemplateDocument } from './document.ts';
import { literal, type Value, valueAt } from './tree.ts';

/** The place in a template that a message of CloudFormation is about. `path` is relative to the resource: `Properties.Topics.0`. */
export interface Place {
  logicalId?: string;
  path?: string;
  /** 1-based. */
  line?: number;
}

/** A value of the template and its path. */
interface Found {
  path: readonly string[];
  value: Value;
  /** The line of the key, for a value in a map. */
  keyLine: number;
}

const SECTIONS = ['Resources', 'Outputs', 'Conditions', 'Rules', 'Hooks'];

/**
 * Finds the place in the template that a message of CloudFormation is about: by its `(line x, column y)`, by its JSON
 * pointer, or by a name in a known position of the message. A declared name is located at its declaration, any other
 * name at its first use. The rest of the message is ignored, because any word in it could be an id by coincidence.
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

/** Messages with a name that is not in brackets or quotes. */
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
    const place = byDeclaration(document, name) ?? used(document, name);
    if (place) return place;
  }
  for (const name of ids) {
    const place = byType(document, name) ?? keyed(document, name) ?? byLoop(document, name);
    if (place) return place;
  }
  return undefined;
}

function byDeclaration(document: TemplateDocument, name: string): Place | undefined {
  if (Object.hasOwn(document.resources, name)) return declared('Resources')(document, name);
  if (Object.hasOwn(document.parameters, name)) return declared('Parameters')(document, name);
  return undefined;
}

/** The loop that generates a resource. Resources that a transform generates have no line of their own. */
function byLoop(document: TemplateDocument, name: string): Place | undefined {
  const place = declared('Resources')(document, name);
  return place?.line === document.lineOf('Transform') ? undefined : place;
}

function byType(document: TemplateDocument, type: string): Place | undefined {
  if (!type.includes('::')) return undefined;
  return firstPlace(document, ({ path, value }) => path.at(-1) === 'Type' && literal(value) === type);
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
  const visitChild = (key: string, child: Value, keyLine = child.line): Found[] =>
    visit({ path: [...path, key], value: child, keyLine });
  switch (value.kind) {
    case 'map':
      return [found, ...value.entries.flatMap(({ key, value: child, line }) => visitChild(key, child, line))];
    case 'list':
      return [found, ...value.items.flatMap((item, index) => visitChild(String(index), item))];
    case 'call':
      return [found, ...visit({ ...found, value: value.argument })];
    default:
      return [found];
  }
}

/** Whether a value refers to the resource, parameter, condition or mapping of this name. */
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

/** The text of a value, or the texts in a list. */
function textsOf(value: Value): string[] {
  if (value.kind === 'text') return [value.text];
  if (value.kind !== 'list') return [];
  return value.items.flatMap((item) => literal(item) ?? []);
}

function variablesOf(text: string): string[] {
  return [...text.matchAll(/\$\{([^!{}][^{}]*)\}/g)].map(([, variable = '']) => variable.trim());
}
