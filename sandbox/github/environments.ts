import { type GitHubCall, notFound, type Routes, unprocessable } from './call.ts';
import type { Branch, Environment } from './state.ts';
import { loginOf, userJson } from './users.ts';

const ENVIRONMENT = '/repos/{owner}/{repo}/environments/{environment}';

/** Environments and their protection rules. */
export const environmentRoutes: Routes = {
  'GET /repos/{owner}/{repo}/environments': [
    'repos/get-all-environments',
    (call) => ({
      list: call.state.environments.map((environment) => environmentJson(call, environment)),
      wrap: (environments, total) => ({ total_count: total, environments }),
    }),
  ],

  [`GET ${ENVIRONMENT}`]: [
    'repos/get-environment',
    (call) => ({ body: environmentJson(call, environmentOf(call)) }),
  ],

  /** @see https://docs.github.com/rest/deployments/environments#create-or-update-an-environment */
  [`PUT ${ENVIRONMENT}`]: [
    'repos/create-or-update-environment',
    (call) => {
      const { environments } = call.state;
      const name = call.params.environment ?? '';
      let environment = environments.find((each) => each.name === name);
      if (!environment) {
        environment = { id: call.state.newId(), name, reviewers: [], waitMinutes: 0 };
        environments.push(environment);
      }
      protect(environment, call.body, call.state.logins);
      return { body: environmentJson(call, environment) };
    },
  ],

  [`GET ${ENVIRONMENT}/deployment-branch-policies`]: [
    'repos/list-deployment-branch-policies',
    (call) => {
      const { id, branches = [] } = withPolicies(call);
      return {
        list: branches.map((name, index) => policyJson(id, name, index)),
        wrap: (policies, total) => ({ total_count: total, branch_policies: policies }),
      };
    },
  ],

  /** @see https://docs.github.com/rest/deployments/branch-policies#create-a-deployment-branch-policy */
  [`POST ${ENVIRONMENT}/deployment-branch-policies`]: [
    'repos/create-deployment-branch-policy',
    (call) => {
      const { id, branches = [] } = withPolicies(call);
      const { name } = call.body;
      if (typeof name !== 'string') throw unprocessable('DeploymentBranchPolicy', 'name', 'is missing');
      branches.push(name);
      return { body: policyJson(id, name, branches.length - 1) };
    },
  ],

  /** `protected`: "Setting to true returns only branches protected by branch protections or rulesets." */
  'GET /repos/{owner}/{repo}/branches': [
    'repos/list-branches',
    (call) => {
      const wanted = call.query.get('protected');
      const branches = call.state.branches.filter(
        ({ protection }) => wanted === null || (wanted === 'true') === (protection !== undefined),
      );
      return { list: branches.map((branch) => branchJson(call, branch)) };
    },
  ],
};

function environmentOf({ state, params }: GitHubCall): Environment {
  const environment = state.environments.find(({ name }) => name === params.environment);
  if (!environment) throw notFound();
  return environment;
}

/** "Not Found or deployment_branch_policy.custom_branch_policies property for the environment is set to false" */
function withPolicies(call: GitHubCall): Environment {
  const environment = environmentOf(call);
  if (!environment.branches) throw notFound();
  return environment;
}

function policyJson(environment: number, name: string, index: number): object {
  return { id: environment * 100 + index, node_id: `policy-${environment}-${index}`, name, type: 'branch' };
}

/** Omitted values are reset: "deployment_branch_policy: null" allows all branches. */
function protect(environment: Environment, body: Record<string, unknown>, logins: readonly string[]): void {
  const {
    wait_timer: wait = 0,
    prevent_self_review: own = false,
    reviewers,
    deployment_branch_policy: policy,
  } = body;
  const listed = (reviewers ?? []) as { type: string; id: number }[];
  environment.waitMinutes = Number(wait);
  environment.preventSelfReview = own === true;
  environment.reviewers = listed.map(
    ({ type, id }) => (type === 'User' ? loginOf(id, logins) : undefined) ?? `${type.toLowerCase()}-${id}`,
  );
  const { protected_branches: byRule, custom_branch_policies: byName } = (policy ?? {}) as Record<
    string,
    unknown
  >;
  if (policy !== undefined && policy !== null && byRule === byName) {
    const message = 'protected_branches and custom_branch_policies cannot have the same value.';
    throw unprocessable('Environment', 'deployment_branch_policy', message);
  }
  environment.protectedBranches = byRule === true;
  if (byName !== true) delete environment.branches;
  else environment.branches ??= [];
}

export function environmentJson({ repositoryUrl, htmlUrl }: GitHubCall, environment: Environment): object {
  const { id, name, reviewers, waitMinutes, branches, protectedBranches = false } = environment;
  const required = {
    id: id * 10,
    type: 'required_reviewers',
    prevent_self_review: environment.preventSelfReview ?? false,
    reviewers: reviewers.map((login) => ({ type: 'User', reviewer: userJson({ login, type: 'User' }) })),
  };
  const wait = { id: id * 10 + 1, type: 'wait_timer', wait_timer: waitMinutes };
  const restricted = branches !== undefined || protectedBranches;
  return {
    id,
    name,
    url: `${repositoryUrl}/environments/${encodeURIComponent(name)}`,
    html_url: `${htmlUrl}/deployments/activity_log?environments_filter=${encodeURIComponent(name)}`,
    // "By default, administrators can bypass the protection rules and force deployments to specific environments."
    can_admins_bypass: environment.adminsBypass ?? true,
    protection_rules: [
      ...(reviewers.length > 0 ? [required] : []),
      ...(waitMinutes > 0 ? [wait] : []),
      ...(restricted ? [{ id: id * 10 + 2, type: 'branch_policy' }] : []),
    ],
    deployment_branch_policy: restricted
      ? { protected_branches: protectedBranches, custom_branch_policies: !protectedBranches }
      : null,
  };
}

function branchJson({ repositoryUrl }: GitHubCall, { name, protection }: Branch): object {
  return {
    name,
    protected: protection !== undefined,
    protection_url: `${repositoryUrl}/branches/${name}/protection`,
  };
}
