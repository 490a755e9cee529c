import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../core/context.ts';
import { InputError } from '../core/errors.ts';
import { runCommand } from '../core/exec.ts';

/** The files of a commit in a temporary folder. */
export interface CommitFiles {
  folder: string;
  remove(): void;
}

/**
 * Writes the files of a commit to a temporary folder. The checkout and its index are not changed, and filters of the
 * machine's git configuration, such as Git LFS, are not run.
 *
 * @param revision a branch, a tag or a commit.
 * @param repository the folder that contains `.git`.
 * @throws InputError if the repository does not contain the revision.
 */
export async function filesOfCommit(
  revision: string,
  repository: string,
  { context, env }: { context: Pick<Context, 'signal'>; env: NodeJS.ProcessEnv },
): Promise<CommitFiles> {
  const temporary = mkdtempSync(join(env['RUNNER_TEMP'] ?? tmpdir(), 'rehearse-'));
  const folder = join(temporary, 'files');
  mkdirSync(folder);
  const git = async (...args: string[]): Promise<void> => {
    // With --git-dir, git does not check the repository's owner, which is another user in a container.
    const command = ['--git-dir', join(repository, '.git'), '--work-tree', folder, ...NO_FILTERS, ...args];
    const options = { env: { ...env, GIT_INDEX_FILE: join(temporary, 'index') }, cwd: folder };
    const { exitCode, stderr } = await runCommand('git', command, options, context);
    if (exitCode !== 0) throw missing(revision, stderr.trim());
  };
  const remove = (): void => {
    rmSync(temporary, { recursive: true, force: true });
  };
  try {
    await git('read-tree', '--end-of-options', `${revision}^{tree}`);
    await git('checkout-index', '--all', '--quiet');
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** @see https://git-scm.com/docs/gitattributes#_filter */
const NO_FILTERS = [
  'filter.lfs.smudge=',
  'filter.lfs.process=',
  'filter.lfs.required=false',
  'core.hooksPath=/dev/null',
].flatMap((setting) => ['-c', setting]);

function missing(revision: string, stderr: string): InputError {
  return new InputError(
    'base',
    revision,
    `expected a branch, a tag or a commit of this checkout. git: ${stderr}`,
    {
      fix: 'Set `fetch-depth: 0` for actions/checkout, so that the checkout contains the base of the pull request.',
    },
  );
}
