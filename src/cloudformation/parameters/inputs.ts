import { isMap, isSeq, parseDocument } from 'yaml';
import { InputError } from '../../core/errors.ts';
import {
  holdsMorePairs,
  isYaml,
  pairKey,
  pairLines,
  parseMap,
  partsOf,
  severalPairs,
} from '../../core/inputs/map.ts';
import { suggest } from '../../core/text.ts';
import type { DeployStackInputs } from '../context.ts';
import type { TemplateParameter } from '../template/document.ts';
import { readParameterList } from './files.ts';

/** deploy-stack's `parameters` input, as parsed without the template. */
export interface ParametersInput {
  parameters: Record<string, string>;
  previousParameters?: readonly string[];
  parameterLines?: string;
  /** The file that the input names: `file://parameters.json`. */
  file?: string;
}

/**
 * Reads `parameters`: a YAML or JSON object, `key=value` lines, a list in the AWS CLI's format, or `file://` and a path.
 * @throws InputError, whose message contains no value.
 */
export function readParametersInput(input: string, text: string): ParametersInput {
  if (/^file:\/\/.+$/.test(text)) return { parameters: {}, file: text };
  if (isList(text)) {
    const { values, previous } = readParameterList(input, text);
    return { parameters: values, previousParameters: previous };
  }
  if (isYaml(text)) return { parameters: parseMap(input, text) };
  const lines = pairLines(text);
  return { parameters: parseMap(input, lines.length > 1 ? text : lines.join('')), parameterLines: text };
}

function isList(text: string): boolean {
  return /^(?:\[|-\s)/.test(text);
}

/**
 * The parameters of `key=value` lines, given the names that the template declares. A line may contain several pairs, in
 * the format of aws-actions/aws-cloudformation-github-deploy: separated by commas, with optional quotes around values, and
 * repeated keys joined to a list. A comma, a space or `=` is part of a value unless a parameter's name follows.
 *
 * @throws InputError if a line may be either one value or several parameters. The message contains no value.
 */
export function declaredPairs(
  { parameters, parameterLines }: Pick<DeployStackInputs, 'parameters' | 'parameterLines'>,
  declared: Readonly<Record<string, TemplateParameter>>,
): Record<string, string> {
  if (parameterLines === undefined) return parameters;
  const names = Object.keys(declared);
  const isAmbiguous = (pair: string): boolean =>
    mayContainPairs(pairKey(pair.trim()) ?? '', pair.slice(pair.indexOf('=') + 1), names);
  const isDeclared = (pair: string): boolean => names.includes(pairKey(pair.trim()) ?? '');
  const lines = pairLines(parameterLines);
  const [line = '', ...more] = lines;
  const pairs = partsOf(line, ',');
  if (more.length === 0 && pairs.every((pair) => isDeclared(pair) && !isAmbiguous(pair)))
    return joinPairs(pairs);
  if (lines.some((each) => isDeclared(each) && isAmbiguous(each)))
    throw severalPairs('parameters', 'parameters');
  return parameters;
}

/** Whether a value contains another pair: a parameter's name, or one that looks misspelt, followed by `=`. */
function mayContainPairs(key: string, value: string, declared: readonly string[]): boolean {
  if (holdsMorePairs(key, value) || value.trimEnd().endsWith(',')) return true;
  const unquoted = value.replace(QUOTED, '');
  return [...unquoted.matchAll(NEXT_PAIR)].some(([, name = '']) => isNameOf(name, declared));
}

/** A quoted string, as opposed to an apostrophe. */
const QUOTED = /(?<=^|[,\s])(["']).*?\1(?=$|[,\s])/g;
const NEXT_PAIR = /[,\s]\s*(\w+)=/g;

/** Names shorter than this are too similar to others to count as misspelt. */
const SUGGESTED_LENGTH = 4;

function isNameOf(name: string, declared: readonly string[]): boolean {
  if (declared.includes(name)) return true;
  return name.length >= SUGGESTED_LENGTH && suggest(name, declared) !== undefined;
}

function joinPairs(pairs: readonly string[]): Record<string, string> {
  const joined = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const [key, value] = [pair.slice(0, at), withoutQuotes(pair.slice(at + 1))];
    const before = joined.get(key);
    joined.set(key, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(joined);
}

function withoutQuotes(value: string): string {
  return /^(["'])(.*)\1$/s.exec(value)?.[2] ?? value;
}

/**
 * Reads `tags`: a YAML or JSON object, `key=value` lines, pairs with commas on one line, or CloudFormation's list of
 * `{"Key", "Value"}`. A tag's value cannot contain a comma, so a comma always separates pairs:
 * https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html#tag-conventions
 *
 * @throws InputError for pairs that are separated by spaces, because values may contain spaces.
 */
export function readTagsInput(input: string, text: string): Record<string, string> {
  if (isList(text)) return readTagList(input, text);
  if (isYaml(text)) return parseMap(input, text);
  const lines = pairLines(text).flatMap((line) => {
    const parts = partsOf(line, ',');
    return parts.every((part) => pairKey(part) !== undefined) ? parts : [line];
  });
  if (lines.some(hasUnsplitTags)) throw severalPairs(input, 'tags');
  return parseMap(input, lines.join('\n'));
}

function hasUnsplitTags(line: string): boolean {
  const [, ...rest] = partsOf(line, ' ');
  return line.trimEnd().endsWith(',') || rest.some((part) => pairKey(part) !== undefined);
}

function readTagList(input: string, text: string): Record<string, string> {
  const allowed = 'expected an object, key=value lines, or a list of {"Key": …, "Value": …}';
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false });
  const { contents } = document;
  if (document.errors.length > 0 || !isSeq(contents)) throw new InputError(input, '', allowed);
  const entries = contents.items.map((item): [string, string] => {
    const [key, value] = isMap(item) ? [item.get('Key'), item.get('Value')] : [];
    if (typeof key !== 'string' || typeof value !== 'string') throw new InputError(input, '', allowed);
    return [key, value];
  });
  return Object.fromEntries(entries);
}
