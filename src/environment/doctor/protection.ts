import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import { createOctokit, type Octokit, ownerAndName, statusOf } from '../../github/client.ts';
import type { GitHubContext } from '../../github/context.ts';
import { listOf } from '../../core/text.ts';
import type { Environment, Manifest } from '../manifest/manifest.ts';
import type { Check, Finding } from '../run/result.ts';

interface ProtectionRequest {
  manifest: Manifest;
  environment: Environment;
  github: GitHubContext;
  token: string;
}

type EnvironmentData = Awaited<ReturnType<Octokit['rest']['repos']['getEnvironment']>>['data'];
/** GitHub returns `can_admins_bypass`, but its API description does not have it yet. */
type GitHubEnvironment = EnvironmentData & { can_admins_bypass?: boolean };

interface ProtectionQuery extends ProtectionRequest {
  octokit: Octokit;
  target: { owner: string; repo: string; environment_name: string };
}

/**
 * Checks whether the GitHub environment exists, who must approve a deployment to it, and which branches may deploy. A job
 * that references a missing environment creates it without protection.
 *
 * Requires `actions: read`, and `contents: read` for the branches of the repository.
 *
 * @see https://docs.github.com/rest/deployments/environments#get-an-environment
 * @see https://docs.github.com/rest/deployments/branch-policies#list-deployment-branch-policies
 */
export async function checkProtection(context: Context, request: ProtectionRequest): Promise<Check[]> {
  const { environment, github, token } = request;
  const name = `the GitHub environment ${environment.name}`;
  if (token === '' || github.repository === '') {
    return [{ name, state: 'unknown', says: 'could not be read without a token and a repository' }];
  }
  context.log.secret(token);
  const octokit = await createOctokit(token, github.apiUrl, context);
  const target = { ...ownerAndName(github.repository), environment_name: environment.name };
  const query = { ...request, octokit, target };
  try {
    const { data } = await octokit.rest.repos.getEnvironment(target);
    const branches = await branchFinding(context, query, data);
    return [
      { name, ...approvalFinding(environment, data) },
      { name: `branches that may deploy to ${environment.name}`, ...branches },
    ];
  } catch (error) {
    context.signal.throwIfAborted();
    return [{ name, ...(await absenceFinding(context, query, error)) }];
  }
}

/** GitHub also returns 404 if the token lacks access, so only a list without the environment proves that it is missing. */
async function absenceFinding(context: Context, query: ProtectionQuery, error: unknown): Promise<Finding> {
  if (statusOf(error) !== 404) return notRead(error);
  try {
    const environments = await query.octokit.paginate(
      query.octokit.rest.repos.getAllEnvironments,
      query.target,
    );
    const names = (environments as unknown as { name: string }[]).map(({ name }) => name.toLowerCase());
    if (names.includes(query.environment.name.toLowerCase())) return notRead(error);
  } catch (second) {
    context.signal.throwIfAborted();
    return notRead(second);
  }
  const says = 'it does not exist; the first job that references it would create it without protection';
  return { state: 'problem', says, fix: settingsFix(query) };
}

function notRead(error: unknown): Finding {
  const fix = 'Grant the job `actions: read` and `contents: read`.';
  const denied = [403, 404].includes(statusOf(error) ?? 0);
  return { state: 'unknown', says: `could not be read: ${reasonOf(error)}`, ...(denied && { fix }) };
}

function approvalFinding(environment: Environment, data: GitHubEnvironment): Finding {
  const rules = data.protection_rules ?? [];
  const reviewed = rules.find(({ type }) => type === 'required_reviewers');
  if (!reviewed) {
    if (environment.approval)
      return { state: 'ok', says: 'it exists; only the approvers in the manifest can start changes' };
    if (!environment.protected) return { state: 'ok', says: 'it exists; no approval is required' };
    const says = 'no approval is required, although the environment is protected in the manifest';
    const fix = `Settings → Environments → ${environment.name}: add "Required reviewers". In a private repository without GitHub Enterprise, set approvers of the environment in the manifest.`;
    return { state: 'problem', says, fix };
  }
  const gaps = [
    ...('prevent_self_review' in reviewed && reviewed.prevent_self_review
      ? []
      : ['the person who starts a deployment can approve it']),
    // "By default, administrators can bypass the protection rules and force deployments to specific environments."
    ...(data.can_admins_bypass === false ? [] : ['administrators can bypass the approval']),
  ];
  if (gaps.length === 0) return { state: 'ok', says: 'reviewers must approve' };
  const fix = `Settings → Environments → ${environment.name}: select "Prevent self-review", and clear "Allow administrators to bypass configured protection rules".`;
  return { state: 'warning', says: `reviewers must approve, but ${listOf(gaps)}`, fix };
}

/**
 * Which branches may deploy. With "Protected branches only": "If no branch protection rules are defined for any branch in
 * the repository, then all branches can deploy." A ruleset is not such a rule.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments#deployment-branches-and-tags
 */
