import type { CollectionTag, Document, ScalarTag, YAMLMap, YAMLSeq } from 'yaml';
import { isAlias, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { badFormat } from '../errors.ts';
import type { Json } from '../json.ts';
import { straighten } from './continuation.ts';
import { SCALAR_TAGS } from './scalars.ts';

/** The values of the last texts: a stack's template is parsed for its validation, its plan and its update. */
const recent = new Map<string, Json>();
const RECENT = 20;

/** The value of a template's text, with short forms expanded. Throws AWS's "not well-formed" with the position. */
export function parseTemplateText(text: string): Json {
  const body = text.replace(/^\uFEFF/, '');
  const value = recent.get(text) ?? (body.trimStart().startsWith('{') ? parseJson(body) : parseYaml(body));
  recent.delete(text);
  recent.set(text, value);
  const [oldest] = recent.keys();
  if (recent.size > RECENT && oldest !== undefined) recent.delete(oldest);
  return structuredClone(value);
}

/** Numbers that JavaScript prints differently than Java. */
const OTHER_NUMBER = /[:,[]\s*-?\d+(?:\.\d|[eE]|\d{14})/;

function parseJson(text: string): Json {
  try {
    const value = JSON.parse(text) as Json;
    return OTHER_NUMBER.test(text) ? parseYaml(text) : value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const lines = new LineCounter();
    const [problem] = parseDocument(text, { schema: 'json', lineCounter: lines }).errors;
    const { line, col } = lines.linePos(problem?.pos[0] ?? text.length);
    throw malformed('JSON', line, col);
  }
}

function malformed(language: string, line: number, column: number): Error {
  return badFormat(`${language} not well-formed. (line ${line}, column ${column})`);
}

/**
 * YAML 1.1 as SnakeYAML reads it, except for features that CloudFormation does not accept: aliases, merges, timestamps,
 * binary, sets, ordered maps ("Template format", User Guide). The last of duplicate keys applies
 * (https://github.com/aws-cloudformation/cfn-language-discussion/issues/96).
 */
function parseYaml(text: string): Json {
  const first = compose(text);
  const straight = isFaulty(first.document) ? compose(straighten(text)) : first;
  const { document, lines } = isFaulty(straight.document) ? first : straight;
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw malformed('YAML', line, col);
  }
  checkNodes(document);
  return isAlias(document.contents) ? null : (document.toJS() as Json);
}

function compose(text: string): { document: Document; lines: LineCounter } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.1',
    schema: 'failsafe',
    resolveKnownTags: false,
    merge: false,
    uniqueKeys: false,
    lineCounter: lines,
    customTags: (tags) => [...SCALAR_TAGS, ...tags, ...SHORT_FORMS],
  });
  return { document, lines };
}

function isFaulty({ errors, warnings }: Document): boolean {
  return errors.length + warnings.length > 0;
}

/**
 * Refuses aliases and numeric keys (https://github.com/aws-cloudformation/cfn-lint/issues/292). Every other key is its
 * text in the file.
 */
function checkNodes(document: Document): void {
  visit(document, {
    Alias: () => {
      throw badFormat('YAML aliases are not allowed in CloudFormation templates');
    },
    Scalar: (key, node, path) => {
      if (key !== 'key' || node.type !== 'PLAIN') return;
      const { source = '' } = node;
      if (typeof node.value === 'number' || (typeof node.value === 'string' && node.value !== source)) {
        throw badFormat(
          `[${pointerOf(path)}] map keys must be strings; received numeric [${String(node.value)}] instead`,
        );
      }
      node.value = source;
    },
  });
}

/** The JSON pointer of the map that contains the last key of a path. */
function pointerOf(path: readonly unknown[]): string {
  const steps = path.slice(0, -1).flatMap((parent, index): string[] => {
    const next = path[index + 1];
    if (isPair(parent)) return isScalar(parent.key) ? [String(parent.key.value)] : [];
    return isSeq(parent) ? [String(parent.items.indexOf(next))] : [];
  });
  return steps.map((step) => `/${step}`).join('');
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
    'GetStackOutput',
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
