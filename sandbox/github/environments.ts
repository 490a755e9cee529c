import { notFound } from './call.ts';
import type { GitHubCall, Routes } from './call.ts';
import type { Environment } from './state.ts';
import { userJson } from './users.ts';

/** Environments and what protects them. */
export const environmentRoutes: Routes = {
  'GET /repos/{owner}/{repo}/environments': [
    'repos/get-all-environments',
    (call) => ({
      list: call.state.environments.map((environment) => environmentJson(call, environment)),
      wrap: (environments, total) => ({ total_count: total, environments }),
    }),
  ],

  'GET /repos/{owner}/{repo}/environments/{environment}': [
    'repos/get-environment',
    (call) => {
      const environment = call.state.environments.find(({ name }) => name === call.params.environment);
      if (!environment) throw notFound();
      return { body: environmentJson(call, environment) };
    },
  ],
};

export function environmentJson({ repositoryUrl, htmlUrl }: GitHubCall, environment: Environment): object {
  const { id, name, reviewers, waitMinutes } = environment;
  const required = {
    id: id * 10,
    type: 'required_reviewers',
    prevent_self_review: false,
    reviewers: reviewers.map((login) => ({ type: 'User', reviewer: userJson({ login, type: 'User' }) })),
  };
  const wait = { id: id * 10 + 1, type: 'wait_timer', wait_timer: waitMinutes };
  return {
    id,
    name,
    url: `${repositoryUrl}/environments/${encodeURIComponent(name)}`,
    html_url: `${htmlUrl}/deployments/activity_log?environments_filter=${encodeURIComponent(name)}`,
    protection_rules: [...(reviewers.length > 0 ? [required] : []), ...(waitMinutes > 0 ? [wait] : [])],
    deployment_branch_policy: null,
  };
}
