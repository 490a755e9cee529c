import { InputError } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { StackSnapshot } from '../stack.ts';
import type { Template } from '../template/template.ts';
import type { ParameterFiles } from './files.ts';

/** A parameter of a request to CloudFormation: a new value, or the stack's previous one. */
export interface ResolvedParameter {
  key: string;
  value?: string;
  usePrevious: boolean;
  noEcho: boolean;
  /** Where the value comes from: `parameters`, a file's name, `previous` or `default`. */
  source: string;
}

export interface GivenParameters {
  files: ParameterFiles['parameters'];
  /** The `parameters` input. */
  inline: Record<string, string>;
  /** The names with `UsePreviousValue` in `parameters`, which keep the stack's value even if a file sets them. */
  previous?: readonly string[];
}

/**
 * Resolves every parameter that the template declares, from the first of: the `parameters` input, the files, the stack's
 * current value, the default.
 *
 * A key that the template does not declare is an error in `parameters`, but only a notice in a file, because files are
 * shared between templates.
 *
 * @throws InputError with all unknown keys of `parameters`, or all required parameters without a value. Messages contain no
 * values.
 */
export function resolveParameters(
  template: Template,
  given: GivenParameters,
  stack: StackSnapshot | undefined,
  notice: (message: string) => void,
): ResolvedParameter[] {
  requireDeclared(template, [...Object.keys(given.inline), ...(given.previous ?? [])]);
  reportSkipped(template, given.files, notice);
  const resolved = Object.keys(template.parameters).map((key) => resolve(key, template, given, stack));
  requireValues(template, resolved);
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

function requireDeclared(template: Template, names: readonly string[]): void {
  const declared = Object.keys(template.parameters);
  const unknown = names.filter((key) => !declared.includes(key));
  if (unknown.length === 0) return;
  const guesses = unknown.flatMap((key) => {
    const guess = suggest(key, declared);
    return guess === undefined ? [] : [unknown.length === 1 ? `"${guess}"` : `"${guess}" for "${key}"`];
  });
  const hint = guesses.length > 0 ? `. Did you mean ${guesses.join(', ')}?` : '';
  const expected =
    declared.length > 0
      ? (`expected parameters of the template (${declared.join(', ')})` as const)
      : 'expected no parameters, because the template declares none';
  throw new InputError('parameters', unknown.join(', '), `${expected}${hint}`);
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
    notice(`${file}: skipped ${keys.join(', ')}, which the template does not declare`);
  }
}

function requireValues(template: Template, resolved: readonly ResolvedParameter[]): void {
  const missing = resolved.filter((parameter) => parameter.source === 'missing');
  if (missing.length === 0) return;
  const list = missing.map(({ key }) => {
    const line = template.lineOf(`Parameters.${key}`);
    return line === undefined ? key : `${key} (${template.file ?? ''}:${line})`;
  });
  const one = missing.length === 1;
  throw new InputError(
    'parameters',
    '',
    `expected ${one ? 'a value' : 'values'} for ${list.join(', ')}, which ${one ? 'has' : 'have'} no default and no previous value`,
  );
}

function own<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
