import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../../src/core/errors.ts';

/** The files of a commit, in a folder of their own. */
export interface CommitFiles {
  folder: string;
  remove(): void;
}

/**
 * Writes the files of a commit to a temporary folder. The checkout and its index stay as they are.
 *
 * @param revision a branch, a tag or a commit.
 * @throws InputError when git knows no such revision here.
 */
export function filesOfCommit(revision: string, repository: string): CommitFiles {
  const temporary = mkdtempSync(join(tmpdir(), 'rehearse-'));
  const folder = join(temporary, 'files');
  const env = { ...process.env, GIT_INDEX_FILE: join(temporary, 'index') };
  const remove = (): void => {
    rmSync(temporary, { recursive: true, force: true });
  };
  try {
    git(repository, ['read-tree', `${revision}^{tree}`], env);
    git(repository, ['checkout-index', '--all', `--prefix=${folder}/`], env);
    return { folder, remove };
  } catch (error) {
    remove();
    const { stderr = '' } = error as { stderr?: string };
    throw new InputError(
      'base',
      revision,
      `expected a branch, a tag or a commit of this checkout. git: ${stderr.trim()}`,
      { cause: error },
    );
  }
}

/** The commit that is checked out. @throws Error when the folder is in no git repository. */
export function headOf(repository: string): string {
  return git(repository, ['rev-parse', 'HEAD']);
}

/** `owner/name` of the remote `origin`; undefined without one. */
export function originOf(repository: string): string | undefined {
  const remotes = git(repository, ['remote', '-v']);
  return /^origin\s\S*?([\w.-]+\/[\w.-]+?)(?:\.git)?\s/m.exec(remotes)?.[1];
}

function git(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  return execFileSync('git', args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' }).trim();
}
