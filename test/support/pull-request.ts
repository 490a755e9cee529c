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

const MANIFEST = `
project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111' }
  staging: { account: '222222222222' }
  prod: { account: '333333333333' }
stacks:
  messages: { template: templates/messages.yml }
services: {}
`;

/** The template before the pull request. */
export const BASE_TEMPLATE = `
Resources:
  Topic: { Type: AWS::SNS::Topic }
`;

/** A platform of three environments with one stack, and a pull request that changes its template to this text. */
export function pullRequestCheckout(
  workspaceOf: ReturnType<typeof useWorkspaces>,
  change: string,
): PullRequestCheckout {
  const repository = workspaceOf({ 'templates/messages.yml': BASE_TEMPLATE, 'platform.yml': MANIFEST });
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: repository,
      encoding: 'utf8',
    }).trim();
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'base');
  const base = git('rev-parse', 'HEAD');
  writeFileSync(join(repository, 'templates/messages.yml'), change);
  git('commit', '-qam', 'change');
  return { repository, base, head: git('rev-parse', 'HEAD') };
}
