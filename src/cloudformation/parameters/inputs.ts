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

/** The `parameters` input of deploy-stack, as far as it can be read without the template. */
export interface ParametersInput {
  parameters: Record<string, string>;
  previousParameters?: readonly string[];
  parameterLines?: string;
  /** The file that stands for the input: `file://parameters.json`. */
  file?: string;
}

/**
 * Reads `parameters`: a YAML or JSON object, `key=value` lines, a list as the AWS CLI takes it, or `file://` and a path.
 * @throws InputError without a value.
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
 * The parameters of `key=value` lines, now that the template says which there are. One line may hold several, in the
 * form of aws-actions/aws-cloudformation-github-deploy: separated by commas, quotes around a value removed, a repeated
 * key joined to a list. A comma, a space or `=` in a value means nothing as long as no parameter's name follows.
 *
 * @throws InputError for what may be one value or several parameters. The value is not shown.
 */
export function declaredPairs(
  { parameters, parameterLines }: Pick<DeployStackInputs, 'parameters' | 'parameterLines'>,
  declared: Readonly<Record<string, TemplateParameter>>,
): Record<string, string> {
  if (parameterLines === undefined) return parameters;
  const names = Object.keys(declared);
  const isUnclear = (pair: string): boolean =>
    mayHoldMore(pairKey(pair.trim()) ?? '', pair.slice(pair.indexOf('=') + 1), names);
  const isDeclared = (pair: string): boolean => names.includes(pairKey(pair.trim()) ?? '');
  const lines = pairLines(parameterLines);
  const [line = '', ...more] = lines;
  const pairs = partsOf(line, ',');
  if (more.length === 0 && pairs.every((pair) => isDeclared(pair) && !isUnclear(pair)))
    return joinPairs(pairs);
  if (lines.some((each) => isDeclared(each) && isUnclear(each)))
    throw severalPairs('parameters', 'parameters');
  return parameters;
}

/** Whether a parameter's name, or what looks like a misspelt one, starts another pair in a value. */
function mayHoldMore(key: string, value: string, declared: readonly string[]): boolean {
  if (holdsMorePairs(key, value) || value.trimEnd().endsWith(',')) return true;
  const unquoted = value.replace(QUOTED, '');
  return [...unquoted.matchAll(NEXT_PAIR)].some(([, name = '']) => isNameOf(name, declared));
}

/** A quoted text, not an apostrophe. */
const QUOTED = /(?<=^|[,\s])(["']).*?\1(?=$|[,\s])/g;
const NEXT_PAIR = /[,\s]\s*(\w+)=/g;

/** Shorter names are like too many others to be taken for misspelt. */
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
 * `{"Key", "Value"}`. A comma cannot be part of a tag's value, so there is no other reading of it:
 * https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html#tag-conventions
 *
 * @throws InputError for pairs that are separated by spaces, which values may have.
 */
export function readTagsInput(input: string, text: string): Record<string, string> {
  if (isList(text)) return readTagList(input, text);
  if (isYaml(text)) return parseMap(input, text);
  const lines = pairLines(text).flatMap((line) => {
    const parts = partsOf(line, ',');
    return parts.every((part) => pairKey(part) !== undefined) ? parts : [line];
  });
  if (lines.some(holdsMoreTags)) throw severalPairs(input, 'tags');
  return parseMap(input, lines.join('\n'));
}

function holdsMoreTags(line: string): boolean {
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
