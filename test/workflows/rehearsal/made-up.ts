import { node24 } from '../../runtime/node24.js';
import type { Scenario } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { workflowFile } from '../workflow.ts';
import type { WorkflowFile } from '../workflow.ts';
import { Rehearsal } from './rehearsal.ts';
import type { RunReport } from './report.ts';
import type { Stage } from './run.ts';

/** The token of the approver. */
export const LEAD = 'ghp_lead';

type RehearsalOf = (stage?: Partial<Stage>, github?: Scenario['github']) => Promise<Rehearsal>;

/** Rehearses workflows defined in a test. Call it once, where tests are declared. */
export function useRehearsals(): RehearsalOf {
  const sandboxOf = useSandboxes();
  const workspaceOf = useWorkspaces();
  return async (stage = {}, github = {}) => {
    const sandbox = await sandboxOf({ scenario: { github: { ...github, tokens: { [LEAD]: 'lead' } } } });
    const repository = workspaceOf({ 'README.md': 'the repository' });
    return new Rehearsal({ sandbox, repository, node: [node24()], ...stage });
  };
}

/** A workflow with these jobs. */
export function workflow(
  jobs: string,
  head = 'on: push',
  path = '.github/workflows/made-up.yml',
): WorkflowFile {
  return workflowFile(path, `${head}\njobs:\n${jobs.replace(/^/gm, '  ')}`);
}

/** A job whose only step, `s`, is a script. */
export function job(name: string, script: string, more = ''): string {
  const keys = more === '' ? '' : `${more.replace(/^/gm, '  ')}\n`;
  return `${name}:\n  runs-on: ubuntu-latest\n${keys}  steps:\n    - id: s\n      run: |\n${script.replace(/^/gm, '        ')}\n`;
}

/** The results of a run's jobs. */
export function resultsOf({ jobs }: RunReport): Record<string, string> {
  return Object.fromEntries(Object.entries(jobs).map(([name, { result }]) => [name, result]));
}

/** A promise, and the function that resolves it. */
export function gate<T>(): { passed: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const passed = new Promise<T>((done) => (open = done));
  return { passed, open };
}
