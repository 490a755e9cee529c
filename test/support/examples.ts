import { parse } from 'yaml';
import type { MarkdownPage } from './markdown.ts';

/** A block of YAML that is a workflow or a part of one. */
interface WorkflowExample {
  file: string;
  line: number;
  /** The complete workflow. */
  workflow: string;
  isWhole: boolean;
}

/** The workflows in pages. */
export function workflowExamples(pages: readonly MarkdownPage[]): WorkflowExample[] {
  return pages.flatMap(({ file, blocks }) =>
    blocks
      .filter(({ language }) => language === 'yaml' || language === 'yml')
      .flatMap(({ line, text }) => {
        const workflow = workflowOf(text);
        return workflow === undefined ? [] : [{ file, line, workflow, isWhole: workflow === text }];
      }),
  );
}

/** Completes an example to a workflow: it may have jobs, a job, or only steps. */
function workflowOf(text: string): string | undefined {
  const value: unknown = parse(text, { logLevel: 'error' });
  const on = 'on: push\n';
  if (Array.isArray(value)) {
    const isSteps = value.every(
      (one) => typeof one === 'object' && one !== null && ('uses' in one || 'run' in one),
    );
    return isSteps
      ? `${on}jobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n${indent(text, 6)}`
      : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if ('jobs' in value) return 'on' in value ? text : `${on}${text}`;
  if ('steps' in value) {
    const runner = 'runs-on' in value ? '' : '    runs-on: ubuntu-latest\n';
    return `${on}jobs:\n  job:\n${runner}${indent(text, 4)}`;
  }
  return undefined;
}

const indent = (text: string, by: number): string => text.replaceAll(/^(?=.)/gm, ' '.repeat(by));

/** Messages about missing parts of a workflow, because an example shows only a part. */
export const OF_A_PART = [
  /^property "[\w-]+" is not defined in object type/,
  /^job "[\w-]+" needs job "[\w-]+" which does not exist/,
];
