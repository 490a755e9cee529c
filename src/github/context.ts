import { readFileSync } from 'node:fs';

export interface GitHubContext {
  /** `owner/name` */
  repository: string;
  runId: string;
  runAttempt: number;
  /** The number of the run within its workflow, from 1; 0 outside a workflow. A re-run keeps its number. */
  runNumber: number;
  runUrl: string;
  /**
   * The path of the workflow file, `.github/workflows/pipeline.yml`, or the workflow's name if the path is unknown. Two
   * workflows may have the same name, but number their runs separately. For a reusable workflow, it is the caller's path.
   */
  workflow: string;
  actor: string;
  sha: string;
  ref: string;
  /** The event's name: `push`, `pull_request`, `workflow_dispatch` … */
  event: string;
  /** Present if the event is about a pull request. */
  pullRequest?: EventPullRequest;
  /** The commit that a pull request or a merge group is compared with. */
  baseSha?: string;
  /** Present if another run triggered this one with a `workflow_run` event. */
  triggeringRun?: TriggeringRun;
  serverUrl: string;
  apiUrl: string;
  job: string;
}

/**
 * The run that a `workflow_run` event is about. For this event, `sha` is the last commit of the default branch, and run
 * numbers are in the order in which the triggering runs completed. Neither follows the order of commits.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_run
 */
interface TriggeringRun {
  workflow: string;
  ref: string;
  sha: string;
  runNumber: number;
  runAttempt: number;
}

/** The pull request that the event is about. */
interface EventPullRequest {
  number: number;
  fork: boolean;
  /** The head commit, if the event contains it. `sha` is a merge of the head with the base. */
  headSha?: string;
  /** `opened`, `synchronize`, `closed` … */
  action?: string;
}

interface Payload {
  action?: string;
  pull_request?: {
    number?: number;
    base?: { sha?: string };
    head?: { sha?: string; repo?: { full_name?: string } | null };
  };
  merge_group?: { base_sha?: string };
  issue?: { number?: number; pull_request?: object };
  workflow_run?: {
    path?: string;
    head_branch?: string | null;
    head_sha?: string;
    run_number?: number;
    run_attempt?: number;
  };
}

/**
 * Reads the context of the run from GitHub's default variables and the event file. Outside a workflow, the texts are
 * empty.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/variables
 */
export function readGitHubContext(env: NodeJS.ProcessEnv): GitHubContext {
  const repository = env['GITHUB_REPOSITORY'] ?? '';
  const runId = env['GITHUB_RUN_ID'] ?? '';
  const serverUrl = withoutSlash(env['GITHUB_SERVER_URL'] ?? 'https://github.com');
  const payload = readPayload(env['GITHUB_EVENT_PATH']);
  const pullRequest = pullRequestOf(payload, repository);
  const triggeringRun = triggeringRunOf(payload);
  const baseSha = payload.pull_request?.base?.sha ?? payload.merge_group?.base_sha;
  return {
    repository,
    runId,
    runAttempt: Number(env['GITHUB_RUN_ATTEMPT'] ?? '1'),
    runNumber: Number(env['GITHUB_RUN_NUMBER'] ?? '0'),
    runUrl: `${serverUrl}/${repository}/actions/runs/${runId}`,
    workflow: workflowOf(env, repository),
    actor: env['GITHUB_ACTOR'] ?? '',
    sha: env['GITHUB_SHA'] ?? '',
    ref: env['GITHUB_REF'] ?? '',
    event: env['GITHUB_EVENT_NAME'] ?? '',
    ...(pullRequest && { pullRequest }),
    ...(baseSha !== undefined && { baseSha }),
    ...(triggeringRun && { triggeringRun }),
    serverUrl,
    apiUrl: withoutSlash(env['GITHUB_API_URL'] ?? 'https://api.github.com'),
    job: env['GITHUB_JOB'] ?? '',
  };
}

/** GITHUB_WORKFLOW_REF is `owner/name/.github/workflows/pipeline.yml@refs/heads/main`. */
function workflowOf(env: NodeJS.ProcessEnv, repository: string): string {
  const [path = ''] = (env['GITHUB_WORKFLOW_REF'] ?? '').split('@');
  if (path === '') return env['GITHUB_WORKFLOW'] ?? '';
  return path.startsWith(`${repository}/`) ? path.slice(repository.length + 1) : path;
}

function pullRequestOf(payload: Payload, repository: string): EventPullRequest | undefined {
  const { pull_request: pull, issue } = payload;
  if (pull?.number !== undefined) {
    // The head's repository is null if the fork was deleted.
    const headSha = pull.head?.sha;
    return {
      number: pull.number,
      fork: pull.head?.repo?.full_name !== repository,
      ...(headSha !== undefined && { headSha }),
      ...(payload.action !== undefined && { action: payload.action }),
    };
  }
  // A comment event does not contain the head's repository, so the pull request is treated as one from a fork.
  if (issue?.pull_request && issue.number !== undefined) return { number: issue.number, fork: true };
  return undefined;
}

function triggeringRunOf({ workflow_run: run }: Payload): TriggeringRun | undefined {
  if (run?.path === undefined || run.head_sha === undefined || run.run_number === undefined) return undefined;
  return {
    // The path may end with `@` and a ref.
    workflow: run.path.split('@')[0] ?? '',
    ref: `refs/heads/${run.head_branch ?? ''}`,
    sha: run.head_sha,
    runNumber: run.run_number,
    runAttempt: run.run_attempt ?? 1,
  };
}

/** An event file that cannot be read is ignored: it is needed only for comments. */
function readPayload(path: string | undefined): Payload {
  if (!path) return {};
  try {
    const payload: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof payload === 'object' && payload !== null ? payload : {};
  } catch {
    return {};
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
