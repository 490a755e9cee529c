import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { InputError, reasonOf } from '../core/errors.ts';
import { runCommand } from '../core/exec.ts';
import type { GitHubContext } from './context.ts';

/** A commit, and the repository that has it. Empty where they are unknown. */
export interface Checkout {
  commit: string;
  /** `owner/name`; with the host before it on another server than the run's. */
  repository: string;
}

/** Where a checkout is looked for. */
interface Place {
  workspace: string;
  /** Absolute path, in the workspace or not. */
  folder: string;
  github: GitHubContext;
  env: NodeJS.ProcessEnv;
  context: Pick<Context, 'log' | 'signal'>;
}

/**
 * What the job has checked out in a folder: HEAD of the nearest git repository between the folder and the workspace.
 * GITHUB_SHA is another commit where `actions/checkout` was given a `ref` or a `repository`.
 *
 * @returns undefined where there is no git repository, or git cannot read it, which is a warning.
 */
export async function readCheckout(place: Place): Promise<Checkout | undefined> {
  const { github, env, context } = place;
  const gitFolder = findGitFolder(place);
  if (gitFolder === undefined) return undefined;
  // With --git-dir, git does not check the owner of the repository (setup_git_directory_gently_1 in git's setup.c).
  // In a container the workspace belongs to another user: https://github.com/actions/checkout/issues/1048
  const git = (...args: string[]) => runCommand('git', ['--git-dir', gitFolder, ...args], { env }, context);
  try {
    const [head, origin] = await Promise.all([
      git('rev-parse', '--verify', 'HEAD'),
      git('config', '--get', 'remote.origin.url'),
    ]);
    if (head.exitCode === 0) {
      return { commit: head.stdout.trim(), repository: repositoryIn(origin.stdout.trim(), github) };
    }
    warn(context, gitFolder, `git: ${head.stderr.trim()}`);
  } catch (error) {
    context.signal.throwIfAborted();
    warn(context, gitFolder, reasonOf(error));
  }
  return undefined;
}

/**
 * The commit that a step works with: the given one, else that of the checkout, else the run's. A commit other than
 * GITHUB_SHA is a notice.
 */
export function commitOf(
  given: string | undefined,
  checkout: Checkout | undefined,
  { github, context }: Pick<Place, 'github' | 'context'>,
): Checkout {
  const { repository, sha } = github;
  const found = checkout ?? { commit: sha, repository };
  const commit = given === undefined ? found : { ...found, commit: requireCommit(given) };
  if (sha !== '' && (commit.commit !== sha || commit.repository !== repository)) {
    const of = commit.repository === repository ? '' : ` of ${commit.repository}`;
    context.log.notice(`The commit is ${commit.commit}${of}, not GITHUB_SHA (${sha}).`);
  }
  return commit;
}

/** The page of a checkout's repository; empty where it is unknown. */
export function repositoryUrl({ repository }: Checkout, { serverUrl }: GitHubContext): string {
  if (repository === '') return '';
  const hasHost = repository.split('/').length > 2;
  return hasHost ? `https://${repository}` : `${serverUrl}/${repository}`;
}

/** SHA-1 or SHA-256. */
function requireCommit(given: string): string {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(given)) return given;
  throw new InputError('commit', given, 'expected a whole commit SHA of 40 hex digits');
}

/** A worktree and a submodule have a file `.git`, which git follows. */
function findGitFolder({ workspace, folder }: Place): string | undefined {
  const path = relative(workspace, folder);
  const isInside = !isAbsolute(path) && path.split(/[\\/]/)[0] !== '..';
  for (let at = isInside ? folder : workspace; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return join(at, '.git');
    if (resolve(at) === resolve(workspace)) return undefined;
  }
}

/** `https://host/owner/name.git`, also with credentials, `ssh://git@host/owner/name` and `git@host:owner/name`. */
const REMOTE =
  /^(?:(?:https?|ssh|git):\/\/(?:[^@/]*@)?([^:/]+)(?::\d+)?\/|(?:[^@/:]+@)?([^:/]+):(?!\/))(.+?)(?:\.git)?\/?$/;

/** A repository without an origin, or with one on this machine, is taken for the run's. */
function repositoryIn(origin: string, { repository, serverUrl }: GitHubContext): string {
  const [, urlHost, sshHost, path = ''] = REMOTE.exec(origin) ?? [];
  const host = urlHost ?? sshHost;
  if (host === undefined) return repository;
  if (host.toLowerCase() !== new URL(serverUrl).hostname.toLowerCase()) return `${host}/${path}`;
  // GitHub's names have no case.
  return path.toLowerCase() === repository.toLowerCase() ? repository : path;
}

function warn({ log }: Place['context'], gitFolder: string, why: string): void {
  log.warning(
    `The commit of the checkout ${dirname(gitFolder)} could not be read, so GITHUB_SHA is taken for it. ` +
      `Fix: Set the input commit if the job has checked out another one. (${why})`,
  );
}
