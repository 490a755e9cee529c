import { ECRClient } from '@aws-sdk/client-ecr';
import type { Sandbox } from '../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { clientOf } from './aws-clients.ts';
import { actingAs } from './roles.ts';

export const REPOSITORY = 'shop/user-service';
export const SHA = 'a'.repeat(40);

/**
 * The permissions that the page of build-push-image requires for `create-repository`. The workflows do not need it,
 * because registry.yml creates repositories.
 */
const CREATE_REPOSITORY = ['ecr:CreateRepository', 'ecr:PutLifecyclePolicy'];

/**
 * Runs the committed bundle of build-push-image on the Node.js of GitHub's runner against a sandbox, with the
 * permissions of the workflows' role.
 */
export function buildPushImage(
  sandbox: Sandbox,
  inputs: Record<string, string>,
  options: RunOptions = {},
): Promise<Run> {
  const all = { repository: REPOSITORY, 'create-repository': 'true', ...inputs };
  const also = all['create-repository'] === 'true' ? CREATE_REPOSITORY : [];
  return runAction('build-push-image', {
    ...options,
    node: options.node ?? [node24()],
    inputs: all,
    env: { ...actingAs(sandbox, 'deploy', { also }), ...options.env },
  });
}

/** The SDK's client for an account and region of the sandbox. */
export function ecrOf(sandbox: Sandbox, account?: string, region?: string): ECRClient {
  return clientOf(sandbox, ECRClient, account, region);
}
