import type { TemplateFinding } from '../../../cloudformation/template/check.ts';
import { valueProblem } from '../../../cloudformation/parameters/values.ts';
import type { TemplateDocument } from '../../../cloudformation/template/document.ts';
import { isSecretParameter, MASKED } from '../../../cloudformation/template/secrets.ts';
import { type Entry, literal, member, sectionOf } from '../../../cloudformation/template/tree.ts';
import type { FileLine } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';

/** A part of a stack that CloudFormation rejects, or may reject. */
export interface TargetFinding extends TemplateFinding {
  /** Default: the template. */
  file?: string;
  /** The problem without its template. It is reported once for each line, even if several templates have it. */
  problem?: string;
}

/** The parameters of a stack. */
interface StackParameters {
  document: TemplateDocument;
  /** The template's path. */
  file: string;
  values: Readonly<Record<string, string>>;
  /** The line that sets each value, if known. */
  lines: Readonly<Record<string, FileLine>>;
  /** The values of the existing stack. */
  kept?: Readonly<Record<string, string>> | undefined;
}

/**
 * Findings for parameters without a value, and for values that CloudFormation would reject, at the line that sets the
 * value. Secrets are masked.
 */
export function parameterFindings(given: StackParameters): TargetFinding[] {
  const declared = sectionOf(given.document, 'Parameters');
  const names = declared.map(({ key }) => key);
  const undeclared = Object.keys(given.values).filter((name) => !names.includes(name));
  return [
    ...undeclared.map((name): TargetFinding => {
      const meant = suggest(name, names);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      const message = `${name} is not a parameter of ${given.file}${hint}`;
      return { level: 'error', message, line: 1, ...given.lines[name] };
    }),
    ...declared.flatMap((parameter) => valueFindings(parameter, given)),
  ];
}

function valueFindings(
  { key, value, line }: Entry,
  { document, file, values, lines, kept = {} }: StackParameters,
): TargetFinding[] {
  const { type = 'String', noEcho = false } = document.parameters[key] ?? {};
  const own = valueIn(values, key);
  const ofStack = own === undefined ? valueIn(kept, key) : undefined;
  // CloudFormation returns a secret as asterisks.
  if (ofStack !== undefined && noEcho) return [];
  const used = own ?? ofStack ?? literal(member(value, 'Default'));
  if (used === undefined) return [{ level: 'error', message: `a value is missing for ${key}`, line }];
  const invalid = valueProblem(value, used);
  if (invalid === undefined) return [];
  const shown = isSecretParameter(key, { type, noEcho }) ? MASKED : JSON.stringify(used);
  const at = own === undefined ? undefined : lines[key];
  const problem = `${key}: ${invalid}`;
  const rule = at === undefined ? '' : ` (${file}:${line})`;
  const origin = ofStack === undefined ? '' : ', the value of the stack';
  return [{ level: 'error', message: `${problem}${rule}, got ${shown}${origin}`, problem, line, ...at }];
}

function valueIn(values: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}
