import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { CLUSTER, SERVICE, type EcsWorld } from '../unit/sandbox/ecs/ecs-world.ts';
import { DEV } from './action.ts';
import { actingAs, roleFor } from './roles.ts';

/** A different image from that of the service in an EcsWorld. */
export const NEXT = imageOf('2');

export function imageOf(digit: string): string {
  return `registry.example.com/user-service@sha256:${digit.repeat(64)}`;
}

/**
 * Runs the committed bundle of update-service on the Node.js of GitHub's runner against the service of a sandbox, with
 * the permissions of the role that the workflows give such a job.
 */
export function updateService(
  { sandbox }: Pick<EcsWorld, 'sandbox'>,
  inputs: Record<string, string>,
  options: RunOptions = {},
): Promise<Run> {
  return runAction('update-service', {
    ...options,
    node: options.node ?? [node24()],
    inputs: { cluster: CLUSTER, service: SERVICE, timeout: '280s', ...inputs },
    env: { ...actingAs(sandbox, roleFor(inputs), { account: DEV }), ...options.env },
  });
}
