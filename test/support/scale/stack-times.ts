import { stackDatabase } from '../../../sandbox/cloudformation/engine/stack-database.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { DEFAULT_REGION } from '../../../sandbox/world.ts';
import { DEV } from '../aws-clients.ts';

/** The time at which a stack reached a status, from its events, in ms since the epoch. */
export interface StackTime {
  stack: string;
  status: string;
  at: number;
}

/** The statuses of all stacks in the account of dev, including deleted ones. */
export function stackTimes(sandbox: Sandbox): StackTime[] {
  const { stacks } = stackDatabase(sandbox.world, DEV, DEFAULT_REGION);
  return [...stacks.values()].flatMap((stack) =>
    stack.events
      .filter(({ PhysicalResourceId }) => PhysicalResourceId === stack.id)
      .map(({ ResourceStatus, Timestamp }) => ({
        stack: stack.name,
        status: ResourceStatus,
        at: new Date(Timestamp).getTime(),
      })),
  );
}

/** The maximum number of stacks that were in progress at the same time, between two statuses. */
export function maxInParallel(times: readonly StackTime[], begins: string, ends: string): number {
  const steps = times
    .filter(({ status }) => status === begins || status === ends)
    .map(({ status, at }) => ({ at, by: status === begins ? 1 : -1 }))
    .sort((one, other) => one.at - other.at || one.by - other.by);
  let current = 0;
  return Math.max(0, ...steps.map(({ by }) => (current += by)));
}