async function branchFinding(
  context: Context,
  query: ProtectionQuery,
  data: GitHubEnvironment,
): Promise<Finding> {
  const { environment, manifest } = query;
  const policy = data.deployment_branch_policy;
  const fix = (): string => branchFix(query, data);
  const everyBranch = (why: string): Finding => ({
    state: isChained(manifest, environment) ? 'problem' : 'warning',
    says: `every branch may deploy: ${why}. Anyone who can push a branch can use the deploy role`,
    fix: fix(),
  });
  if (!policy) return everyBranch('there is no branch policy');
  try {
    if (policy.protected_branches) {
      const protectedNames = await protectedBranches(query);
      if (protectedNames.length === 0) {
        return everyBranch('"Protected branches only" has no effect without a branch protection rule');
      }
      const says = `"Protected branches only" has no effect without a branch protection rule, and a ruleset is not one. GitHub does not report which of them protects ${protectedNames.join(', ')}`;
      return { state: 'warning', says, fix: fix() };
    }
    const policies = await query.octokit.paginate(
      query.octokit.rest.repos.listDeploymentBranchPolicies,
      query.target,
    );
    const listed = policies as unknown as BranchPolicy[];
    return patternFinding(listed, await protectedBranches(query), fix);
  } catch (error) {
    context.signal.throwIfAborted();
    return notRead(error);
  }
}

interface BranchPolicy {
  name?: string;
  type?: 'branch' | 'tag';
}

function patternFinding(
  policies: readonly BranchPolicy[],
  protectedNames: readonly string[],
  fix: () => string,
): Finding {
  const names = policies.map(({ name = '' }) => name);
  if (names.length === 0) {
    return { state: 'problem', says: 'no branch may deploy: the branch policy is empty', fix: fix() };
  }
  const pulls = names.filter((name) => name.includes('pull/'));
  const open = names.filter((name) => /^[*?/[\]!^-]+$/.test(name));
  if (pulls.length + open.length > 0) {
    const who = pulls.length > 0 ? 'every pull request' : 'every branch';
    const says = `${who} may deploy: the branch policy has ${[...pulls, ...open].join(', ')}`;
    return { state: 'problem', says, fix: fix() };
  }
  const gaps = policies.flatMap(({ name = '', type }) => {
    if (type === 'tag') return [`anyone who can push a tag ${name}`];
    if (/[*?[]/.test(name)) return [`anyone who can push a branch ${name}`];
    return protectedNames.includes(name) ? [] : [`anyone who can push to ${name}, which is not protected`];
  });
  if (gaps.length === 0) return { state: 'ok', says: `only ${names.join(', ')} may deploy` };
  const advice =
    'Protect the branch with a rule or a ruleset that requires a pull request, and use no patterns.';
  return { state: 'warning', says: `a deployment can be started by ${listOf(gaps)}`, fix: advice };
}

/** "Setting to true returns only branches protected by branch protections or rulesets." */
async function protectedBranches({ octokit, target: { owner, repo } }: ProtectionQuery): Promise<string[]> {
  const branches = await octokit.paginate(octokit.rest.repos.listBranches, { owner, repo, protected: true });
  return branches.map(({ name }) => name);
}

/** Whether the environment is protected, or images are promoted to or from it. */
function isChained(
  { environments }: Manifest,
  { name, promoteFrom, protected: isProtected }: Environment,
): boolean {
  const feeds = Object.values(environments).some((other) => other.promoteFrom === name);
  return isProtected || promoteFrom !== undefined || feeds;
}

function settingsFix({ environment, target: { owner, repo } }: ProtectionQuery): string {
  const { name, protected: isProtected } = environment;
  const reviewers = isProtected ? '\nAdd "Required reviewers".' : '';
  return [
    `Settings → Environments → New environment: ${name}${reviewers}`,
    'Or with the GitHub CLI, as an administrator of the repository:',
    ...policyCommands(`repos/${owner}/${repo}/environments/${name}`, {}),
  ].join('\n');
}

/** A PUT replaces the whole protection, so the command repeats the existing rules. */
function branchFix(
  { environment, target: { owner, repo } }: ProtectionQuery,
  data: GitHubEnvironment,
): string {
  const kept: Record<string, unknown> = {};
  for (const rule of data.protection_rules ?? []) {
    if ('wait_timer' in rule && rule.type === 'wait_timer') kept['wait_timer'] = rule.wait_timer;
    if ('reviewers' in rule) {
      kept['prevent_self_review'] = rule.prevent_self_review ?? false;
      kept['reviewers'] = (rule.reviewers ?? []).map(({ type, reviewer }) => ({ type, id: reviewer?.id }));
    }
  }
  return [
    `Settings → Environments → ${environment.name} → Deployment branches and tags: select "Selected branches and tags", and add the branch that deploys.`,
    'Or with the GitHub CLI, as an administrator of the repository:',
    ...policyCommands(`repos/${owner}/${repo}/environments/${environment.name}`, kept),
  ].join('\n');
}

function policyCommands(path: string, kept: object): string[] {
  const policy = { protected_branches: false, custom_branch_policies: true };
  return [
    `gh api --method PUT ${path} --input - <<'JSON'`,
    JSON.stringify({ ...kept, deployment_branch_policy: policy }),
    'JSON',
    `gh api --method POST ${path}/deployment-branch-policies -f name=main`,
  ];
}
