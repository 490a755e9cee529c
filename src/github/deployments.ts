import type { Context } from '../core/context.ts';
import { createOctokit, ownerAndName, withRetries } from './client.ts';
import type { GitHubContext } from './context.ts';

interface Access {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal'>;
}

export type DeploymentState =
  'in_progress' | 'success' | 'failure' | 'error' | 'inactive' | 'queued' | 'pending';

/**
 * Records a deployment of the run's commit.
 *
 * @param options.transient true for an environment that will go, such as a pull request's preview.
 * @param options.task tells apart what shares an environment; `deploy` by default.
 * @returns the deployment's id.
 * @throws the API's error: the token needs `deployments: write`.
 */
export async function createDeployment(
  access: Access,
  options: {
    environment: string;
    description?: string;
    transient?: boolean;
    task?: string;
    /** What else the record is to keep. */
    payload?: Readonly<Record<string, unknown>>;
  },
): Promise<number> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context.signal);
  const { data } = await withRetries(context, () =>
    octokit.rest.repos.createDeployment({
      ...ownerAndName(github.repository),
      ref: github.sha,
      environment: options.environment,
      // GitHub refuses a longer description.
      description: (options.description ?? '').slice(0, 140),
      ...(options.payload && { payload: options.payload }),
      transient_environment: options.transient ?? false,
      ...(options.task !== undefined && { task: options.task }),
      auto_merge: false,
      // The checks of the commit are the workflow's matter; by default GitHub would wait for all of them.
      required_contexts: [],
    }),
  );
  if ('id' in data) return data.id;
  throw new Error(
    `GitHub made no deployment to ${options.environment}: ${data.message ?? 'no reason given'}`,
  );
}

/** Sets a deployment's state; a success makes the environment's earlier deployments inactive. */
export async function setDeploymentStatus(
  access: Access,
  deploymentId: number,
  options: { state: DeploymentState; description?: string; environmentUrl?: string },
): Promise<void> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context.signal);
  await withRetries(context, () =>
    octokit.rest.repos.createDeploymentStatus({
      ...ownerAndName(github.repository),
      deployment_id: deploymentId,
      state: options.state,
      log_url: github.runUrl,
      // GitHub refuses a longer description.
      description: (options.description ?? '').slice(0, 140),
      ...(options.environmentUrl !== undefined && { environment_url: options.environmentUrl }),
    }),
  );
}

/**
 * The deployments of a task to an environment that GitHub shows as active, all pages.
 *
 * @throws the API's error: the token needs `deployments: read`.
 */
export async function activeDeployments(
  access: Access,
  wanted: { environment: string; task: string },
): Promise<number[]> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context.signal);
  const repository = ownerAndName(github.repository);
  const deployments = await withRetries(context, () =>
    octokit.paginate(octokit.rest.repos.listDeployments, { ...repository, ...wanted, per_page: 100 }),
  );
  const active = await Promise.all(
    deployments.map(async ({ id }) => {
      const latest = { ...repository, deployment_id: id, per_page: 1 };
      const { data } = await withRetries(context, () => octokit.rest.repos.listDeploymentStatuses(latest));
      return data[0]?.state === 'inactive' ? [] : [id];
    }),
  );
  return active.flat();
}
