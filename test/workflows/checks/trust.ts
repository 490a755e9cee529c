import { ownPath, stepsOf } from '../workflow.ts';
import type { WorkflowFile } from '../workflow.ts';

/** Third-party code by a commit, with its version in a comment; ours by `$/`, or by `@v1` in a caller. */
export function pinProblems({ path, text, workflow }: WorkflowFile): string[] {
  const caller = path.startsWith('workflows/');
  const uses = Object.values(workflow.jobs).flatMap((job) => [job.uses, ...stepsOf(job).map((s) => s.uses)]);
  return uses.flatMap((reference) => {
    if (reference === undefined) return [];
    if (ownPath(reference) !== undefined) {
      return reference.startsWith('$/') === caller ? [`${reference}: say ${caller ? '@v1' : '$/'}`] : [];
    }
    if (!/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(reference))
      return [`${reference} is not pinned by a commit`];
    const commented = text
      .split('\n')
      .some((line) => line.includes(reference) && /# v\d+\.\d+\.\d+$/.test(line));
    return commented ? [] : [`${reference} has no version in a comment`];
  });
}

/**
 * Expressions inside a script. The runner inserts their value into the shell's text, and anyone may have written it, so
 * our scripts use `env` instead.
 */
export function scriptProblems({ workflow }: WorkflowFile): string[] {
  return Object.entries(workflow.jobs).flatMap(([name, job]) =>
    stepsOf(job).flatMap(({ run }) => {
      const found = [...(run ?? '').matchAll(/\$\{\{.*?\}\}/gs)].map(([expression]) => expression);
      return found.map((expression) => `${name}: ${expression} inside run`);
    }),
  );
}

/** Secrets that are passed on without being named, and workflows that run untrusted code with permissions. */
export function secretProblems({ workflow }: WorkflowFile): string[] {
  const inherited = Object.entries(workflow.jobs).filter(([, { secrets }]) => secrets === 'inherit');
  const risky = ['pull_request_target', 'workflow_run'].filter((event) => event in workflow.on);
  return [
    ...inherited.map(([name]) => `${name}: secrets: inherit`),
    ...risky.map((event) => `it runs on ${event}`),
  ];
}
