import { createOctokit, ownerAndName, statusOf, withRetries } from '../../github/client.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { Check } from '../../report/doctor.ts';
import type { Context } from '../../runtime/context.ts';
import type { Environment } from '../manifest.ts';

/**
 * Whether GitHub has the environment, and lets somebody approve where the manifest says `protected`. A job that
 * names an environment that does not exist makes it, without any protection.
 *
 * @see https://docs.github.com/actions/how-tos/deploy/configure-and-manage-deployments/manage-environments
 */
export async function checkGitHubEnvironment(
  context: Context,
  environment: Environment,
  github: GitHubContext,
  token: string,
): Promise<Check> {
  const name = `the GitHub environment ${environment.name}`;
  if (token === '' || github.repository === '') {
    return { name, state: 'unknown', says: 'there is no token, or no repository, to ask with' };
  }
  context.log.secret(token);
  try {
    const octokit = await createOctokit(token, github.apiUrl, context.signal);
    const target = { ...ownerAndName(github.repository), environment_name: environment.name };
    const { data } = await withRetries(context, () => octokit.rest.repos.getEnvironment(target));
    const rules = (data.protection_rules ?? []).map(({ type }) => type);
    return { name, ...judge(environment, rules) };
  } catch (error) {
    context.signal.throwIfAborted();
    if (statusOf(error) === 404) {
      const says = 'there is none: the first job that names it would make it without any protection';
      return { name, state: 'problem', says, fix: settingsFix(environment) };
    }
    const message = error instanceof Error ? error.message : String(error);
    const fix = 'Give the job the permission `actions: read`.';
    return { name, state: 'unknown', says: message, ...(statusOf(error) === 403 && { fix }) };
  }
}

function judge(environment: Environment, rules: readonly string[]): Omit<Check, 'name'> {
  const reviewed = rules.includes('required_reviewers');
  if (environment.protected && !reviewed) {
    const says = 'nobody has to approve, and the manifest says that the environment is protected';
    return { state: 'problem', says, fix: settingsFix(environment) };
  }
  return { state: 'ok', says: reviewed ? 'reviewers must approve' : 'it exists; nobody has to approve' };
}

function settingsFix({ name, protected: isProtected }: Environment): string {
  const reviewers = isProtected
    ? '\nAdd "Required reviewers", and allow only the default branch to deploy.'
    : '';
  return `Settings → Environments → New environment: ${name}${reviewers}`;
}
