import type { CollectionTag, ScalarTag, Tags, YAMLMap, YAMLSeq } from 'yaml';
import { isAlias, LineCounter, parseDocument, visit } from 'yaml';
import { badFormat } from '../errors.ts';
import type { Json } from '../json.ts';

/** Values of the last texts: a stack's template is read for its validation, its plan and its update. */
const recent = new Map<string, Json>();
const RECENT = 20;

/** The text of a template as a value, short forms written out. Throws AWS's "not well-formed" with the place. */
export function parseTemplateText(text: string): Json {
  const value = recent.get(text) ?? (text.trimStart().startsWith('{') ? parseJson(text) : parseYaml(text));
  recent.delete(text);
  recent.set(text, value);
  const [oldest] = recent.keys();
  if (recent.size > RECENT && oldest !== undefined) recent.delete(oldest);
  return structuredClone(value);
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    const lines = new LineCounter();
    const [problem] = parseDocument(text, { schema: 'json', lineCounter: lines }).errors;
    const { line, col } = lines.linePos(problem?.pos[0] ?? text.length);
    throw malformed('JSON', line, col);
  }
}

function malformed(language: string, line: number, column: number): Error {
  return badFormat(`${language} not well-formed. (line ${line}, column ${column})`);
}

/** YAML 1.1 without what CloudFormation does not take: aliases, merges, time stamps, binary, sets, ordered maps. */
function parseYaml(text: string): Json {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.1',
    merge: false,
    lineCounter: lines,
    customTags: (tags) => [...tags.filter(isTaken), ...SHORT_FORMS],
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw malformed('YAML', line, col);
  }
  visit(document, {
    Alias: () => {
      throw badFormat('YAML aliases are not allowed in CloudFormation templates');
    },
  });
  return isAlias(document.contents) ? null : (document.toJS() as Json);
}

const REFUSED = ['binary', 'omap', 'pairs', 'set', 'timestamp', 'merge'];

function isTaken(tag: Tags[number]): boolean {
  const name = typeof tag === 'string' ? tag : tag.tag;
  return !REFUSED.some((refused) => name.endsWith(refused));
}

const FUNCTIONS = [
  ...[
    'And',
    'Base64',
    'Cidr',
    'Equals',
    'FindInMap',
    'GetAtt',
    'GetAZs',
    'If',
    'ImportValue',
    'Join',
    'Not',
    'Or',
  ],
  ...['Select', 'Split', 'Sub', 'Transform', 'ToJsonString', 'Length'],
  ...['Contains', 'EachMemberEquals', 'EachMemberIn', 'RefAll', 'ValueOf', 'ValueOfAll'],
];
const SHORT_FORMS: (ScalarTag | CollectionTag)[] = [
  ...['Ref', 'Condition'].flatMap((name) => shortForm(name, name)),
  ...FUNCTIONS.flatMap((name) => shortForm(name, `Fn::${name}`)),
];

function shortForm(name: string, key: string): (ScalarTag | CollectionTag)[] {
  const tag = `!${name}`;
  const wrap = (node: YAMLMap.Parsed | YAMLSeq.Parsed | YAMLMap | YAMLSeq): unknown => ({
    [key]: node.toJSON() as Json,
  });
  return [
    { tag, resolve: (text) => ({ [key]: key === 'Fn::GetAtt' ? splitAttribute(text) : text }) },
    { tag, collection: 'seq', resolve: wrap },
    { tag, collection: 'map', resolve: wrap },
  ];
}

/** `Thing.Some.Attribute` as CloudFormation reads it: the resource, then everything after the first dot. */
export function splitAttribute(text: string): string[] {
  const dot = text.indexOf('.');
  return dot < 0 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}
