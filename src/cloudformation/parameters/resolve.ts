import { InputError } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { StackSnapshot } from '../stack.ts';
import type { Template } from '../template/template.ts';
import type { ParameterFiles } from './files.ts';

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
  /** Names that `parameters` says keep the stack's value, whatever the files say. */
  previous?: readonly string[];
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
  refuseUnknown(template, [...Object.keys(given.inline), ...(given.previous ?? [])]);
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
  const file = given.previous?.includes(key) ? undefined : own(given.files, key);
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

function refuseUnknown(template: Template, names: readonly string[]): void {
  const declared = Object.keys(template.parameters);
  const unknown = names.filter((key) => !declared.includes(key));
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

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
