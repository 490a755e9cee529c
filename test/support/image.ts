import { ECRClient } from '@aws-sdk/client-ecr';
import type { Sandbox } from '../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { clientOf } from './aws-clients.ts';

export const REPOSITORY = 'shop/user-service';
export const SHA = 'a'.repeat(40);

/** Runs the committed bundle of build-push-image on the Node.js of GitHub's runner, against a sandbox. */
export function buildPushImage(
  sandbox: Sandbox,
  inputs: Record<string, string>,
  options: RunOptions = {},
): Promise<Run> {
  return runAction('build-push-image', {
    ...options,
    node: options.node ?? [node24()],
    inputs: { repository: REPOSITORY, 'create-repository': 'true', ...inputs },
    env: { ...sandbox.env(), ...options.env },
  });
}

/** AWS's own client, for an account and region of the sandbox. */
export function ecrOf(sandbox: Sandbox, account?: string, region?: string): ECRClient {
  return clientOf(sandbox, ECRClient, account, region);
}
