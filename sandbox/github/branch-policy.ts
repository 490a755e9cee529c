import type { Branch, Environment } from './state.ts';

/**
 * GitHub's error for a job whose ref may not deploy to its environment, or undefined if it may. "The deployment branch
 * or tag rule is matched against the GITHUB_REF of the workflow run. […] Adding another branch rule for
 * refs/pull/*&#47;merge would also allow workflows triggered by pull_request events to deploy to the environment.
 * Wildcard characters will not match /". A branch is matched by its name. The message is quoted in
 * actions/action-versions#119.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments#deployment-branches-and-tags
 */
export function refusalOf(
  { name, branches, protectedBranches }: Environment,
  ref: string,
  repository: readonly Branch[],
): string | undefined {
  const branch = ref.replace(/^refs\/heads\//, '');
  const patterns = protectedBranches ? rulesOf(repository) : branches;
  if (!patterns || patterns.some((pattern) => matches(pattern, branch))) return undefined;
  return `Branch "${branch}" is not allowed to deploy to ${name} due to environment protection rules.`;
}

/**
 * "Only branches with branch protection rules enabled can deploy to the environment. If no branch protection rules are
 * defined for any branch in the repository, then all branches can deploy."
 */
function rulesOf(branches: readonly Branch[]): string[] | undefined {
  const ruled = branches.filter(({ protection }) => protection === 'rule').map(({ name }) => name);
  return ruled.length > 0 ? ruled : undefined;
}

/** The part of Ruby's File.fnmatch that branch names use: `*` and `?`. */
function matches(pattern: string, branch: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`).test(branch);
}
