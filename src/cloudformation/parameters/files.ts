import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import { InputError } from '../../core/errors.ts';
import { type InputFile, readInputFile } from '../../core/inputs/file.ts';
import { yamlProblem } from '../../core/inputs/yaml-problem.ts';

const SECTIONS = ['Parameters', 'Tags', 'StackPolicy'];

/** A value, and the line that gives it. */
export interface FileValue {
  value: string;
  file: string;
  /** 1-based. */
  line: number;
}

export interface ParameterFiles {
  parameters: Record<string, FileValue>;
  tags: Record<string, FileValue>;
  /** The stack policy of the last file that has one, as JSON. */
  stackPolicy?: string;
}

/**
 * Reads JSON or YAML parameter files and merges them key by key in their order; later files win. A path may start with
 * `file://`, as for the AWS CLI and aws-actions/aws-cloudformation-github-deploy.
 *
 * The formats are a plain object and those of `aws cloudformation deploy --parameter-overrides file://…`:
 * `{"Parameters": {}, "Tags": {}, "StackPolicy": {}}` (CodePipeline's template configuration), and a list of
 * `{"ParameterKey", "ParameterValue"}` or `"key=value"`. A list value is joined with commas and a map value becomes JSON.
 * Numbers and booleans keep their source text, also in maps: an account id keeps its leading zero, and `1.10` its trailing
 * one. `UsePreviousValue` removes the value of an earlier file.
 *
 * @param askedBy returns the input, or the key of platform.yml with its line, that names a file.
 * @throws InputError for a file that is missing, cannot be parsed, or has another structure. Messages contain no values.
 */
export function readParameterFiles(
  paths: readonly string[],
  workspace: string,
  askedBy: (index: number) => Omit<InputFile, 'path'> = () => ({ input: 'parameter-files' }),
): ParameterFiles {
  const merged: ParameterFiles = { parameters: {}, tags: {} };
  for (const [index, given] of paths.entries()) {
    const asked = { ...askedBy(index), path: parameterFilePath(given) };
    const place = { input: asked.input, path: given };
    const { content, lines } = parse(place, readInputFile(asked, workspace));
    readInto(merged, { ...place, lines }, content);
  }
  return merged;
}

/** The path of a parameter file, as the AWS CLI may write it: `file://dev.json`. */
export function parameterFilePath(given: string): string {
  return given.replace(/^file:\/\//, '');
}

/**
 * Reads a parameter list given as an input: its values, and the keys with `UsePreviousValue`.
 * @throws InputError that names the input.
 */
export function readParameterList(
  input: string,
  text: string,
): { values: Record<string, string>; previous: string[] } {
  const { content } = parse({ input, path: '' }, text);
  if (!isSeq(content)) throw new InputError(input, '', 'expected a list');
  const values: Record<string, string> = {};
  const previous: string[] = [];
  for (const item of content.items) {
    const { key, value } = readListItem({ input, path: '' }, item);
    if (value === undefined) previous.push(key);
    else values[key] = value;
  }
  return { values, previous };
}

/** The location for errors: the input, and the file if there is one. */
interface Place {
  input: string;
  path: string;
  lines?: LineCounter;
}

/** An error at the line of a node. If the text is the input itself, there is no line. */
function errorAt({ input, path, lines }: Place, node: unknown, problem: string): InputError {
  const [offset = 0] = isNode(node) ? (node.range ?? []) : [];
  const at = path === '' ? undefined : { file: path, line: lines?.linePos(offset).line ?? 1 };
  return new InputError(input, '', problem, { at });
}

function parse({ input, path }: Place, text: string): { content: Node | null; lines: LineCounter } {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ''), {
    logLevel: 'silent',
    prettyErrors: false,
    lineCounter: lines,
  });
  const error = document.errors[0];
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    const problem = `expected JSON or YAML. The problem: ${yamlProblem(error)}`;
    throw new InputError(input, '', path === '' ? `line ${line}: ${problem}` : problem, {
      at: path === '' ? undefined : { file: path, line },
    });
  }
  if (hasExcessiveAliases(document)) {
    throw new InputError(input, '', 'expected fewer aliases: aliases of aliases multiply', {
      at: path === '' ? undefined : { file: path, line: 1 },
    });
  }
  visit(document, {
    Alias: (_key, alias, parents) => {
      const node = alias.resolve(document);
      if (node && !parents.includes(node)) return node;
      throw errorAt(
        { input, path, lines },
        alias,
        `expected no self-referencing alias, got "${alias.source}"`,
      );
    },
  });
  return { content: document.contents, lines };
}

/** Whether the library refuses to resolve the aliases: thirty lines can stand for a billion values. */
function hasExcessiveAliases(document: Document): boolean {
  try {
    document.toJS();
    return false;
  } catch (error) {
    return error instanceof ReferenceError && error.message.startsWith('Excessive alias count');
  }
}

function readInto(merged: ParameterFiles, place: Place, content: Node | null): void {
  if (content === null) return;
  if (isSeq(content)) {
    for (const item of content.items) addListItem(merged, place, item);
    return;
  }
  if (!isMap(content)) throw errorAt(place, content, 'expected an object or a list at the top level');
  if (isConfiguration(content)) readConfiguration(merged, place, content);
  else addParameters(merged, place, content);
}

