import { readFileSync } from 'node:fs';
import { resolve as pathResolve } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit, type YAMLMap } from 'yaml';
import { InputError } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { StackSnapshot } from '../stack.ts';
import type { Template } from './template.ts';
import { literal, member, type Value } from './tree.ts';

/** A parameter for CloudFormation: a value, or the stack's previous one. */
export interface ResolvedParameter {
  key: string;
  value?: string;
  usePrevious: boolean;
  noEcho: boolean;
  /** The source of the value: `parameters`, a file's name, `previous`, `default`. */
  source: string;
}

interface GivenParameters {
  files: ParameterFiles['parameters'];
  /** The `parameters` input. */
  inline: Record<string, string>;
}

/**
 * Resolves the value of every parameter that the template declares: the `parameters` input, else the files, else the
 * value the stack has, else the default.
 * A key that the template does not declare is an error in `parameters` and a notice in a file, since files are
 * shared between templates.
 * @throws InputError naming all unknown keys of `parameters`, or all required parameters without a value. Values
 * are never part of the text.
 */
export function resolveParameters(
  template: Template,
  given: GivenParameters,
  stack: StackSnapshot | undefined,
  notice: (message: string) => void,
): ResolvedParameter[] {
  refuseUnknown(template, given.inline);
  reportSkipped(template, given.files, notice);
  const resolved = Object.keys(template.parameters).map((key) => resolve(key, template, given, stack));
  refuseMissing(template, resolved);
  return resolved;
}

function resolve(
  key: string,
  template: Template,
  given: GivenParameters,
  stack: StackSnapshot | undefined,
): ResolvedParameter {
  const base = { key, noEcho: template.parameters[key]?.noEcho ?? false };
  const file = own(given.files, key);
  const inline = own(given.inline, key);
  if (inline !== undefined) return { ...base, value: inline, usePrevious: false, source: 'parameters' };
  if (file !== undefined) return { ...base, value: file.value, usePrevious: false, source: file.file };
  if (stack && own(stack.parameters, key) !== undefined)
    return { ...base, usePrevious: true, source: 'previous' };
  return {
    ...base,
    usePrevious: false,
    source: template.parameters[key]?.hasDefault ? 'default' : 'missing',
  };
}

function refuseUnknown(template: Template, inline: Record<string, string>): void {
  const declared = Object.keys(template.parameters);
  const unknown = Object.keys(inline).filter((key) => !declared.includes(key));
  if (unknown.length === 0) return;
  const guesses = unknown.flatMap((key) => {
    const guess = suggest(key, declared);
    return guess === undefined ? [] : [unknown.length === 1 ? `"${guess}"` : `"${guess}" for "${key}"`];
  });
  const hint = guesses.length > 0 ? `did you mean ${guesses.join(', ')}? ` : '';
  const list = declared.length > 0 ? declared.join(', ') : 'no parameters';
  throw new InputError('parameters', unknown.join(', '), `${hint}The template declares ${list}`);
}

function reportSkipped(
  template: Template,
  files: GivenParameters['files'],
  notice: (message: string) => void,
): void {
  const skipped = new Map<string, string[]>();
  for (const [key, { file }] of Object.entries(files)) {
    if (own(template.parameters, key) === undefined) skipped.set(file, [...(skipped.get(file) ?? []), key]);
  }
  for (const [file, keys] of skipped) {
    const verb = keys.length === 1 ? 'is' : 'are';
    notice(`${file}: ${keys.join(', ')} ${verb} not declared by the template and ${verb} skipped`);
  }
}

function refuseMissing(template: Template, resolved: readonly ResolvedParameter[]): void {
  const missing = resolved.filter((parameter) => parameter.source === 'missing');
  if (missing.length === 0) return;
  const list = missing.map(({ key }) => {
    const line = template.lineOf(`Parameters.${key}`);
    return line === undefined ? key : `${key} (${template.file ?? ''}:${line})`;
  });
  const what = missing.length === 1 ? 'a value is missing for' : 'values are missing for';
  throw new InputError(
    'parameters',
    '',
    `${what} ${list.join(', ')}: no default, and no stack to keep a value from`,
  );
}

/**
 * Why CloudFormation would refuse a value of a parameter: `expected a or b`. Undefined when it accepts it, and where
 * only AWS can tell: of a parameter of an SSM type, for a dynamic reference, for a pattern that Java reads otherwise.
 *
 * @param declaration the parameter in the template.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
 */
export function refusedValue(declaration: Value, value: string): string | undefined {
  const type = literal(member(declaration, 'Type')) ?? 'String';
  if (type.startsWith('AWS::SSM::') || value.includes('{{resolve:')) return undefined;
  const isList = type === 'CommaDelimitedList' || type.startsWith('List<');
  const items = isList ? value.split(',').map((item) => item.trim()) : [value];
  const broken = rulesOf(declaration, type).find(({ fits }) => !items.every(fits));
  return broken && `expected ${broken.expected}`;
}

