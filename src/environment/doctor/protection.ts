import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import { createOctokit, type Octokit, ownerAndName, statusOf } from '../../github/client.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { Environment, Manifest } from '../manifest/manifest.ts';
import type { Check, Finding } from '../run/result.ts';

interface ProtectionRequest {
  manifest: Manifest;
  environment: Environment;
  github: GitHubContext;
  token: string;
}

type Answer = Awaited<ReturnType<Octokit['rest']['repos']['getEnvironment']>>['data'];
/** `can_admins_bypass` is in GitHub's answer, and not yet in its description of the API. */
type GitHubEnvironment = Answer & { can_admins_bypass?: boolean };

interface Asked extends ProtectionRequest {
  octokit: Octokit;
  target: { owner: string; repo: string; environment_name: string };
}

/**
 * Whether GitHub has the environment, who must approve a deployment to it, and which branches may deploy. A job that
 * names an environment that does not exist makes it, without any protection.
 *
 * All of it is read with `actions: read`, and the branches of the repository with `contents: read`.
 *
 * @see https://docs.github.com/rest/deployments/environments#get-an-environment
 * @see https://docs.github.com/rest/deployments/branch-policies#list-deployment-branch-policies
 */
export async function checkProtection(context: Context, request: ProtectionRequest): Promise<Check[]> {
  const { environment, github, token } = request;
  const name = `the GitHub environment ${environment.name}`;
  if (token === '' || github.repository === '') {
    return [{ name, state: 'unknown', says: 'there is no token, or no repository, to ask with' }];
  }
  context.log.secret(token);
  const octokit = await createOctokit(token, github.apiUrl, context);
  const target = { ...ownerAndName(github.repository), environment_name: environment.name };
  const asked = { ...request, octokit, target };
  try {
    const { data } = await octokit.rest.repos.getEnvironment(target);
    const branches = await branchFinding(context, asked, data);
    return [
      { name, ...approvalFinding(environment, data) },
      { name: `branches that may deploy to ${environment.name}`, ...branches },
    ];
  } catch (error) {
    context.signal.throwIfAborted();
    return [{ name, ...(await absenceFinding(context, asked, error)) }];
  }
}

/** GitHub says 404 of what a token may not see, too: only a list without the environment proves that there is none. */
async function absenceFinding(context: Context, asked: Asked, error: unknown): Promise<Finding> {
  if (statusOf(error) !== 404) return notRead(error);
  try {
    const environments = await asked.octokit.paginate(
      asked.octokit.rest.repos.getAllEnvironments,
      asked.target,
    );
    const names = (environments as unknown as { name: string }[]).map(({ name }) => name.toLowerCase());
    if (names.includes(asked.environment.name.toLowerCase())) return notRead(error);
  } catch (second) {
    context.signal.throwIfAborted();
    return notRead(second);
  }
  const says = 'there is none: the first job that names it would make it without any protection';
  return { state: 'problem', says, fix: settingsFix(asked) };
}

function notRead(error: unknown): Finding {
  const fix = 'Give the job the permissions `actions: read` and `contents: read`.';
  const refused = [403, 404].includes(statusOf(error) ?? 0);
  return { state: 'unknown', says: `it could not be read: ${reasonOf(error)}`, ...(refused && { fix }) };
}

function approvalFinding(environment: Environment, data: GitHubEnvironment): Finding {
  const rules = data.protection_rules ?? [];
  const reviewed = rules.find(({ type }) => type === 'required_reviewers');
  if (!reviewed) {
    if (environment.approval)
      return { state: 'ok', says: 'it exists; approvers of the manifest start what changes it' };
    if (!environment.protected) return { state: 'ok', says: 'it exists; nobody has to approve' };
    const says = 'nobody has to approve, and the manifest says that the environment is protected';
    const fix = `Settings → Environments → ${environment.name}: add "Required reviewers". In a private repository without GitHub Enterprise, name "approvers" of the environment in the manifest.`;
    return { state: 'problem', says, fix };
  }
  const gaps = [
    ...('prevent_self_review' in reviewed && reviewed.prevent_self_review
      ? []
      : ['a person who starts a deployment may approve it']),
    // "By default, administrators can bypass the protection rules and force deployments to specific environments."
    ...(data.can_admins_bypass === false ? [] : ['administrators may bypass the approval']),
  ];
  if (gaps.length === 0) return { state: 'ok', says: 'reviewers must approve' };
  const fix = `Settings → Environments → ${environment.name}: select "Prevent self-review", and clear "Allow administrators to bypass configured protection rules".`;
  return { state: 'warning', says: `reviewers must approve, but ${gaps.join(', and ')}`, fix };
}

