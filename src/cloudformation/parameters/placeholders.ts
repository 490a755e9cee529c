import { type FileLine, PlatformError } from '../../core/errors.ts';
import type { FileValue, ParameterFiles } from './files.ts';

/** The placeholders of parameter files: `${Project}` and `${Environment}`. */
const SHARED_NAMES = ['Project', 'Environment'] as const;

/**
 * Replaces `${Name}` with the value of that name. `${!Name}` becomes the literal `${Name}`, as in `Fn::Sub`. A placeholder
 * without a value is not changed.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html "To write
 *   a dollar sign and curly braces (${}) literally, add an exclamation point (!) after the open curly brace"
 */
export function expandPlaceholders(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(!?)(\w+)\}/g, (found, escaped: string, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) return found;
    return escaped === '' ? value : `\${${name}}`;
  });
}

/**
 * Replaces the placeholders in parameter files with the parameters of these names, from `parameters` or else from the files
 * themselves.
 *
 * @throws PlatformError for a placeholder without a value.
 */
export function expandFiles(files: ParameterFiles, given: Readonly<Record<string, string>>): ParameterFiles {
  const values: Record<string, string> = {};
  for (const name of SHARED_NAMES) {
    const value = given[name] ?? files.parameters[name]?.value;
    if (value !== undefined) values[name] = value;
  }
  const expanded = (
    of: Readonly<Record<string, FileValue>>,
    nameOf: (key: string) => string,
  ): Record<string, FileValue> =>
    Object.fromEntries(
      Object.entries(of).map(([key, { value, file, line }]) => {
        requireValues(value, values, `${file}:${line}: ${nameOf(key)}`, { file, line });
        return [key, { value: expandPlaceholders(value, values), file, line }] as const;
      }),
    );
  return {
    ...files,
    parameters: expanded(files.parameters, (key) => key),
    tags: expanded(files.tags, (key) => `the tag ${key}`),
  };
}

/** The placeholders that the files use. */
export function sharedNamesOf({ parameters, tags }: ParameterFiles): string[] {
  const texts = [...Object.values(parameters), ...Object.values(tags)].map(({ value }) => value);
  return SHARED_NAMES.filter((name) => texts.some((text) => text.includes(`\${${name}}`)));
}

function requireValues(
  text: string,
  values: Readonly<Record<string, string>>,
  what: string,
  at: FileLine,
): void {
  const missing = SHARED_NAMES.find((name) => text.includes(`\${${name}}`) && values[name] === undefined);
  if (missing === undefined) return;
  throw new PlatformError('input-invalid', `${what} uses \${${missing}}, but ${missing} has no value.`, {
    fix: `Set ${missing} in parameters, or write \${!${missing}} for the literal text.`,
    at,
  });
}
