import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { useWorkspaces } from './action.ts';

/** A repository as checked out for a pull request. */
export interface PullRequestCheckout {
  repository: string;
  /** The base and head commits of the pull request. */
  base: string;
  head: string;
}

/** A repository with a template, and a pull request that changes the template to this text. */
export function pullRequestCheckout(
  workspaceOf: ReturnType<typeof useWorkspaces>,
  change: string,
): PullRequestCheckout {
  const repository = workspaceOf({
    'templates/vpc.yml': 'Resources: {}\n',
    'platform.yml': 'project: shop\n',
  });
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: repository,
      encoding: 'utf8',
    }).trim();
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'base');
  const base = git('rev-parse', 'HEAD');
  writeFileSync(join(repository, 'templates/vpc.yml'), change);
  git('commit', '-qam', 'change');
  return { repository, base, head: git('rev-parse', 'HEAD') };
}