/**
 * Which branches may deploy. "If no branch protection rules are defined for any branch in the repository, then all
 * branches can deploy" where protected branches only are chosen, and a ruleset is no such rule.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments#deployment-branches-and-tags
 */
async function branchFinding(context: Context, asked: Asked, data: GitHubEnvironment): Promise<Finding> {
  const { environment, manifest } = asked;
  const policy = data.deployment_branch_policy;
  const fix = (): string => branchFix(asked, data);
  const everyBranch = (why: string): Finding => ({
    state: isChained(manifest, environment) ? 'problem' : 'warning',
    says: `every branch may deploy: ${why}. Anyone who can push a branch holds the deploy role`,
    fix: fix(),
  });
  if (!policy) return everyBranch('there is no branch policy');
  try {
    if (policy.protected_branches) {
      const guarded = await protectedBranches(asked);
      if (guarded.length === 0) {
        return everyBranch('"Protected branches only" without a branch protection rule restricts nothing');
      }
      const says = `"Protected branches only" restricts nothing unless a branch protection rule exists, and a ruleset is not one; GitHub does not tell which of them protects ${guarded.join(', ')}`;
      return { state: 'warning', says, fix: fix() };
    }
    const policies = await asked.octokit.paginate(
      asked.octokit.rest.repos.listDeploymentBranchPolicies,
      asked.target,
    );
    const listed = policies as unknown as BranchPolicy[];
    return judgePatterns(listed, await protectedBranches(asked), fix);
  } catch (error) {
    context.signal.throwIfAborted();
    return notRead(error);
  }
}

interface BranchPolicy {
  name?: string;
  type?: 'branch' | 'tag';
}

function judgePatterns(
  policies: readonly BranchPolicy[],
  guarded: readonly string[],
  fix: () => string,
): Finding {
  const names = policies.map(({ name = '' }) => name);
  if (names.length === 0) {
    return { state: 'problem', says: 'no branch may deploy: the branch policy has no name', fix: fix() };
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
    return guarded.includes(name) ? [] : [`anyone who can push to ${name}, which is not protected`];
  });
  if (gaps.length === 0) return { state: 'ok', says: `only ${names.join(', ')} may deploy` };
  const advice =
    'Protect the branch by a rule or a ruleset that requires a pull request, and name no pattern.';
  return { state: 'warning', says: `a deployment can be started by ${gaps.join(', and ')}`, fix: advice };
}

/** "Setting to true returns only branches protected by branch protections or rulesets." */
async function protectedBranches({ octokit, target: { owner, repo } }: Asked): Promise<string[]> {
  const branches = await octokit.paginate(octokit.rest.repos.listBranches, { owner, repo, protected: true });
  return branches.map(({ name }) => name);
}

/** Whether what is deployed here reaches another environment, or comes from one, or is protected. */
function isChained(
  { environments }: Manifest,
  { name, promoteFrom, protected: isProtected }: Environment,
): boolean {
  const feeds = Object.values(environments).some((other) => other.promoteFrom === name);
  return isProtected || promoteFrom !== undefined || feeds;
}

function settingsFix({ environment, target: { owner, repo } }: Asked): string {
  const { name, protected: isProtected } = environment;
  const reviewers = isProtected ? '\nAdd "Required reviewers".' : '';
  return [
    `Settings → Environments → New environment: ${name}${reviewers}`,
    'Or with the GitHub CLI, as an administrator of the repository:',
    ...policyCommands(`repos/${owner}/${repo}/environments/${name}`, {}),
  ].join('\n');
}

/** A PUT replaces the whole protection, so what is there already is said again. */
function branchFix({ environment, target: { owner, repo } }: Asked, data: GitHubEnvironment): string {
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