/** Whether a file has sections. A plain object may have a parameter called `Tags`, but its value is not an object. */
function isConfiguration(content: YAMLMap): boolean {
  return SECTIONS.some((section) => isMap(content.get(section)));
}

function readConfiguration(merged: ParameterFiles, place: Place, content: YAMLMap): void {
  for (const [name, value] of entries(place, content)) {
    if (!SECTIONS.includes(name)) {
      throw errorAt(place, value, `expected only ${SECTIONS.join(', ')} at the top level, got "${name}"`);
    }
    if (isScalar(value) && value.value === null) continue;
    if (!isMap(value)) throw errorAt(place, value, `${name}: expected an object`);
    if (name === 'Parameters') addParameters(merged, place, value);
    else if (name === 'Tags') addTags(merged, place, value);
    else merged.stackPolicy = jsonText(place, name, value);
  }
}

function addParameters(merged: ParameterFiles, place: Place, map: YAMLMap): void {
  for (const [key, node] of entries(place, map)) {
    merged.parameters[key] = fileValue(place, valueText(place, key, node), node);
  }
}

function addTags(merged: ParameterFiles, place: Place, map: YAMLMap): void {
  for (const [key, node] of entries(place, map)) {
    merged.tags[key] = fileValue(place, valueText(place, key, node), node);
  }
}

function addListItem(merged: ParameterFiles, place: Place, item: unknown): void {
  const { key, value } = readListItem(place, item);
  const others = Object.entries(merged.parameters).filter(([name]) => name !== key);
  const own = value === undefined ? [] : [[key, fileValue(place, value, item)] as const];
  merged.parameters = Object.fromEntries([...others, ...own]);
}

function fileValue({ path, lines }: Place, value: string, node: unknown): FileValue {
  const [offset = 0] = isNode(node) ? (node.range ?? []) : [];
  return { value, file: path, line: lines?.linePos(offset).line ?? 1 };
}

/** The value is undefined for `UsePreviousValue`. */
function readListItem(place: Place, item: unknown): { key: string; value: string | undefined } {
  const pair = isScalar(item) && typeof item.value === 'string' ? item.value : undefined;
  const at = pair?.indexOf('=') ?? -1;
  if (pair !== undefined && at > 0) return { key: pair.slice(0, at), value: pair.slice(at + 1) };
  const key = isMap(item) ? item.get('ParameterKey') : undefined;
  if (!isMap(item) || typeof key !== 'string') {
    const problem = 'expected a list of {"ParameterKey": …, "ParameterValue": …} or of "key=value"';
    throw errorAt(place, item, problem);
  }
  if (item.get('UsePreviousValue') === true) return { key, value: undefined };
  const value = item.get('ParameterValue', true) as Node | undefined;
  return { key, value: valueText(place, key, value) };
}

function entries(place: Place, map: YAMLMap): [string, Node | null][] {
  return map.items.map((pair) => {
    if (!isScalar(pair.key)) throw errorAt(place, pair.key, 'expected plain names as keys');
    return [scalarText(pair.key.value, pair.key.source), pair.value as Node | null];
  });
}

function valueText(place: Place, key: string, node: Node | null | undefined): string {
  if (isSeq(node)) return node.items.map((item) => itemText(place, key, item)).join(',');
  if (isMap(node)) return jsonText(place, key, node);
  if (isScalar(node) && node.value !== null) return scalarText(node.value, node.source);
  throw errorAt(place, node, `${key}: expected a value. Use "" for an empty value`);
}

/** A JSON number of any length. */
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** A node as JSON text. A number that is valid JSON keeps its digits; any other becomes a string. */
function jsonText(place: Place, key: string, node: unknown): string {
  if (isMap(node)) {
    const members = entries(place, node).map(
      ([name, value]) => `${JSON.stringify(name)}:${jsonText(place, `${key}.${name}`, value)}`,
    );
    return `{${members.join(',')}}`;
  }
  if (isSeq(node)) return `[${node.items.map((item) => jsonText(place, key, item)).join(',')}]`;
  const { value, source } = isScalar(node) ? node : { value: null, source: '' };
  if (value === null && source === '') {
    throw errorAt(place, node, `${key}: expected a value. Use "" for an empty value`);
  }
  if (typeof value === 'number' && !JSON_NUMBER.test(source ?? '')) return JSON.stringify(source);
  return typeof value === 'number' ? (source ?? '') : JSON.stringify(value);
}

/** A list item. CloudFormation splits list parameters at every comma; a comma cannot be escaped. */
function itemText(place: Place, key: string, item: unknown): string {
  const text = isScalar(item) && item.value !== null ? scalarText(item.value, item.source) : undefined;
  if (text === undefined || text.includes(',')) {
    throw errorAt(place, item, `${key}: expected list items without a comma`);
  }
  return text;
}

function scalarText(value: unknown, source: string | undefined): string {
  return typeof value === 'string' ? value : (source ?? String(value));
}
