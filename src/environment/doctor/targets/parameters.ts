import type { TemplateFinding } from '../../../cloudformation/template/check.ts';
import { valueProblem } from '../../../cloudformation/parameters/values.ts';
import type { TemplateDocument } from '../../../cloudformation/template/document.ts';
import { isSecretParameter, MASKED } from '../../../cloudformation/template/secrets.ts';
import { type Entry, literal, member, sectionOf } from '../../../cloudformation/template/tree.ts';
import type { FileLine } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';

/** Something that CloudFormation refuses, or may refuse, about a stack. */
export interface TargetFinding extends TemplateFinding {
  /** In place of the template. */
  file?: string;
  /** The problem alone. It is shown once of each line, whichever template it comes from. */
  problem?: string;
}

/** The parameters of a stack. */
interface Given {
  document: TemplateDocument;
  /** The template's path. */
  file: string;
  values: Readonly<Record<string, string>>;
  /** The line that gives each value, as far as it is known. */
  lines: Readonly<Record<string, FileLine>>;
  /** Those of the stack that exists. */
  kept?: Readonly<Record<string, string>> | undefined;
}

/**
 * Parameters without a value, and values that CloudFormation would refuse, each at the line that gives the value. A secret
 * is never shown.
 */
export function parameterFindings(given: Given): TargetFinding[] {
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
  { document, file, values, lines, kept = {} }: Given,
): TargetFinding[] {
  const { type = 'String', noEcho = false } = document.parameters[key] ?? {};
  const own = valueIn(values, key);
  const ofStack = own === undefined ? valueIn(kept, key) : undefined;
  // CloudFormation shows a secret as asterisks.
  if (ofStack !== undefined && noEcho) return [];
  const used = own ?? ofStack ?? literal(member(value, 'Default'));
  if (used === undefined) return [{ level: 'error', message: `a value is missing for ${key}`, line }];
  const refused = valueProblem(value, used);
  if (refused === undefined) return [];
  const shown = isSecretParameter(key, { type, noEcho }) ? MASKED : JSON.stringify(used);
  const at = own === undefined ? undefined : lines[key];
  const problem = `${key}: ${refused}`;
  const rule = at === undefined ? '' : ` (${file}:${line})`;
  const origin = ofStack === undefined ? '' : ', the value of the stack';
  return [{ level: 'error', message: `${problem}${rule}, got ${shown}${origin}`, problem, line, ...at }];
}

function valueIn(values: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}
