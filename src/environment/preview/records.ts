import { PlatformError, reasonOf } from '../../core/errors.ts';
import { statusOf } from '../../github/client.ts';
import type { DeploymentState } from '../../github/deployments.ts';
import type { PullRequest, PullRequestState } from '../../github/pulls.ts';
import type { PreviewContext } from './context.ts';

/** GITHUB_TOKEN cannot delete an environment, so all previews share one and are told apart by their task. */
const ENVIRONMENT = 'preview';

function access(
  context: PreviewContext,
): Pick<PreviewContext, 'token' | 'github'> & { context: PreviewContext } {
  return { token: context.token, github: context.github, context };
}

/** The pull request as it is now; undefined when GitHub does not show it. */
export async function pullRequestNow(
  context: PreviewContext,
  number: number,
): Promise<PullRequest | undefined> {
  const { readPullRequest } = await import('../../github/pulls.ts');
  return asked('pull-requests: read', () => readPullRequest(access(context), number));
}

/** The pull requests as they are now, by number, few calls for many; those that GitHub does not show are left out. */
export async function pullRequestStates(
  context: PreviewContext,
  numbers: readonly number[],
): Promise<Map<number, PullRequestState>> {
  if (numbers.length === 0) return new Map();
  const { readPullRequestStates } = await import('../../github/pulls.ts');
  return asked('pull-requests: read', () => readPullRequestStates(access(context), numbers));
}

/** Records that the commit is being deployed; the deployment's id. */
export async function beginDeployment(
  context: PreviewContext,
  pullRequest: number,
  commit: string,
): Promise<number> {
  const { createDeployment, setDeploymentStatus } = await import('../../github/deployments.ts');
  return asked('deployments: write', async () => {
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

/** Ends a deployment; what GitHub answers to it changes no verdict. With a signal of its own, as the job may be over. */
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
    context.log.warning(`The state of deployment ${id} could not be set: ${reasonOf(error)}`);
  }
}

/** The deployments of a pull request's preview that GitHub shows as active. */
export async function activePreviews(context: PreviewContext, pullRequest: number): Promise<number[]> {
  const { activeDeployments } = await import('../../github/deployments.ts');
  const wanted = { environment: ENVIRONMENT, task: task(pullRequest) };
  return asked('deployments: write', () => activeDeployments(access(context), wanted));
}

/** The active deployments of all previews that were created from a time on (ISO 8601), by pull request. */
export async function activePreviewsSince(
  context: PreviewContext,
  since: string,
): Promise<Map<number, number[]>> {
  const { activeDeploymentsSince } = await import('../../github/deployments.ts');
  const wanted = { environment: ENVIRONMENT, since };
  const active = await asked('deployments: write', () => activeDeploymentsSince(access(context), wanted));
  const found = new Map<number, number[]>();
  for (const { id, task: of } of active) {
    const number = Number(/^deploy:pr-(\d+)$/.exec(of)?.[1]);
    if (Number.isSafeInteger(number)) found.set(number, [...(found.get(number) ?? []), id]);
  }
  return found;
}

/** Sets deployments inactive. */
export async function retireDeployments(context: PreviewContext, ids: readonly number[]): Promise<void> {
  const { setDeploymentStatus } = await import('../../github/deployments.ts');
  await asked('deployments: write', async () => {
    for (const id of ids) await setDeploymentStatus(access(context), id, { state: 'inactive' });
  });
}

function task(pullRequest: number): string {
  return `deploy:pr-${pullRequest}`;
}

/** GitHub says only that something is not accessible; this says what to give the job. */
async function asked<T>(permission: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const status = statusOf(error);
    if (status !== 401 && status !== 403) throw error;
    const hint = `give the job \`permissions: ${permission}\`, and github-token its value`;
    throw new PlatformError('access-denied', `GitHub refuses it (${reasonOf(error)}): ${hint}.`, {
      cause: error,
    });
  }
}
