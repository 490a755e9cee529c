import { type GitHubCall, notFound, numberOf, type Routes, unprocessable } from './call.ts';
import { type Account, type Deployment, type DeploymentStatus, now, SHA } from './state.ts';
import { userJson } from './users.ts';

const STATES = ['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success'];

/** Deployments and their statuses, newest first. */
export const deploymentRoutes: Routes = {
  'GET /repos/{owner}/{repo}/deployments': [
    'repos/list-deployments',
    (call) => {
      const wanted = (field: string, value: unknown): boolean =>
        [null, 'none', value].includes(call.query.get(field));
      const deployments = call.state.deployments.filter(
        ({ ref, environment, fields }) =>
          wanted('environment', environment) && wanted('ref', ref) && wanted('task', fields.task),
      );
      return { list: deployments.toReversed().map((deployment) => deploymentJson(call, deployment)) };
    },
  ],

  'POST /repos/{owner}/{repo}/deployments': [
    'repos/create-deployment',
    (call) => {
      const { ref, environment = 'production', ...given } = call.body;
      if (typeof ref !== 'string' || ref === '')
        throw unprocessable('Deployment', 'ref', "Ref can't be blank");
      if (typeof environment !== 'string') throw unprocessable('Deployment', 'environment', 'is not a text');
      const production = environment === 'production';
      const defaults = { task: 'deploy', payload: {}, description: null, transient_environment: false };
      const { task, payload, description, ...flags } = {
        ...defaults,
        production_environment: production,
        ...given,
      };
      const fields = {
        task,
        payload,
        description,
        transient_environment: flags.transient_environment,
        production_environment: flags.production_environment,
      };
      const id = call.state.newId();
      const made = { id, ref, environment, fields, creator: call.viewer, created: now(), statuses: [] };
      call.state.deployments.push(made);
      return { status: 201, body: deploymentJson(call, made) };
    },
  ],

  'GET /repos/{owner}/{repo}/deployments/{deployment}': [
    'repos/get-deployment',
    (call) => ({ body: deploymentJson(call, deploymentOf(call)) }),
  ],

  'GET /repos/{owner}/{repo}/deployments/{deployment}/statuses': [
    'repos/list-deployment-statuses',
    (call) => {
      const deployment = deploymentOf(call);
      return { list: deployment.statuses.toReversed().map((status) => statusJson(call, deployment, status)) };
    },
  ],

  'POST /repos/{owner}/{repo}/deployments/{deployment}/statuses': [
    'repos/create-deployment-status',
    (call) => {
      const deployment = deploymentOf(call);
      const { state, auto_inactive: autoInactive = true, ...fields } = call.body;
      if (typeof state !== 'string' || !STATES.includes(state)) {
        throw unprocessable(
          'DeploymentStatus',
          'state',
          `State is not included in the list: ${STATES.join(', ')}`,
        );
      }
      const status = add(call, deployment, state, fields, call.viewer);
      if (state === 'success' && autoInactive === true) retirePrior(call, deployment);
      return { status: 201, body: statusJson(call, deployment, status) };
    },
  ],
};

/** GitHub's `auto_inactive`: earlier deployments of the environment become inactive, unless transient or production. */
function retirePrior(call: GitHubCall, current: Deployment): void {
  const prior = call.state.deployments.filter(
    ({ id, environment, fields }) =>
      id < current.id &&
      environment === current.environment &&
      fields.transient_environment !== true &&
      fields.production_environment !== true,
  );
  for (const deployment of prior) add(call, deployment, 'inactive', {}, call.viewer);
}

function add(
  call: GitHubCall,
  deployment: Deployment,
  state: string,
  fields: Record<string, unknown>,
  creator: Account,
): DeploymentStatus {
  const status = { id: call.state.newId(), state, fields, creator, created: now() };
  deployment.statuses.push(status);
  return status;
}

function deploymentOf(call: GitHubCall): Deployment {
  const id = numberOf(call, 'deployment');
  const deployment = call.state.deployments.find((candidate) => candidate.id === id);
  if (!deployment) throw notFound();
  return deployment;
}

function deploymentJson({ repositoryUrl }: GitHubCall, deployment: Deployment): object {
  const { id, ref, environment, fields, creator, created, statuses } = deployment;
  const url = `${repositoryUrl}/deployments/${id}`;
  return {
    id,
    url,
    sha: SHA,
    ref,
    environment,
    original_environment: environment,
    ...fields,
    creator: userJson(creator),
    created_at: created,
    updated_at: statuses.at(-1)?.created ?? created,
    statuses_url: `${url}/statuses`,
  };
}

function statusJson({ repositoryUrl }: GitHubCall, deployment: Deployment, status: DeploymentStatus): object {
  const { id, state, fields, creator, created } = status;
  const url = `${repositoryUrl}/deployments/${deployment.id}`;
  return {
    id,
    url: `${url}/statuses/${id}`,
    state,
    description: fields.description ?? '',
    environment: fields.environment ?? deployment.environment,
    environment_url: fields.environment_url ?? '',
    log_url: fields.log_url ?? '',
    target_url: fields.log_url ?? '',
    creator: userJson(creator),
    created_at: created,
    updated_at: created,
    deployment_url: url,
  };
}
