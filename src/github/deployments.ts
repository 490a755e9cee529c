import { randomUUID } from 'node:crypto';
import {
  createOctokit,
  createOnce,
  type GitHubAccess,
  GitHubError,
  graphql,
  NOT_REPEATED,
  ownerAndName,
} from './client.ts';

export type DeploymentState =
  | 'in_progress'
  | 'success'
  | 'failure'
  | 'error'
  | 'inactive'
  | 'queued'
  | 'pending';

/**
 * Records a deployment of the run's commit.
 *
 * @param options.transient true for an environment that will be removed, such as a pull request's preview.
 * @param options.task distinguishes deployments that share an environment; `deploy` by default.
 * @returns the deployment's id.
 * @throws the API's error: the token needs `deployments: write`.
 */
export async function createDeployment(
  access: GitHubAccess,
  options: {
    environment: string;
    description?: string;
    transient?: boolean;
    task?: string;
    /** Additional data of the deployment. */
    payload?: Readonly<Record<string, unknown>>;
  },
): Promise<number> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const repository = ownerAndName(github.repository);
  const { environment, task = 'deploy' } = options;
  /** Identifies the deployment if its response was lost: the commit may have others of the same task. */
  const request = randomUUID();
  const create = async (): Promise<number> => {
    const { data } = await octokit.rest.repos.createDeployment({
      ...repository,
      ref: github.sha,
      environment,
      // The limit of GitHub.
      description: (options.description ?? '').slice(0, 140),
      payload: { ...options.payload, request },
      transient_environment: options.transient ?? false,
      task,
      auto_merge: false,
      // Checks of the commit are the workflow's responsibility. By default, GitHub requires all of them to pass.
      required_contexts: [],
      request: NOT_REPEATED,
    });
    if ('id' in data) return data.id;
    const why = data.message ?? 'no reason given';
    throw new GitHubError(`GitHub did not create a deployment to ${environment}: ${why}`, { status: 202 });
  };
  const find = async (): Promise<number | undefined> => {
    const wanted = { ...repository, sha: github.sha, environment, task, per_page: 100 };
    const { data } = await octokit.rest.repos.listDeployments(wanted);
    return data.find(({ payload }) => requestOf(payload) === request)?.id;
  };
  return (await createOnce(context, create, find)).value;
}

/** GitHub returns a payload as an object or as JSON. */
function requestOf(payload: unknown): unknown {
  if (typeof payload === 'string') {
    try {
      return requestOf(JSON.parse(payload));
    } catch {
      return undefined;
    }
  }
  return (payload as { request?: unknown } | null)?.request;
}

/** Sets the state of a deployment. `success` makes earlier deployments to the environment inactive. */
export async function setDeploymentStatus(
  access: GitHubAccess,
  deploymentId: number,
  options: { state: DeploymentState; description?: string; environmentUrl?: string },
): Promise<void> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  // After a lost response, the same status may be created twice, which has no effect.
  await octokit.rest.repos.createDeploymentStatus({
    ...ownerAndName(github.repository),
    deployment_id: deploymentId,
    state: options.state,
    log_url: github.runUrl,
    // The limit of GitHub.
    description: (options.description ?? '').slice(0, 140),
    ...(options.environmentUrl !== undefined && { environment_url: options.environmentUrl }),
  });
}

/**
 * All active deployments of a task to an environment.
 *
 * @throws the API's error: the token needs `deployments: read`.
 */
export async function activeDeployments(
  access: GitHubAccess,
  wanted: { environment: string; task: string },
): Promise<number[]> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const repository = ownerAndName(github.repository);
  const deployments = await octokit.paginate(octokit.rest.repos.listDeployments, {
    ...repository,
    ...wanted,
    per_page: 100,
  });
  const active = await Promise.all(
    deployments.map(async ({ id }) => {
      const latest = { ...repository, deployment_id: id, per_page: 1 };
      const { data } = await octokit.rest.repos.listDeploymentStatuses(latest);
      return data[0]?.state === 'inactive' ? [] : [id];
    }),
  );
  return active.flat();
}

interface DeploymentNode {
  databaseId: number;
  task: string | null;
  createdAt: string;
  latestStatus: { state: string } | null;
}

interface DeploymentPage {
  nodes: DeploymentNode[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/**
 * The active deployments of all tasks to an environment, 100 for each GraphQL call. GraphQL cannot filter by task, but
 * returns the state of each deployment.
 *
 * @param wanted.since only deployments created since this time, in ISO 8601.
 * @throws GitHubError: the token needs `deployments: read`.
 * @see https://docs.github.com/graphql/reference/deployments
 */
export async function activeDeploymentsSince(
  { token, github, context }: GitHubAccess,
  wanted: { environment: string; since: string },
): Promise<{ id: number; task: string }[]> {
  const octokit = await createOctokit(token, github.apiUrl, context);
  const query = `query Deployments($owner: String!, $repo: String!, $environment: String!, $after: String) {
    repository(owner: $owner, name: $repo) {
      deployments(
        environments: [$environment], first: 100, after: $after, orderBy: { field: CREATED_AT, direction: DESC }
      ) {
        nodes { databaseId task createdAt latestStatus { state } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }`;
  const since = Date.parse(wanted.since);
  const active: { id: number; task: string }[] = [];
  let after: string | null = null;
  for (;;) {
    const variables = {
      ...ownerAndName(github.repository),
      environment: wanted.environment,
      after,
    };
    const response: { repository: { deployments: DeploymentPage } | null } = await graphql(
      octokit,
      query,
      variables,
    );
    if (!response.repository) throw new GitHubError('GitHub did not return the repository', { status: 404 });
    const { nodes, pageInfo } = response.repository.deployments;
    const recent = nodes.filter(({ createdAt }) => Date.parse(createdAt) >= since);
    for (const { databaseId: id, task, latestStatus } of recent) {
      if (latestStatus?.state !== 'INACTIVE') active.push({ id, task: task ?? '' });
    }
    if (!pageInfo.hasNextPage || recent.length < nodes.length) return active;
    after = pageInfo.endCursor;
  }
}
