import type { YAMLError } from 'yaml';

/** The parser's own messages may quote the text, which may contain secrets. */
const PROBLEMS: Partial<Record<YAMLError['code'], string>> = {
  BAD_INDENT: 'the indentation is wrong',
  DUPLICATE_KEY: 'a key is repeated',
  MISSING_CHAR: 'a bracket, brace, comma, colon or quote is missing',
  MULTILINE_IMPLICIT_KEY: 'a key spans several lines, or a colon has no space after it',
  TAB_AS_INDENT: 'a tab is used for indentation. Use spaces',
  UNEXPECTED_TOKEN: 'a character is not allowed here',
};

/** Describes a YAML or JSON syntax error without quoting the text. */
export function yamlProblem({ code }: Pick<YAMLError, 'code'>): string {
  return PROBLEMS[code] ?? code.toLowerCase().replaceAll('_', ' ');
}
