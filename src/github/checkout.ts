import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { Context } from '../core/context.ts';
import { InputError, reasonOf } from '../core/errors.ts';
import { runCommand } from '../core/exec.ts';
import type { GitHubContext } from './context.ts';

/** A commit and its repository; empty if unknown. */
export interface Checkout {
  commit: string;
  /** `owner/name`, or `host/owner/name` on a different server than the run's. */
  repository: string;
}

/** Where to look for a checkout. */
interface CheckoutLocation {
  workspace: string;
  /** Absolute path, inside or outside the workspace. */
  folder: string;
  github: GitHubContext;
  env: NodeJS.ProcessEnv;
  context: Pick<Context, 'log' | 'signal'>;
}

/**
 * Reads the commit that the job has checked out: HEAD of the nearest git repository between the folder and the workspace.
 * It is not GITHUB_SHA if `actions/checkout` was given a `ref` or a `repository`.
 *
 * @returns undefined if there is no git repository, or if git cannot read it, which is a warning.
 */
export async function readCheckout(location: CheckoutLocation): Promise<Checkout | undefined> {
  const { github, env, context } = location;
  const gitFolder = findGitFolder(location);
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
 * The commit that a step uses: the given one, that of the checkout, or that of the run, in this order. A commit other than
 * GITHUB_SHA is reported as a notice.
 */
export function commitOf(
  given: string | undefined,
  checkout: Checkout | undefined,
  { github, context }: Pick<CheckoutLocation, 'github' | 'context'>,
): Checkout {
  const { repository, sha } = github;
  const found = checkout ?? { commit: sha, repository };
  const commit = given === undefined ? found : { ...found, commit: requireCommit(given) };
  if (sha !== '' && (commit.commit !== sha || commit.repository !== repository)) {
    const of = commit.repository === repository ? '' : ` of ${commit.repository}`;
    context.log.notice(`Using commit ${commit.commit}${of} instead of GITHUB_SHA (${sha}).`);
  }
  return commit;
}

/** The URL of a checkout's repository; empty if unknown. */
export function repositoryUrl({ repository }: Checkout, { serverUrl }: GitHubContext): string {
  if (repository === '') return '';
  const hasHost = repository.split('/').length > 2;
  return hasHost ? `https://${repository}` : `${serverUrl}/${repository}`;
}

/** SHA-1 or SHA-256. */
function requireCommit(given: string): string {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(given)) return given;
  throw new InputError('commit', given, 'expected a full commit SHA (40 hexadecimal digits)');
}

/** In a worktree or submodule, `.git` is a file, which git resolves. */
function findGitFolder({ workspace, folder }: CheckoutLocation): string | undefined {
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

/** A repository without an origin, or with a local one, is assumed to be the run's. */
function repositoryIn(origin: string, { repository, serverUrl }: GitHubContext): string {
  const [, urlHost, sshHost, path = ''] = REMOTE.exec(origin) ?? [];
  const host = urlHost ?? sshHost;
  if (host === undefined) return repository;
  if (host.toLowerCase() !== new URL(serverUrl).hostname.toLowerCase()) return `${host}/${path}`;
  // Names on GitHub are not case-sensitive.
  return path.toLowerCase() === repository.toLowerCase() ? repository : path;
}

function warn({ log }: CheckoutLocation['context'], gitFolder: string, why: string): void {
  log.warning(
    `Cannot read the commit of the checkout ${dirname(gitFolder)}, so GITHUB_SHA is used (${why}). ` +
      'Fix: Set the input commit if the job has checked out another commit.',
  );
}
