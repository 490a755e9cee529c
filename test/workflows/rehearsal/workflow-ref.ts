import { ownPath, readWorkflow } from '../workflow.ts';

/**
 * The `job_workflow_ref` of the jobs that a `uses:` calls: the called workflow, with the ref in the call
 * ("octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main"). `$/…` is the repository and commit of the
 * file that contains it.
 *
 * @param caller the same of the file that says it.
 * @see https://docs.github.com/actions/how-tos/secure-your-work/security-harden-deployments/oidc-with-reusable-workflows
 */
export function calledRef(uses: string, caller: string): string {
  const [path = '', tag = ''] = uses.split('@');
  if (!uses.startsWith('$/')) return `${path}@refs/tags/${tag}`;
  const [place = '', ref = ''] = caller.split('@');
  return `${place.split('/.github/')[0] ?? ''}/${path.slice(2)}@${ref}`;
}

/**
 * The `job_workflow_ref` of the jobs of each workflow that a caller's run reaches. For workflows that call each other,
 * the last one is named: "the claims will only include information about top-level-workflow.yml and
 * reusable-workflow-3.yml" (pypi/warehouse#11096).
 */
export function workflowRefsOf(path: string, own = `org/shop/${path}@refs/heads/main`): string[] {
  const jobs = Object.values(readWorkflow(path).workflow.jobs);
  const refs = jobs.flatMap(({ uses }) =>
    uses === undefined ? [own] : workflowRefsOf(ownPath(uses) ?? '', calledRef(uses, own)),
  );
  return [...new Set(refs)];
}
