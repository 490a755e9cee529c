import { DescribeRulesCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { send } from '../../aws/send.ts';
import type { StackResult } from '../../cloudformation/commands/result.ts';
import { PlatformError } from '../../core/errors.ts';
import type { PreviewContext, PreviewRequest } from './context.ts';

/** Elastic Load Balancing's error for a priority that another rule has. */
const TAKEN = /PriorityInUse|Priority '?\d+'? is currently in use/i;

/** The priorities of all rules of a listener. */
export async function usedPriorities(context: PreviewContext, listenerArn: string): Promise<Set<number>> {
  const client = await context.elb();
  const taken = new Set<number>();
  let marker: string | undefined;
  do {
    const command = new DescribeRulesCommand({ ListenerArn: listenerArn, ...(marker && { Marker: marker }) });
    const { Rules = [], NextMarker } = await send(client, command, context);
    for (const { Priority } of Rules) if (/^\d+$/.test(Priority ?? '')) taken.add(Number(Priority));
    marker = NextMarker;
  } while (marker);
  return taken;
}

/**
 * Chooses the first free priority, starting at one derived from the pull request's number. A service with a catch-all path
 * gets a priority in the second half of the range, after the more specific rules of all pull requests: rules are evaluated
 * by priority, and `/*` before `/api/*` would receive all requests.
 *
 * @param taken the priorities of other rules; the chosen one is added.
 * @throws PlatformError if all are in use.
 */
export function choosePriority(
  { base, range }: PreviewRequest['priorities'],
  pullRequest: number,
  paths: string,
  taken: Set<number>,
): number {
  const firstHalf = Math.floor(range / 2);
  const [from, size] = isCatchAll(paths) ? [base + firstHalf, range - firstHalf] : [base, firstHalf];
  for (let step = 0; step < size; step++) {
    const priority = from + ((pullRequest + step) % size);
    if (taken.has(priority)) continue;
    taken.add(priority);
    return priority;
  }
  const most = from + size - 1;
  throw new PlatformError(
    'quota-exceeded',
    `All priorities of the listener from ${from} to ${most} are in use.`,
    { fix: 'Remove previews that are not needed (command: sweep), or increase priority-range.' },
  );
}

function isCatchAll(paths: string): boolean {
  return paths.split(',').some((path) => ['*', '/*'].includes(path.trim()));
}

/** Whether a deployment failed because another rule got its priority after it was chosen. */
export function hasPriorityConflict(result: StackResult): boolean {
  const diagnosis = 'diagnosis' in result ? result.diagnosis : undefined;
  if (!diagnosis) return false;
  const { rootCause, alsoFailed } = diagnosis;
  return [...(rootCause ? [rootCause] : []), ...alsoFailed].some(
    ({ type, reason }) => type === 'AWS::ElasticLoadBalancingV2::ListenerRule' && TAKEN.test(reason),
  );
}
