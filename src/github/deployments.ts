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
 * @param options.transient true for an environment that will go, such as a pull request's preview.
 * @param options.task tells apart what shares an environment; `deploy` by default.
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
    /** What else the record is to keep. */
    payload?: Readonly<Record<string, unknown>>;
  },
): Promise<number> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  const repository = ownerAndName(github.repository);
  const { environment, task = 'deploy' } = options;
  /** By which a deployment is found whose answer was lost: the commit may have others of the same task. */
  const request = randomUUID();
  const create = async (): Promise<number> => {
    const { data } = await octokit.rest.repos.createDeployment({
      ...repository,
      ref: github.sha,
      environment,
      // GitHub refuses a longer description.
      description: (options.description ?? '').slice(0, 140),
      payload: { ...options.payload, request },
      transient_environment: options.transient ?? false,
      task,
      auto_merge: false,
      // The checks of the commit are the workflow's matter; by default GitHub would wait for all of them.
      required_contexts: [],
      request: NOT_REPEATED,
    });
    if ('id' in data) return data.id;
    const why = data.message ?? 'no reason given';
    throw new GitHubError(`GitHub made no deployment to ${environment}: ${why}`, { status: 202 });
  };
  const find = async (): Promise<number | undefined> => {
    const wanted = { ...repository, sha: github.sha, environment, task, per_page: 100 };
    const { data } = await octokit.rest.repos.listDeployments(wanted);
    return data.find(({ payload }) => requestOf(payload) === request)?.id;
  };
  return (await createOnce(context, create, find)).value;
}

/** GitHub gives a payload back as an object or as its JSON. */
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

/** Sets a deployment's state; a success makes the environment's earlier deployments inactive. */
export async function setDeploymentStatus(
  access: GitHubAccess,
  deploymentId: number,
  options: { state: DeploymentState; description?: string; environmentUrl?: string },
): Promise<void> {
  const { token, github, context } = access;
  const octokit = await createOctokit(token, github.apiUrl, context);
  // A lost answer may leave the same state twice, which changes nothing.
  await octokit.rest.repos.createDeploymentStatus({
    ...ownerAndName(github.repository),
    deployment_id: deploymentId,
    state: options.state,
    log_url: github.runUrl,
    // GitHub refuses a longer description.
    description: (options.description ?? '').slice(0, 140),
    ...(options.environmentUrl !== undefined && { environment_url: options.environmentUrl }),
  });
}

/**
 * The deployments of a task to an environment that GitHub shows as active, all pages.
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
 * The active deployments to an environment of all tasks, 100 by each call of GraphQL, which has no filter by task but
 * tells the state of each deployment.
 *
 * @param wanted.since only those that were created from this time on, in ISO 8601.
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
    const answer: { repository: { deployments: DeploymentPage } | null } = await graphql(
      octokit,
      query,
      variables,
    );
    if (!answer.repository) throw new GitHubError('GitHub answered without a repository', { status: 404 });
    const { nodes, pageInfo } = answer.repository.deployments;
    const recent = nodes.filter(({ createdAt }) => Date.parse(createdAt) >= since);
    for (const { databaseId: id, task, latestStatus } of recent) {
      if (latestStatus?.state !== 'INACTIVE') active.push({ id, task: task ?? '' });
    }
    if (!pageInfo.hasNextPage || recent.length < nodes.length) return active;
    after = pageInfo.endCursor;
  }
}