/** What each item of a value must be. */
interface Rule {
  expected: string;
  fits: (item: string) => boolean;
}

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

function rulesOf(declaration: Value, type: string): Rule[] {
  const isNumeric = type === 'Number' || type === 'List<Number>';
  const values = allowedValues(declaration, isNumeric);
  if (isNumeric) {
    return [
      { expected: 'a number', fits: (item) => NUMBER.test(item) },
      ...values,
      ...limits(declaration, 'Value', Number, String),
    ];
  }
  const lengths = limits(
    declaration,
    'Length',
    ({ length }) => length,
    (limit) => `${limit} ${limit === 1 ? 'character' : 'characters'}`,
  );
  return [...values, ...allowedPattern(declaration), ...(type === 'String' ? lengths : [])];
}

function limits(
  declaration: Value,
  of: string,
  measure: (item: string) => number,
  say: (limit: number) => string,
): Rule[] {
  const bound = (name: string): number => Number(literal(member(declaration, `${name}${of}`)) ?? Number.NaN);
  const [least, most] = [bound('Min'), bound('Max')];
  // A limit that is not there is no number, and nothing is less or more.
  return [
    { expected: `at least ${say(least)}`, fits: (item) => !(measure(item) < least) },
    { expected: `at most ${say(most)}`, fits: (item) => !(measure(item) > most) },
  ];
}

function allowedValues(declaration: Value, isNumeric: boolean): Rule[] {
  const list = member(declaration, 'AllowedValues');
  const allowed = list?.kind === 'list' ? list.items.map(literal) : [];
  if (allowed.length === 0 || allowed.includes(undefined)) return [];
  const same = (one: string | undefined, other: string): boolean =>
    one === other || (isNumeric && Number(one) === Number(other));
  return [
    {
      expected: `${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}`,
      fits: (item) => allowed.some((each) => same(each, item)),
    },
  ];
}

function allowedPattern(declaration: Value): Rule[] {
  const pattern = literal(member(declaration, 'AllowedPattern'));
  const read = pattern === undefined ? undefined : javaPattern(pattern);
  if (pattern === undefined || !read) return [];
  const described = literal(member(declaration, 'ConstraintDescription'));
  const expected = described === undefined ? `text that matches ${pattern}` : `${described} (${pattern})`;
  return [{ expected, fits: (item) => read.test(item) }];
}

/** What Java's patterns mean and JavaScript's do not, or mean otherwise. */
const ONLY_JAVA = /\\[pPQEAzZGhHRXx0]|&&|\(\?[^:=!]|[+*?}]\+|\[[^\]]*\[/;

/** The pattern of a whole value; undefined when it may be read otherwise than by CloudFormation. */
function javaPattern(pattern: string): RegExp | undefined {
  if (ONLY_JAVA.test(pattern)) return undefined;
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return undefined;
  }
}

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

const INPUT = 'parameter-files';
const SECTIONS = ['Parameters', 'Tags', 'StackPolicy'];

export interface ParameterFiles {
  /** The value and the file that it comes from. */
  parameters: Record<string, { value: string; file: string }>;
  tags: Record<string, string>;
  /** The last StackPolicy, as JSON. */
  stackPolicy?: string;
}

/**
 * Reads parameter files, JSON or YAML, and merges them in order: a later file wins, key by key.
 * Three formats: `{"Parameters": {}, "Tags": {}, "StackPolicy": {}}` (CodePipeline's template configuration), a
 * plain object, and CloudFormation's list of `{"ParameterKey", "ParameterValue"}`. A list as a value is joined
 * with commas, a map becomes JSON, numbers and booleans keep the text they were written with, also inside such a map,
 * so an account id keeps its leading zero and `1.10` its last one. `UsePreviousValue` removes the value of an earlier file.
 * @throws InputError for a file that is missing, does not parse, or has another structure. Values are never shown.
 */
export function readParameterFiles(paths: readonly string[], workspace: string): ParameterFiles {
  const merged: ParameterFiles = { parameters: {}, tags: {} };
  for (const path of paths) readInto(merged, path, parse(path, workspace));
  return merged;
}

