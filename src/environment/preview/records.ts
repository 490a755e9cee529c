import { PlatformError, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import { statusOf } from '../../github/client.ts';
import type { DeploymentState } from '../../github/deployments.ts';
import type { PullRequest, PullRequestState } from '../../github/pulls.ts';
import type { PreviewContext } from './context.ts';

/** GITHUB_TOKEN cannot delete an environment, so all previews share one and are identified by their task. */
const ENVIRONMENT = 'preview';

function access(
  context: PreviewContext,
): Pick<PreviewContext, 'token' | 'github'> & { context: PreviewContext } {
  return { token: context.token, github: context.github, context };
}

/** The current state of a pull request; undefined if it is not found. */
export async function pullRequestNow(
  context: PreviewContext,
  number: number,
): Promise<PullRequest | undefined> {
  const { readPullRequest } = await import('../../github/pulls.ts');
  return withPermissionHint('pull-requests: read', () => readPullRequest(access(context), number));
}

/** The current states of pull requests by number, without those that are not found. Reads many in few calls. */
export async function pullRequestStates(
  context: PreviewContext,
  numbers: readonly number[],
): Promise<Map<number, PullRequestState>> {
  if (numbers.length === 0) return new Map();
  const { readPullRequestStates } = await import('../../github/pulls.ts');
  return withPermissionHint('pull-requests: read', () => readPullRequestStates(access(context), numbers));
}

/** Creates a GitHub deployment of the commit that is in progress. Returns its ID. */
export async function beginDeployment(
  context: PreviewContext,
  pullRequest: number,
  commit: string,
): Promise<number> {
  const { createDeployment, setDeploymentStatus } = await import('../../github/deployments.ts');
  return withPermissionHint('deployments: write', async () => {
    const id = await createDeployment(
      { ...access(context), github: { ...context.github, sha: commit } },
      {
        environment: ENVIRONMENT,
        task: task(pullRequest),
        transient: true,
        description: `Preview of #${pullRequest}`,
      },
    );
    await setDeploymentStatus(access(context), id, { state: 'in_progress' });
    return id;
  });
}

/** Sets the final state of a deployment. A failure is only logged. Uses its own signal, because the job may be cancelled. */
export async function endDeployment(
  context: PreviewContext,
  id: number,
  status: { state: DeploymentState; description: string; environmentUrl?: string },
): Promise<void> {
  const { setDeploymentStatus } = await import('../../github/deployments.ts');
  const signal = AbortSignal.timeout(context.signal.aborted ? 700 : 30_000);
  try {
    await setDeploymentStatus({ ...access(context), context: { ...context, signal } }, id, status);
  } catch (error) {
    context.log.warning(`Failed to set the state of deployment ${id}: ${reasonOf(error)}`);
  }
}

/** The active deployments of a pull request's preview. */
export async function activePreviews(context: PreviewContext, pullRequest: number): Promise<number[]> {
  const { activeDeployments } = await import('../../github/deployments.ts');
  const wanted = { environment: ENVIRONMENT, task: task(pullRequest) };
  return withPermissionHint('deployments: write', () => activeDeployments(access(context), wanted));
}

/** The active deployments of all previews created since a time (ISO 8601), by pull request. */
export async function activePreviewsSince(
  context: PreviewContext,
  since: string,
): Promise<Map<number, number[]>> {
  const { activeDeploymentsSince } = await import('../../github/deployments.ts');
  const wanted = { environment: ENVIRONMENT, since };
  const active = await withPermissionHint('deployments: write', () =>
    activeDeploymentsSince(access(context), wanted),
  );
  const found = new Map<number, number[]>();
  for (const { id, task: of } of active) {
    const number = Number(/^deploy:pr-(\d+)$/.exec(of)?.[1]);
    if (Number.isSafeInteger(number)) found.set(number, [...(found.get(number) ?? []), id]);
  }
  return found;
}

/** Sets deployments to inactive. */
export async function retireDeployments(context: PreviewContext, ids: readonly number[]): Promise<void> {
  const { setDeploymentStatus } = await import('../../github/deployments.ts');
  await withPermissionHint('deployments: write', async () => {
    for (const id of ids) await setDeploymentStatus(access(context), id, { state: 'inactive' });
  });
}

function task(pullRequest: number): string {
  return `deploy:pr-${pullRequest}`;
}

/** Adds the required permission to GitHub's error, which only reports that a resource is not accessible. */
async function withPermissionHint<T>(permission: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const status = statusOf(error);
    if (status !== 401 && status !== 403) throw error;
    const message = `GitHub denied access: ${sentence(reasonOf(error))} Grant the job \`${permission}\`, and pass its token as github-token.`;
    throw new PlatformError('access-denied', message, { cause: error });
  }
}