function parse(path: string, workspace: string): Node | null {
  const lines = new LineCounter();
  let text: string;
  try {
    text = readFileSync(pathResolve(workspace, path), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new InputError(INPUT, path, `a file in the workspace that can be read (${code})`);
  }
  const document = parseDocument(text.replace(/^\uFEFF/, ''), {
    logLevel: 'silent',
    prettyErrors: false,
    lineCounter: lines,
  });
  const error = document.errors[0];
  if (error) {
    // The message of the parser may quote a value, so only its code is shown.
    const what = error.code.toLowerCase().replaceAll('_', ' ');
    throw new InputError(
      INPUT,
      path,
      `valid JSON or YAML; line ${lines.linePos(error.pos[0]).line}: ${what}`,
    );
  }
  visit(document, {
    Alias: (_key, alias, parents) => {
      const node = alias.resolve(document);
      if (node && !parents.includes(node)) return node;
      throw new InputError(INPUT, path, `no alias of a value within itself ("${alias.source}")`);
    },
  });
  return document.contents;
}

function readInto(merged: ParameterFiles, path: string, content: Node | null): void {
  if (content === null) return;
  if (isSeq(content)) {
    for (const item of content.items) readListItem(merged, path, item);
    return;
  }
  if (!isMap(content)) throw new InputError(INPUT, path, 'an object or a list at the top of the file');
  if (isConfiguration(content)) readConfiguration(merged, path, content);
  else addParameters(merged, path, content);
}

/** A plain object may have a parameter called `Tags`; only a section is an object itself. */
function isConfiguration(content: YAMLMap): boolean {
  return SECTIONS.some((section) => isMap(content.get(section)));
}

function readConfiguration(merged: ParameterFiles, path: string, content: YAMLMap): void {
  for (const [name, value] of entries(path, content)) {
    if (!SECTIONS.includes(name)) {
      throw new InputError(INPUT, path, `only ${SECTIONS.join(', ')} at the top; found "${name}"`);
    }
    if (isScalar(value) && value.value === null) continue;
    if (!isMap(value)) throw new InputError(INPUT, path, `an object as ${name}`);
    if (name === 'Parameters') addParameters(merged, path, value);
    else if (name === 'Tags') addTags(merged, path, value);
    else merged.stackPolicy = jsonText(path, name, value);
  }
}

function addParameters(merged: ParameterFiles, path: string, map: YAMLMap): void {
  for (const [key, node] of entries(path, map)) {
    merged.parameters[key] = { value: valueText(path, key, node), file: path };
  }
}

function addTags(merged: ParameterFiles, path: string, map: YAMLMap): void {
  for (const [key, node] of entries(path, map)) merged.tags[key] = valueText(path, key, node);
}

function readListItem(merged: ParameterFiles, path: string, item: unknown): void {
  const key = isMap(item) ? item.get('ParameterKey') : undefined;
  if (!isMap(item) || typeof key !== 'string') {
    throw new InputError(INPUT, path, 'a list of {"ParameterKey": …, "ParameterValue": …}');
  }
  if (item.get('UsePreviousValue') === true) {
    merged.parameters = Object.fromEntries(
      Object.entries(merged.parameters).filter(([name]) => name !== key),
    );
    return;
  }
  const value = item.get('ParameterValue', true) as Node | undefined;
  merged.parameters[key] = { value: valueText(path, key, value), file: path };
}

function entries(path: string, map: YAMLMap): [string, Node | null][] {
  return map.items.map((pair) => {
    if (!isScalar(pair.key)) throw new InputError(INPUT, path, 'plain names as keys');
    return [scalarText(pair.key.value, pair.key.source), pair.value as Node | null];
  });
}

function valueText(path: string, key: string, node: Node | null | undefined): string {
  if (isSeq(node)) return node.items.map((item) => itemText(path, key, item)).join(',');
  if (isMap(node)) return jsonText(path, key, node);
  if (isScalar(node) && node.value !== null) return scalarText(node.value, node.source);
  throw new InputError(INPUT, path, `a value for "${key}"; write "" for an empty one`);
}

/** A number as JSON writes it, of any length. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** A node as JSON text. A number that JSON can write stays one, digit by digit; any other becomes a text. */
function jsonText(path: string, key: string, node: unknown): string {
  if (isMap(node)) {
    const members = entries(path, node).map(
      ([name, value]) => `${JSON.stringify(name)}:${jsonText(path, `${key}.${name}`, value)}`,
    );
    return `{${members.join(',')}}`;
  }
  if (isSeq(node)) return `[${node.items.map((item) => jsonText(path, key, item)).join(',')}]`;
  const { value, source } = isScalar(node) ? node : { value: null, source: '' };
  if (value === null && source === '') {
    throw new InputError(INPUT, path, `a value for "${key}"; write "" for an empty one`);
  }
  if (typeof value === 'number' && !JSON_NUMBER.test(source ?? '')) return JSON.stringify(source);
  return typeof value === 'number' ? (source ?? '') : JSON.stringify(value);
}

/** CloudFormation splits list parameters at every comma, without an escape. */
function itemText(path: string, key: string, item: unknown): string {
  const text = isScalar(item) && item.value !== null ? scalarText(item.value, item.source) : undefined;
  if (text === undefined || text.includes(',')) {
    throw new InputError(INPUT, path, `plain items without a comma in the list "${key}"`);
  }
  return text;
}

function scalarText(value: unknown, source: string | undefined): string {
  return typeof value === 'string' ? value : (source ?? String(value));
}
